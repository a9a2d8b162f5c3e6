"""One process at a time in a folder of results."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from formats.errors import UsageError

NAME = ".lock"
"""File in the folder. The system frees it when the process ends, however it ends; the file itself may stay."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a folder, which is made if need be, for the length of a with block.

    Raises:
        UsageError: another process keeps it.
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(folder / NAME, timeout=0, is_singleton=False)
        lock.acquire()
    except Timeout:
        raise UsageError(f"another process is at work in {folder}: wait for it, or name another folder") from None
    try:
        yield
    finally:
        lock.release()
