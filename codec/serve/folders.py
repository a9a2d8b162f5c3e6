"""The files below a folder, listed anew only where a folder has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

SETTLED = 3_000_000_000
"""Nanoseconds after which a folder's modification time tells its next change from the last one on every disk."""

LASTING = 60_000_000_000
"""Nanoseconds for which a list may count: there are disks that do not note when a folder changes."""


@dataclass(frozen=True)
class _Listed:
    """What a folder held: folders in it, and files with one of the extensions."""

    changed: int
    at: int
    folders: list[str]
    files: list[Path]

    def holds(self, changed: int) -> bool:
        """Whether the list is that of a folder with this modification time."""
        return changed == self.changed < self.at - SETTLED and time.time_ns() - self.at < LASTING


class Folders:
    """Looks for files in a folder and in those below it, again and again."""

    def __init__(self, top: Path, extensions: Collection[str]) -> None:
        """Nothing is read yet; extensions are in small letters, with their dot."""
        self._top, self._extensions = str(top), extensions
        self._known: dict[str, _Listed] = {}

    def files(self) -> list[Path]:
        """Return the files that are not hidden; links to folders are not followed, those to files are among them."""
        known, found, waiting = {}, list[Path](), [self._top]
        while waiting:
            folder = waiting.pop()
            try:
                changed = os.stat(folder).st_mtime_ns  # noqa: PTH116  (ten thousand Paths take a tenth of a second)
                listed = self._known.get(folder)
                if listed is None or not listed.holds(changed):
                    listed = self._list(folder, changed)
            except OSError:
                continue
            known[folder] = listed
            waiting += listed.folders
            found += listed.files
        self._known = known
        return found

    def _list(self, folder: str, changed: int) -> _Listed:
        at, folders, files = time.time_ns(), [], []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif os.path.splitext(entry.name)[1].lower() in self._extensions:  # noqa: PTH122
                    files.append(Path(entry.path))
        return _Listed(changed, at, folders, files)
