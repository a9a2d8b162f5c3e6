"""Makes what is in models/: data, networks, training, export, measurement. Only this package imports torch."""
