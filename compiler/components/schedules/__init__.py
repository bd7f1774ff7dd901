"""Components: schedules, one a file."""
