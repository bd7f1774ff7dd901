"""Source text and ONNX graphs from a program."""
