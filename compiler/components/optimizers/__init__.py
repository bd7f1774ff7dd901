"""Components: optimizers, one a file."""
