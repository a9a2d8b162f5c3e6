"""The study's collection: links to the files of the data, divided, with a manifest.csv that every step reads."""

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from training.csv_table import write_csv
from training.data.collection import MANIFEST
from training.data.shards import identity
from training.data.tracks import Track

PARTS = ("train", "test", "validation")


def linked(tracks: Sequence[Track], folder: Path) -> list[Track]:
    """The tracks as files below one folder, by name: links, or copies where links cannot be made.

    What an earlier study left there of other data is removed; a link to another file is made anew.
    """
    made = [replace(track, path=folder / f"{track.name}{track.path.suffix.lower()}") for track in tracks]
    wanted = {track.path for track in made}
    if folder.is_dir():
        for path in folder.rglob("*"):
            if (not path.is_dir() or path.is_symlink()) and path not in wanted:
                path.unlink()
    for track, copy in zip(tracks, made, strict=True):
        source, target = track.path.resolve(), copy.path
        if target.is_symlink() and target.readlink() == source:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink():
            target.unlink()
        try:
            target.symlink_to(source)
        except OSError:  # no links here, or a copy from when there were none
            if source.is_file():
                _copy(source, target)
    return made


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its times, unless the same one is there."""
    there = target.stat() if target.is_file() else None
    if there is None or (there.st_size, there.st_mtime_ns) != (source.stat().st_size, source.stat().st_mtime_ns):
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        shutil.copy2(source, part)
        part.replace(target)


def write_manifest(parts: Mapping[str, Sequence[Track]], folder: Path) -> str:
    """Write the manifest.csv of a divided collection of files below `folder`.

    Returns:
        a digest of what it says and of the files, by their place, size and time of change.
    """
    digest = hashlib.sha256()
    rows = []
    for split, members in parts.items():
        for t in members:
            path = t.path.relative_to(folder).as_posix()
            rows.append([path, split, t.genre, t.artist, t.name, "yes" if t.vocals else ""])
            digest.update(f"{split}\0{identity(t.path)}\0".encode("utf-8", "surrogateescape"))
    head = ["path", "split", "genre", "artist", "title", "vocals"]
    digest.update(write_csv(folder / MANIFEST, head, rows, errors="surrogateescape"))
    return digest.hexdigest()
