"""Applications from the draft to the answer."""
