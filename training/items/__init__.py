"""Where the items of a training step come from, for both kinds of autoencoder."""
