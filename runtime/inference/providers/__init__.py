"""What can run a model file: the processor, CUDA, TensorRT, OpenVINO."""
