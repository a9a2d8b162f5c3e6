"""Model folders and ONNX Runtime: installed models, which of their files may run, and the sessions that run them."""
