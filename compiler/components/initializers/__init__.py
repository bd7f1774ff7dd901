"""Components: initializers, one a file."""
