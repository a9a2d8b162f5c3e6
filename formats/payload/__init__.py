"""The payload of a chunk: side information, hyper latents and quantization indices to bytes, and back."""
