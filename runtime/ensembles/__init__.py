"""Several trained networks that answer as one."""
