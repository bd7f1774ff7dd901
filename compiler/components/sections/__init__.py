"""Components: sections, one a file."""
