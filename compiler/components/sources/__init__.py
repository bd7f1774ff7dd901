"""Components: sources, one a file."""
