"""The grammar of the language and its table, shipped as data."""
