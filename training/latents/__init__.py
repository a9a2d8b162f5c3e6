"""Maps of the latent space."""
