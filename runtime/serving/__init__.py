"""Models that answer over a network, and the page to try them."""
