"""The online services that citizens find, as data."""
