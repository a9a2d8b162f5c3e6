"""Output files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from formats.errors import UsageError


def check_target(target: Path, *, force: bool = False, source: Path | None = None) -> None:
    """Refuse a target that must not be written, before any work is done.

    Raises:
        UsageError: it is a directory, exists and force is not given, is the source itself, or its folder is missing.
    """
    if target.is_dir():
        raise UsageError(f"{target} is a directory")
    if source is not None and target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{target} is the input itself")
    if os.path.lexists(target) and not force:
        raise UsageError(f"{target} exists already; --force overwrites it")
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent} is no directory to write to")


@contextlib.contextmanager
def new_file(target: Path, *, force: bool = False, source: Path | None = None) -> Iterator[BinaryIO]:
    """Open a temporary file next to target that takes its name when the block ends well.

    Any exception, KeyboardInterrupt and SystemExit included, removes it and leaves an older target as it was. Devices
    and pipes (/dev/null) are written directly.

    Raises:
        UsageError: as `check_target`.
        OSError: the folder cannot be written, the disk is full.
    """
    check_target(target, force=force or _is_special(target), source=source)
    if _is_special(target):
        with target.open("wb") as special:
            yield special
        return
    final = target.resolve()  # a link stays a link: what it names is replaced
    handle, name = tempfile.mkstemp(prefix=f".{final.name[:100]}.", suffix=".part", dir=final.parent)
    part = Path(name)
    file = os.fdopen(handle, "wb")
    try:
        yield file
        file.close()
        part.chmod(_mode(final))
        part.replace(final)
    except BaseException:
        with contextlib.suppress(OSError):  # what is still buffered may find the disk full again
            file.close()
        part.unlink(missing_ok=True)
        raise


def _is_special(target: Path) -> bool:
    return target.exists() and not target.is_file() and not target.is_dir()


_umask = Lock()  # two threads that ask for the umask at once would leave it at 0


def _mode(final: Path) -> int:
    """Return the permissions the file would have had, had it been opened in the plain way."""
    if final.exists():
        return final.stat().st_mode & 0o777
    with _umask:
        mask = os.umask(0)
        os.umask(mask)
    return 0o666 & ~mask
