"""What C libraries print on standard error by themselves, kept from the terminal in processes that are aez's own.

The decoders in libsndfile have no option for it: mpg123 prints a line for every frame of an mp3 whose coded bits are
damaged, whatever the caller says of the file afterwards. Only the C library's stream is exchanged. Descriptor 2 stays
what it is, and with it what Python, the interpreter's fault handler and child processes write.
"""

from __future__ import annotations

import os

_is_ours = False


def keep_quiet() -> None:
    """Have C libraries say nothing in this process once it reads audio; for processes that run nothing but aez."""
    global _is_ours
    _is_ours = True


def replace() -> None:
    """Point the C library's `stderr` at the null device, if this process is to keep quiet.

    glibc says that a program may do so (The GNU C Library, Standard Streams). Other C libraries keep what they have.
    """
    global _is_ours
    if not _is_ours:
        return
    _is_ours = False  # once is enough
    import ctypes  # takes milliseconds

    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018  # musl's stderr is in memory that cannot be written
        stream = ctypes.c_void_p.in_dll(libc, "stderr")
        null = os.open(os.devnull, os.O_WRONLY)
    except (TypeError, AttributeError, ValueError, OSError):  # Windows, not glibc, no such variable, no null device
        return
    libc.fdopen.restype = ctypes.c_void_p
    stream.value = libc.fdopen(null, b"w") or stream.value
