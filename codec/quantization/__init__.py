"""What the encoder decides: quantization indices and hyper latents, by rate and distortion."""
