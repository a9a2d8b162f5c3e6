"""Arrays in memory that two processes have mapped.

The standard library's `SharedMemory` keeps a name until somebody unlinks it, also after a kill, and dies of a page that
cannot be had. Here the room is reserved beforehand, and the name is gone as soon as both sides have mapped it.
"""

from __future__ import annotations

import mmap
import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from formats.errors import UsageError

FOLDERS: tuple[str | None, ...] = ("/dev/shm", None)
"""Where mapped files are tried: in Linux's memory, which may be small, then in the folder for temporary files."""

ALIGNED = 64
"""Bytes to which arrays are aligned."""

NAMED = os.name == "nt"
"""Whether the system names memory itself; a file could not be removed there while it is mapped."""


class Place(NamedTuple):
    """An array in mapped memory."""

    dtype: str
    shape: tuple[int, ...]
    start: int

    def view(self, memory: mmap.mmap) -> NDArray[Any]:
        """The array itself, not a copy."""
        return np.ndarray(self.shape, np.dtype(self.dtype), memory, self.start)


def placed(arrays: Mapping[str, NDArray[Any]]) -> tuple[dict[str, Place], int]:
    """Places for arrays one after another, and the bytes that they take."""
    places, end = {}, 0
    for name, array in arrays.items():
        places[name] = Place(array.dtype.str, array.shape, end)
        end += -(-array.nbytes // ALIGNED) * ALIGNED
    return places, end


def created(size: int) -> tuple[str, mmap.mmap]:
    """Mapped memory of so many bytes, and its name for `attached`.

    Raises:
        UsageError: the machine has no room for it.
    """
    if NAMED:
        name = f"aez-{secrets.token_hex(16)}"
        return name, _named(name, size)
    reason = ""
    for folder in FOLDERS:
        try:
            number, name = tempfile.mkstemp(prefix="aez-", dir=folder)
        except OSError as error:
            reason = error.strerror or str(error)
            continue
        try:
            with os.fdopen(number, "r+b") as file:
                reserve(file.fileno(), size)
                return name, mmap.mmap(file.fileno(), size)
        except OSError as error:
            reason = error.strerror or str(error)
            forget(name)
    raise UsageError(f"there is no room for {size} bytes of shared memory: {reason}")


def attached(name: str, size: int) -> mmap.mmap:
    """Map what another process has created; a file loses its name by that.

    Raises:
        OSError: it cannot be mapped.
    """
    if NAMED:
        return _named(name, size)
    with Path(name).open("r+b") as file:
        memory = mmap.mmap(file.fileno(), size)
    forget(name)
    return memory


def forget(name: str) -> None:
    """Take away the name of mapped memory that nobody will attach any more."""
    if name and not NAMED:
        with suppress(OSError):
            Path(name).unlink()


def _named(name: str, size: int) -> mmap.mmap:
    return mmap.mmap(-1, size, tagname=name)  # type: ignore[call-arg, unused-ignore]  # Windows alone has it


def reserve(number: int, size: int) -> None:
    """Make a file so long, and keep room for it now: a page that cannot be had later would kill the process.

    Raises:
        OSError: there is no room.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(number, 0, size)
    else:
        os.truncate(number, size)
