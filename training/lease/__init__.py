"""A quarter of an hour of a rented GPU, spent in one go: what travels, what runs there, and what comes back."""
