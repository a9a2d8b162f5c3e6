"""Time and memory of whole processes, next to peers; time of entropy coding alone."""
