"""A mail server that takes every mail, delivers none and shows them on a page. For development and tests only."""
