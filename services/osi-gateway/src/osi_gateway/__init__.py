"""Submissions to the state's data exchange and their receipts."""
