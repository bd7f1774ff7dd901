"""Components: averages, one a file."""
