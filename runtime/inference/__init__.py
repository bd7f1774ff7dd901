"""Answers of an exported model with onnxruntime alone."""
