"""The ranked autoencoder: network, losses, training loop, integer tables, export to ONNX."""
