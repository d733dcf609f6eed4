"""Accounts, sign-in, sessions and the link to the Landeskonto."""
