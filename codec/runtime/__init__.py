"""Installed models, which of their files may run, and what runs them: ONNX Runtime, or NumPy where it is missing."""
