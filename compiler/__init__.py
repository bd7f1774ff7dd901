"""The compiler: text in, typed graph and source text out. No torch, no file writes."""
