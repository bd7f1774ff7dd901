"""Components: preprocessing, one a file."""
