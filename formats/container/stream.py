"""Reading and writing file objects that may be pipes, and that may move fewer bytes than asked."""

from __future__ import annotations

from typing import BinaryIO

from formats.errors import DamagedError, UsageError

STEP = 2**16
"""Most bytes per read, so that a false length in a hostile file allocates no more than the file has."""


class EndsEarlyError(DamagedError):
    """The file ends before the bytes that should be there; private to `formats`, callers see a DamagedError."""


def write_all(fo: BinaryIO, data: bytes) -> None:
    """Write all of `data`, however few bytes the file object takes at a time."""
    view = memoryview(data)
    while len(view):
        written = fo.write(view)
        if not written:
            raise UsageError("the target takes no bytes: it is non-blocking, or closed to writing")
        view = view[written:]


class Source:
    """A file object with exact reads and a way back; positions are counted from where it stood at first.

    Attributes:
        size: bytes to its end; None if it cannot seek.
        position: position of the next byte.
    """

    def __init__(self, fo: BinaryIO) -> None:
        self._fo = fo
        self._unread = b""  # of a pipe: bytes that were read already and are to be handed out again
        self._since: list[bytes] | None = None  # of a pipe: read since the mark
        self._marked = 0
        self.position = 0
        self.size: int | None = None
        if fo.seekable():
            self._base = fo.tell()
            self.size = fo.seek(0, 2) - self._base
            fo.seek(self._base)

    def take(self, size: int) -> bytes:
        """Up to `size` bytes, fewer only at the end of the file."""
        parts, left = [], size
        while left:
            if self._unread:
                part, self._unread = self._unread[:left], self._unread[left:]
            else:
                part = self._fo.read(min(left, STEP))
                if part is None:
                    raise UsageError("the source is non-blocking and has no bytes now")
                if not part:
                    break
            parts.append(part)
            left -= len(part)
        data = b"".join(parts)
        self.position += len(data)
        if self._since is not None:
            self._since.append(data)
        return data

    def exactly(self, size: int) -> bytes:
        """Exactly `size` bytes.

        Raises:
            EndsEarlyError: the file has fewer; if it can seek, nothing was read.
        """
        if self.size is not None and size > self.size - self.position:
            raise EndsEarlyError("the file ends early")
        data = self.take(size)
        if len(data) < size:
            raise EndsEarlyError("the file ends early")
        return data

    def seek(self, position: int) -> None:
        """Go to a position; a pipe can only stay where it is."""
        if self.size is not None:
            self._fo.seek(self._base + position)
            self.position = position
        elif position != self.position:
            raise UsageError("a pipe is read in order, and once")

    def mark(self) -> None:
        """Remember this position for `back`; a pipe keeps the bytes that are read from here on."""
        self._marked = self.position
        self._since = [] if self.size is None else None

    def unmark(self) -> None:
        """Forget the mark, and the bytes that were kept for it."""
        self._since = None

    def back(self, skip: int) -> None:
        """Return to `skip` bytes after the mark, or to the end of the file if that comes first."""
        target = self._marked + skip
        if self.size is not None:
            self.seek(min(target, self.size))
        elif self._since is not None:
            target = min(target, self.position)
            self._unread = b"".join(self._since)[target - self._marked :] + self._unread
            self._since, self.position = None, target

    def find(self, words: tuple[bytes, ...]) -> bool:
        """Go on to the next of some words of equal length; False, at the end of the file, if there is none."""
        keep = len(words[0]) - 1
        while True:
            self.mark()
            block = self.take(STEP)
            found = [index for index in map(block.find, words) if index >= 0]
            if found:
                self.back(min(found))
                return True
            if len(block) < STEP:
                return False
            self.back(STEP - keep)
