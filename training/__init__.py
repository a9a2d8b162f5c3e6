"""Makes what lies in models/: data, networks, training, export, measurement. The only room that knows torch."""
