"""The codec behind `import aez` (`codec.api`) and the `aez` command (`codec.cli`)."""

import os

# ONNX Runtime reads this variable when it is imported, and from then on keeps a device id in the home folder and sends
# events; its `disable_telemetry_events` does not stop that. Python imports a package before anything inside it, so this
# line is ahead of every import of ONNX Runtime, also in worker processes. It overrules a 0 as well.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
