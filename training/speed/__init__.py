"""Time and memory of whole processes, next to peers."""
