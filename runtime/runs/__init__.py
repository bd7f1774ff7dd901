"""Runs that have been made: found, listed, compared."""
