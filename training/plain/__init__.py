"""The study's plain autoencoders, whose every latent is a fixed mix of the frame."""
