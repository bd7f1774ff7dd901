"""Components: objectives, one a file."""
