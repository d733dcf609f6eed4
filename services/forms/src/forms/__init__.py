"""The catalogue of online services, drafts and applications."""
