"""Encoding audio to .aez and decoding it, chunk by chunk; see `encode` and `decode` for the two stories."""
