"""What a decoded clip is worth next to its reference."""
