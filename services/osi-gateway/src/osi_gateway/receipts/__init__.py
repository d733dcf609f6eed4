"""Security event tokens: what the exchange and the authority have signed about a submission."""
