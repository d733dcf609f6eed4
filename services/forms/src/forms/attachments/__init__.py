"""Files that come with applications."""
