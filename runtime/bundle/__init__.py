"""One folder that holds a trained model and all that running it elsewhere needs."""
