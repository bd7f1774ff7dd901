"""An audit of the data of a spec: what its columns hold, and what may go wrong with them."""
