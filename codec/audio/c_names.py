"""Names of files as C libraries take them."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def c_name(path: Path) -> str | bytes:
    """The name of a file for `soundfile`: its bytes as the system has them, which need be no text; text on Windows."""
    return str(path) if sys.platform == "win32" else os.fsencode(path)
