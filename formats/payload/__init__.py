"""A chunk's payload: its bytes to side information, hyper latents and quantization indices, and back."""
