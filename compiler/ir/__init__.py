"""The typed graph of a network."""
