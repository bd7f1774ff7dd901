"""The model zoo: one spec a model, shared blocks, small real data sets."""
