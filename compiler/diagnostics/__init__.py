"""What is wrong with a spec: the data, the catalog of codes, suggestions, pages, renderers."""
