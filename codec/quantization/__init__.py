"""Rate-distortion optimized quantization of hyper latents and main latents."""
