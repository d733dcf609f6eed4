"""The key that forms seals application packages to."""
