"""Formats of data files, one a file: each makes a table of rows and named columns."""
