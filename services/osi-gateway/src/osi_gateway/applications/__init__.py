"""What forms tells of an application that a citizen has handed in."""
