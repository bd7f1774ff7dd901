"""From a program and its weights to one ONNX file, compared with PyTorch."""
