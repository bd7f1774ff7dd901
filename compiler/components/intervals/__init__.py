"""Components: intervals, one a file."""
