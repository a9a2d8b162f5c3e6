"""Audio to .aez and back."""
