"""Everything that a spec can name beside its layers: one file each, found by file name."""
