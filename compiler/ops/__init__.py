"""The layers: one op a file, found by file name and imported only when a spec names it."""
