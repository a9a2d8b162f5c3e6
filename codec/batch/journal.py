"""The journal of an output folder records how each finished file was made, so that a resumed run keeps only those.

`.aez-resume.jsonl` in the folder has one JSON object per line, written when a file is finished; the last line about a
file counts. Lines that cannot be read are skipped, so the only effect of a journal that was cut or edited is that files
are made anew.

    {"path": "cd1/a.wav", "settings": "9f86...", "source_size": 81231, "source_time": 1712345678901234567,
     "size": 5292044, "crc32c": 305419896, "damaged": false, "provider": "CPUExecutionProvider"}
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from stat import S_ISREG
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO, Self

from codec.version import __version__

if TYPE_CHECKING:
    from codec.batch.run import Result

NAME = ".aez-resume.jsonl"
"""Name of the journal in its folder; hidden, so that it is not taken for one of the files."""

BLOCK = 1 << 20
"""Bytes of a file that are read at a time."""


@dataclass(frozen=True)
class Entry:
    """A journal's entry for a finished file.

    Attributes:
        settings: `settings_digest` of the command and its settings.
        source_size, source_time: size of the source in bytes and its modification time in ns, before it was read.
        size, crc32c: size of the finished file in bytes, and its CRC-32C.
        damaged: whether parts of the song are lost, because its source was salvaged.
        provider: what ran the networks; empty if none ran. Another one may give other bytes.
    """

    settings: str
    source_size: int
    source_time: int
    size: int
    crc32c: int
    damaged: bool
    provider: str = ""

    def describes(self, settings: str, source: SourceState, target: Path) -> bool:
        """Whether `target` is unchanged since it was finished, and is what would be made now.

        Raises:
            OSError: the target cannot be read.
        """
        made_alike = (self.settings, self.source_size, self.source_time) == (settings, source.size, source.time)
        if self.damaged or not made_alike or not target.is_file() or target.stat().st_size != self.size:
            return False
        with target.open("rb") as file:
            return Seal.of(file).crc32c == self.crc32c


@dataclass(frozen=True)
class SourceState:
    """Size of a source in bytes and its modification time in ns; -1 if it is no file, but missing, or a pipe."""

    size: int
    time: int

    @classmethod
    def of(cls, source: Path) -> Self:
        """The state of a file; a missing one is no error here, because opening it gives a better message."""
        try:
            found = source.stat()
        except OSError:
            return cls(-1, -1)
        return cls(found.st_size, found.st_mtime_ns) if S_ISREG(found.st_mode) else cls(-1, -1)

    def finished(self, settings: str, seal: Seal, *, damaged: bool = False, provider: str = "") -> Entry | None:
        """The entry of a file that was made from this source; None where the next run may find another source there."""
        if self.size < 0:
            return None
        return Entry(settings, self.size, self.time, seal.size, seal.crc32c, damaged, provider)


@dataclass
class Seal:
    """Size in bytes and CRC-32C of a finished file; -1 and 0 before `take`.

    It is taken before the file gets its name, because another run may put a file of its own there right after.
    """

    size: int = -1
    crc32c: int = 0

    def take(self, file: BinaryIO) -> None:
        """Read a file from its beginning; a device, which cannot be read, has no seal.

        Raises:
            OSError: the file cannot be read.
        """
        import google_crc32c

        if not file.readable():
            return
        file.seek(0)
        self.size = self.crc32c = 0
        while block := file.read(BLOCK):
            self.size += len(block)
            self.crc32c = int(google_crc32c.extend(self.crc32c, block))

    @classmethod
    def of(cls, file: BinaryIO) -> Self:
        """The seal of a file; see `take`."""
        seal = cls()
        seal.take(file)
        return seal


def settings_digest(command: str, settings: Mapping[str, object]) -> str:
    """Hash everything that the bytes of a file depend on besides its source: command, settings, version of aez.

    Args:
        command: encode, decode or peel.
        settings: JSON values by name.
    """
    text = json.dumps([__version__, command, settings], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Journal:
    """The journal of one output folder; a context manager.

    Attributes:
        problem: why it could not be written; files made after that will be made anew by a resumed run.
    """

    def __init__(self, folder: Path) -> None:
        """Read the journal if there is one; the folder need not exist yet.

        Raises:
            OSError: there is a journal, and it cannot be read.
        """
        self.problem: OSError | None = None
        self._folder = folder
        self._path = folder / NAME
        self._file: BinaryIO | None = None
        self._lock = Lock()
        self._entries: dict[str, Entry] = {}
        written = self._path.read_bytes() if self._path.is_file() else b""
        self._cut = bool(written) and not written.endswith(b"\n")
        for line in written.splitlines():
            self._read(line)

    def _read(self, line: bytes) -> None:
        with suppress(ValueError, TypeError, KeyError, RecursionError):  # a line may hold anything
            found = json.loads(line)
            values = {field.name: found[field.name] for field in fields(Entry)}
            types = {"settings": str, "damaged": bool, "provider": str}
            if isinstance(found["path"], str) and all(type(values[name]) is types.get(name, int) for name in values):
                self._entries[found["path"]] = Entry(**values)

    def entry(self, target: Path) -> Entry | None:
        """The entry for a file in the journal's folder, if there is one; the file need not exist."""
        return self._entries.get(self._place(target))

    def record(self, result: Result) -> None:
        """Record a file that is finished; any thread may call."""
        if result.entry is not None:
            with self._lock:
                self._add(result.job.target, result.entry)

    def _add(self, target: Path, entry: Entry) -> None:
        place = self._place(target)
        self._entries[place] = entry
        if self.problem is not None:
            return
        line = b"\n" * self._cut + json.dumps({"path": place} | asdict(entry)).encode() + b"\n"
        try:
            if self._file is None:
                if self._path.exists() and not self._path.is_file():  # a pipe would be waited for
                    raise OSError(errno.EINVAL, "not a regular file", str(self._path))
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
