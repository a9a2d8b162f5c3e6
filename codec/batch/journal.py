"""The journal of an output folder: what made each finished file in it, so that `--resume` keeps nothing else.

`.aez-resume.jsonl` in the folder has one JSON object a line, written when a file is finished; the last line about a
file counts. Lines that cannot be read are skipped, so a journal that was cut, edited or written by another program only
means that files are made anew.

    {"path": "cd1/a.wav", "settings": "9f86...", "source_size": 81231, "source_time": 1712345678901234567,
     "size": 5292044, "crc32c": 305419896, "damaged": false}
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from codec.version import __version__

if TYPE_CHECKING:
    from codec.batch.run import Results

NAME = ".aez-resume.jsonl"
"""Name of the journal in its folder; hidden, so no folder of songs counts it among them."""

BLOCK = 1 << 20
"""Bytes of a file that are read at a time."""


@dataclass(frozen=True)
class Entry:
    """What is known of a finished file.

    Attributes:
        settings: what `settings_digest` gave for the command and its settings.
        source_size, source_time: bytes of the source, and when it was last modified, in ns; from before it was read.
        size, crc32c: bytes of the finished file, and their CRC-32C.
        damaged: whether parts of the song are lost in it, because its source was salvaged.
    """

    settings: str
    source_size: int
    source_time: int
    size: int
    crc32c: int
    damaged: bool

    def describes(self, settings: str, source: SourceState, target: Path) -> bool:
        """Tell whether `target` is still the file that was finished, and is what would be made now.

        Raises:
            OSError: the target cannot be read.
        """
        made_alike = (self.settings, self.source_size, self.source_time) == (settings, source.size, source.time)
        if self.damaged or not made_alike or not target.is_file() or target.stat().st_size != self.size:
            return False
        return checksum(target) == self.crc32c


@dataclass(frozen=True)
class SourceState:
    """Size of a source in bytes, and when it was last modified, in ns; -1 where there is no such file."""

    size: int
    time: int

    @classmethod
    def of(cls, source: Path) -> Self:
        """Look at a file; whoever opens it has the better words for one that is missing."""
        try:
            found = source.stat()
        except OSError:
            return cls(-1, -1)
        return cls(found.st_size, found.st_mtime_ns)

    def finished(self, settings: str, target: Path, *, damaged: bool = False) -> Entry:
        """The entry of a file that was just made from this source. OSError: it cannot be read."""
        return Entry(settings, self.size, self.time, target.stat().st_size, checksum(target), damaged)


def settings_digest(command: str, settings: Mapping[str, object]) -> str:
    """Name everything that decides the bytes of a file made from a given source: command, settings, version of aez.

    Args:
        command: encode, decode or peel.
        settings: values that JSON has, by name.
    """
    text = json.dumps([__version__, command, settings], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def checksum(path: Path) -> int:
    """CRC-32C of a file. OSError: it cannot be read."""
    import google_crc32c

    found = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found = google_crc32c.extend(found, block)
    return int(found)


class Journal:
    """The journal of one output folder; a context manager. Only one thread may use it.

    Attributes:
        problem: why it could not be written; what was made from then on will be made anew by `--resume`.
    """

    def __init__(self, folder: Path) -> None:
        """Read what is there; the folder need not exist yet.

        Raises:
            OSError: there is a journal, and it cannot be read.
        """
        self.problem: OSError | None = None
        self._folder = folder
        self._path = folder / NAME
        self._file: BinaryIO | None = None
        self._entries: dict[str, Entry] = {}
        written = self._path.read_bytes() if self._path.is_file() else b""
        self._cut = bool(written) and not written.endswith(b"\n")
        for line in written.splitlines():
            self._read(line)

    def _read(self, line: bytes) -> None:
        with suppress(ValueError, TypeError, KeyError, RecursionError):  # anything at all may stand there
            found = json.loads(line)
            values = {field.name: found[field.name] for field in fields(Entry)}
            types = {"settings": str, "damaged": bool}
            if isinstance(found["path"], str) and all(type(values[name]) is types.get(name, int) for name in values):
                self._entries[found["path"]] = Entry(**values)

    def entry(self, target: Path) -> Entry | None:
        """What the journal says of a file in its folder, which need not exist."""
        return self._entries.get(self._place(target))

    def recorded(self, results: Results) -> Results:
        """The same results, each entered in the journal as it comes; closing this closes them."""
        with closing(results):
            for result in results:
                if result.entry is not None:
                    self._add(result.job.target, result.entry)
                yield result

    def _add(self, target: Path, entry: Entry) -> None:
        place = self._place(target)
        self._entries[place] = entry
        if self.problem is not None:
            return
        line = b"\n" * self._cut + json.dumps({"path": place} | asdict(entry)).encode() + b"\n"
        try:
            if self._file is None:
                self._file = self._path.open("ab", buffering=0)  # a line is one write, whoever else writes there
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            self._cut = False
        except OSError as error:
            self.problem = error

    def _place(self, target: Path) -> str:
        return target.relative_to(self._folder).as_posix()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._file is not None:
            self._file.close()
