"""Inspecting files: info, verify, genre, and pictures of their latents."""
