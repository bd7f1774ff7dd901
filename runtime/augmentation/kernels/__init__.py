"""How each augmentation runs, one a file."""
