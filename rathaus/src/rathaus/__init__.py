"""The command rathaus and the embedded stack."""
