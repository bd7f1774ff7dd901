"""Averages of the weights as hooks, one a file, named as the components that they run."""
