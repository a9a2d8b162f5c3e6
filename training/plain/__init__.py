"""The study's plain autoencoders, in which every latent is a fixed combination of the frame."""
