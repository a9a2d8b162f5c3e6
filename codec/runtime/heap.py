"""The C library's heap in processes whose work is coding: the command, and the workers of a batch.

By default glibc hands every large array back to the system as soon as it is freed, and the next one of the same size
costs page faults again: a tenth of the time of decoding where many processes do so at once (training/LOG.md). It also
gives every thread a heap of its own, each of which keeps what its thread once needed.
"""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Numbers of mallopt(3)."""

LARGEST_KEPT = 32 << 20
"""Bytes of an array from which it is mapped by itself; glibc takes no larger number."""

KEPT = 128 << 20
"""Free bytes at the end of the heap from which they are handed back."""

_kept = False


def keeps_freed_memory() -> bool:
    """Whether `keep_freed_memory` worked in this process: nobody else needs to keep memory then."""
    return _kept


def keep_freed_memory() -> bool:
    """Keep what is freed for the arrays to come, of any thread, for the rest of this process.

    To be called before threads are started.

    Returns:
        whether this C library can do that.
    """
    global _kept
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has no such function
        return False
    _kept = all(
        mallopt(number, size) == 1
        for number, size in ((M_MMAP_THRESHOLD, LARGEST_KEPT), (M_TRIM_THRESHOLD, KEPT), (M_ARENA_MAX, 1))
    )
    return _kept
