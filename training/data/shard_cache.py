"""The folder of decoded music (`training.data.shards`): what it holds, what is in use, and what is removed from it."""

import contextlib
import json
import os
import re
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VERSION = 1
"""Version of a shard's layout; shards of other versions are ignored."""

IN_USE = 24 * 3600
"""Seconds since its last use after which a shard may be removed."""

RENEWED = 3600.0
"""Seconds after which whoever still reads shards marks them as used again."""

MAPPED = 100
"""Shards that a process has mapped into memory at once: each takes a file descriptor, and a large collection has more
shards than a process may have of those."""

_NAME = re.compile(r"[0-9a-f]{24}\.shard")


@dataclass(frozen=True)
class Location:
    """Where a clip lies: sample pairs `start` to `start + samples` of a shard."""

    shard: Path
    start: int
    samples: int
    shortened: bool = False

    def read(self) -> NDArray[np.int16]:
        """The clip [2, samples], read from disk when it is touched."""
        return _mapped(self.shard)[self.start : self.start + self.samples].T


@lru_cache(MAPPED)
def _mapped(shard: Path) -> NDArray[np.int16]:
    return np.asarray(np.memmap(shard, "<i2", "r").reshape(-1, 2))


def index_of(shard: Path) -> Path:
    """The file that says what a shard holds."""
    return shard.with_suffix(".shard.json")


def known(cache: Path) -> dict[str, Location | str]:
    """Everything that the shards of a folder hold, by key: a clip's location, or the reason why there is none."""
    found: dict[str, Location | str] = {}
    for shard in _shards(cache):
        try:
            entry = json.loads(index_of(shard).read_text(encoding="utf-8"))
            whole = entry["version"] == VERSION and shard.stat().st_size == 4 * entry["samples"]
        except FileNotFoundError:  # not finished, or another process has just removed it
            continue
        if whole:
            cut = set(entry.get("shortened", ()))
            found |= {
                key: Location(shard, span[0], span[1], key in cut)
                for key, span in entry["clips"].items()
                if not isinstance(there := found.get(key), Location) or there.samples < span[1]
            }
            for key, reason in entry["skipped"].items():
                found.setdefault(key, reason)
    return found


class InUse:
    """Shards that a process reads; no other one removes them while `renew` is called at least once a day."""

    def __init__(self, shards: Collection[Path]) -> None:
        self._shards = shards
        self._mark()

    def renew(self) -> None:
        """Mark them as used, unless that was done within the hour."""
        if time.monotonic() - self._marked >= RENEWED:
            self._mark()

    def _mark(self) -> None:
        self._marked = time.monotonic()
        for shard in self._shards:
            with contextlib.suppress(OSError):  # somebody else's, or read-only
                os.utime(index_of(shard))


def make_room(cache: Path, needed: Collection[Path], limit: int) -> None:
    """Remove shards that are not needed until all take at most `limit` bytes: the longest unused first."""
    total = 0
    others: list[tuple[float, int, Path]] = []
    for shard in _shards(cache):
        with contextlib.suppress(FileNotFoundError):  # another process has just removed it
            size = shard.stat().st_size
            total += size
            if shard not in needed:
                mark = index_of(shard) if index_of(shard).is_file() else shard
                others.append((mark.stat().st_mtime, size, shard))
    for used, size, shard in sorted(others):
        if total <= limit or time.time() - used < IN_USE:
            return
        index_of(shard).unlink(missing_ok=True)  # first, so that no shard is named that is not there
        shard.unlink(missing_ok=True)
        total -= size


def _shards(cache: Path) -> Iterator[Path]:
    """The shards in a folder, sorted; others' files of that suffix are left alone."""
    yield from (path for path in sorted(cache.glob("*.shard")) if _NAME.fullmatch(path.name))
