"""Components: postprocessing, one a file."""
