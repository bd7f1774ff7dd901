"""A first spec for a file of data: what its columns are, and a network that suits them."""
