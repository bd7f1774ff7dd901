"""A run as one page that opens anywhere: without network, scripts or files beside it."""
