"""Everything that touches tensors, devices, files of weights and processes."""
