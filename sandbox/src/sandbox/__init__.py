"""The state's side to run against: exchange, routing, Landeskonto, a receiving authority."""
