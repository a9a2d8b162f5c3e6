"""Names of files that are being written, and the removal of those whose process died.

    .song.aez.aez-3f9c21d07b1e-4711-k3j2h1g0.part
     the target   |            |    random letters
                  |            process
                  where that process runs

A process that is killed leaves its file behind, and the next one that writes into the folder removes it, but only if
its writer is certainly dead: the file's name says that it was written where this process runs, and no process has its
number. "Where" is a hash of what no two systems share: on Linux the id of this boot and the namespace of the process
numbers, so that other machines of a network share, other containers and virtual machines that are copies of each other
all differ; elsewhere the host's name and network address. What is not certain is left alone: files of another machine,
or of this one before it was started again, until nobody has touched them for a week, and those whose process number has
been given to another process. Windows does not let an open file be removed, so there the attempt itself tells.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import sys
import time
from pathlib import Path
from typing import BinaryIO

SUFFIX = ".part"

NAME_BYTES = 60
"""Most bytes of the target's name in the name of its unfinished file: file systems allow 143 to 255 in all."""

ABANDONED = 7 * 86400.0
"""Seconds after which an unfinished file of another place, or of an earlier boot, has no writer any more."""

_OURS = re.compile(r"\..*\.aez-([0-9a-f]{12})-([0-9]{1,10})-[a-z0-9_]{8}\.part", re.DOTALL)


def create(target: Path) -> tuple[Path, BinaryIO]:
    """Create an unfinished file next to its target, for reading and writing; remove what dead processes left there.

    Raises:
        OSError: nothing can be created there.
    """
    import tempfile

    with contextlib.suppress(OSError):
        remove_stale(target.parent)
    prefix = f".{cut(target.name)}.aez-{place()}-{os.getpid()}-"
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=SUFFIX, dir=target.parent)
    return Path(name), os.fdopen(handle, "w+b")


def cut(name: str, limit: int = NAME_BYTES) -> str:
    """As many whole letters of a name as fit into `limit` bytes."""
    kept = name[:limit]
    while len(os.fsencode(kept)) > limit:
        kept = kept[:-1]
    return kept


@functools.lru_cache(maxsize=1000)
def remove_stale(folder: Path) -> None:
    """Remove the unfinished files of dead processes from a folder, once for each folder.

    Raises:
        OSError: the folder cannot be read.
    """
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.endswith(SUFFIX)]
    for name in names:
        found = _OURS.fullmatch(name)
        if not found:
            continue
        part = folder / name
        with contextlib.suppress(OSError):
            if _is_dead(int(found[2])) if found[1] == place() else time.time() - part.stat().st_mtime > ABANDONED:
                part.unlink()


def _is_dead(process: int) -> bool:
    if process == os.getpid():
        return False
    if sys.platform == "win32":
        return True  # if it is not, its file is open and cannot be removed
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False  # it belongs to someone else
    return False


def place() -> str:
    """Where process numbers mean what they mean here: 12 hexadecimal digits."""
    # Not remembered: a process may be forked into another namespace. A hash, as names should tell nothing of a machine.
    if sys.platform == "linux":
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            where = f"{boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115  (the link leads to no file)
        except OSError:  # then nobody can know whether a process lives
            return os.urandom(6).hex()
    else:
        where = _host()
    return hashlib.sha256(where.encode()).hexdigest()[:12]


@functools.cache
def _host() -> str:
    import platform
    import uuid

    return f"{platform.node()} {uuid.getnode():x}"
