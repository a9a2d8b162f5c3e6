"""Model folders and ONNX Runtime: which models there are, which may run, and the sessions that run them."""
