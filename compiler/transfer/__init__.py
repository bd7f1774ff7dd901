"""What of a weights file goes where in a network: names and shapes, no tensors."""
