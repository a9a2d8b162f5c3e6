"""Memory maps that are read from front to back without holding the whole file.

A map's pages count as memory of the process from the first look at them on. A search through an hour of flac would map
370 MB, so pages are let go of on the way; the system still has them, should they be looked at again.
"""

from __future__ import annotations

import mmap
import sys
from typing import Any

STEP = 1 << 22
"""Bytes after which pages are let go of."""


def let_go(data: Any) -> None:
    """Have none of a map's pages count as memory of the process; bytes, and maps on Windows, are left alone."""
    if sys.platform != "win32" and isinstance(data, mmap.mmap):
        data.madvise(mmap.MADV_DONTNEED)


def find(data: Any, what: bytes, at: int = 0) -> int:
    """Where some bytes are from `at` on, in bytes or in a memory map; -1 if they are not there."""
    while at < len(data):
        found: int = data.find(what, at, at + STEP + len(what) - 1)
        if found >= 0:
            return found
        let_go(data)
        at += STEP
    return -1
