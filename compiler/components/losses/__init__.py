"""Components: losses, one a file."""
