"""Audio to .aez and back, chunk by chunk."""
