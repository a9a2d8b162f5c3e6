"""What files tell without being played: info, verify, genre, latent pictures."""
