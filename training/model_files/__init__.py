"""What an export writes: ONNX graphs with their proof of parity, and model folders with their cards."""
