"""One application on its way to the authority and its answer on the way back."""
