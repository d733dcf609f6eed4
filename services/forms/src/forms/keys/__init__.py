"""The keys that packages are sealed to."""
