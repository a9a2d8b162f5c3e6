"""Slices: folders small enough to travel in one call, and how they become files again on the other side.

A slice holds whole files, or pieces of a file that is larger than a slice. Its index.json says for each stored file
where it belongs, at which byte, and its SHA-256. This module runs on the rented machine before anything is installed
there, so it needs Python's own library only.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
INDEX = "index.json"


@dataclass(frozen=True)
class Item:
    """A file that travels, or a piece of one: `size` bytes of `source` from `offset`, which belong at `target`."""

    target: str
    source: Path
    size: int
    offset: int = 0

    @property
    def stored(self) -> str:
        """Where it lies in its slice."""
        return f"{self.target}.{self.offset}" if self.offset else self.target


def items(target: str, source: Path, limit: int) -> list[Item]:
    """A file as one item, or as several where it is larger than a slice."""
    size = source.stat().st_size
    return [Item(target, source, min(limit, size - at), at) for at in range(0, max(size, 1), limit)]


def pack(wanted: Sequence[Item], limit: int, most: int | None = None) -> list[list[Item]]:
    """Distribute items over slices, in their order, each into the first slice that has room for it.

    Args:
        wanted: the most important first.
        limit: bytes of a slice; what is larger is left out.
        most: number of slices; what finds no room in them is left out.
    """
    slices: list[list[Item]] = []
    room: list[int] = []
    for item in wanted:
        place = next((i for i, free in enumerate(room) if item.size <= free), None)
        if place is None:
            if item.size > limit or (most is not None and len(slices) >= most):
                continue
            place = len(slices)
            slices.append([])
            room.append(limit)
        slices[place].append(item)
        room[place] -= item.size
    return slices


def write(folder: Path, contents: Sequence[Item]) -> int:
    """Write a slice anew; returns its size in bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    index, total = {}, 0
    for item in contents:
        with item.source.open("rb") as file:
            file.seek(item.offset)
            data = file.read(item.size)
        path = folder / item.stored
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        index[item.stored] = {"target": item.target, "offset": item.offset, "sha256": digest}
        total += len(data)
    (folder / INDEX).write_text(json.dumps(index, indent=0), encoding="utf-8")
    return total + (folder / INDEX).stat().st_size


def unpack(folder: Path, home: Path) -> tuple[int, list[str]]:
    """Move a slice's files to where they belong below `home`; how many there were, and those that are damaged.

    Damaged files are left out.
    """
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    damaged = []
    for stored, entry in index.items():
        source, target = folder / stored, home / entry["target"]
        data = source.read_bytes() if source.is_file() else b""
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            damaged.append(stored)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("r+b" if target.exists() else "wb") as file:
            file.seek(entry["offset"])
            file.write(data)
        source.unlink()
    return len(index), damaged
