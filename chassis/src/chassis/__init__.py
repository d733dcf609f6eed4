"""What the five services would otherwise each copy."""
