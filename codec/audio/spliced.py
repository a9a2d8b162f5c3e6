"""A file object over pieces of a file, for libsndfile."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import Any

from codec.audio.headers.extent import Part


class Spliced:
    """Pieces of a file, and bytes that stand for others, as one file object.

    Without a Xing header, libsndfile guesses the length of an mp3 from the size and the first bitrate and delivers no
    sample past its guess, which cuts files of variable bitrate. The size it asks for can therefore be given a
    hundredfold, so that the guess is never too short. (With a header the size must be true, or mpg123 complains on
    stderr.)

    Args:
        path: the file.
        parts: its pieces, in order.
        exaggerate: whether to give the size a hundredfold.

    Attributes:
        stopped: the exception that ended a read, if one did.
    """

    def __init__(self, path: Path, parts: tuple[Part, ...], *, exaggerate: bool = False) -> None:
        self._parts = parts
        sizes = [len(part) if isinstance(part, bytes) else part[1] - part[0] for part in parts]
        self._starts = [0, *accumulate(sizes)]
        self._position = 0
        self._exaggerate = exaggerate
        self._asked_size = False
        self.stopped: BaseException | None = None
        self._file = path.open("rb")

    @property
    def size(self) -> int:
        """Bytes of all pieces."""
        return self._starts[-1]

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position; as libsndfile asks for the size by this, remember whether it is the end."""
        self._asked_size = self._exaggerate and (offset, whence) == (0, 2)
        self._position = max(0, offset + (0, self._position, self.size)[whence])
        return self._position

    def tell(self) -> int:
        """The position, or the exaggerated size."""
        return self.size * 100 if self._asked_size else self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there are bytes."""
        try:
            return self._fill(memoryview(buffer).cast("B"))
        except BaseException as error:  # it cannot pass through libsndfile's C frames (Ctrl-C, a failing disk)
            self.stopped = error
            return 0

    def _fill(self, buffer: memoryview) -> int:
        done = 0
        while done < len(buffer) and self._position < self.size:
            index = bisect_right(self._starts, self._position) - 1
            part = self._parts[index]
            inside = self._position - self._starts[index]
            count = min(len(buffer) - done, self._starts[index + 1] - self._position)
            if isinstance(part, bytes):
                data = part[inside : inside + count]
            else:
                self._file.seek(part[0] + inside)
                data = self._file.read(count)
            if not data:
                break
            buffer[done : done + len(data)] = data
            done += len(data)
            self._position += len(data)
        return done

    def close(self) -> None:
        """Close the file."""
        self._file.close()
