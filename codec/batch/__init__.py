"""Many files: which there are, what is done to each, on threads or on Ray."""
