"""Makes what is in models/: data, networks, training, export, measurement. Only this package imports torch."""

import codec  # noqa: F401  # turns ONNX Runtime's telemetry off, before torch's export imports it
