"""The genre study: what latents know of a song's genre."""
