"""Training: the loop, checkpoints that survive a kill, metrics, early stopping."""
