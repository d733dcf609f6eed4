"""Whose applications may go out: an account's link to the Landeskonto, and what waits for it."""
