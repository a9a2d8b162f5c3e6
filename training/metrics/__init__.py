"""Objective metrics of a decoded clip against its reference."""
