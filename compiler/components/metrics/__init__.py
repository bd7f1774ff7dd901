"""Components: metrics, one a file."""
