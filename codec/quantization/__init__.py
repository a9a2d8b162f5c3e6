"""What the encoder decides by rate and distortion: hyper latents and the quantization indices of main latents."""
