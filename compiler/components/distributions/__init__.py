"""Components: distributions, one a file."""
