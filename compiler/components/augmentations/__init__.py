"""Components: augmentations, one a file."""
