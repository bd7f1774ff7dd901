"""Starting from trained weights: files of weights, opened, judged and copied into a module."""
