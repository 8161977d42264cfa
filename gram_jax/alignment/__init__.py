"""What clicks teach beyond the mined codes: relevance, and what the generators teach each other."""
