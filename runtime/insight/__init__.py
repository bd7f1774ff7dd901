"""What a trained network gets wrong, why, and what to try next."""
