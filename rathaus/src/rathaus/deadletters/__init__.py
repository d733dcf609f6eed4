"""Dead letters for the operator: see them, replay them, give them up; ``rathaus deadletters``."""
