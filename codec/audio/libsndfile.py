"""Sources that libsndfile reads: wav, flac, mp3, ogg, opus, aiff and their kin.

Three habits of libsndfile and soundfile would lose samples and are worked around: libsndfile guesses the length of some
mp3s, soundfile seeks after every block, and files that were cut are reported only in libsndfile's log.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.audio.source import FileSource
from formats.errors import AudioError

_VORBIS_BLOCK = 8192
"""Samples of Vorbis's largest block, by which the length on a file's last page may be too large."""

_STEP = np.float32(2**-15)
"""Step size of 16 bit samples."""


class SoundfileSource(FileSource):
    """A file that libsndfile reads.

    Raises:
        AudioError: more than two channels, or a sample rate outside `codec.audio.source.RATES`.
        soundfile.SoundFileError: libsndfile does not read this file.
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        import soundfile

        self._error: type[Exception] = soundfile.SoundFileError
        self._mp3: _Mp3 | None = None
        self._file = _open_linear(str(path) if sys.platform == "win32" else os.fsencode(path))
        try:
            declared = self._file.frames if self._file.frames < 1 << 60 else None  # 2^63 - 1 stands for "unknown"
            kind = self._file.format
            # The length in an mp3's header is a hint, and an Ogg's last page may count a block that no decoder gives.
            exact = kind not in ("MP3", "OGG")
            super().__init__(path, self._file.samplerate, self._file.channels, declared if exact else None)
            self.expected = declared
            self._warn_if_cut(self._file.extra_info)
            if kind == "MP3":
                self._file.close()
                self._mp3 = _Mp3(path)
                self._file = _open_linear(self._mp3)
        except BaseException:
            self.close()
            raise
        self._done = 0

    def _read(self, size: int) -> NDArray[np.float32]:
        # NumPy converts 16 bit samples to float32 in a fifth of the time that libsndfile takes.
        is_short = self._file.subtype == "PCM_16"
        block: NDArray[Any] = np.full(
            (size, self.channels), np.nan if self._mp3 else 0, np.int16 if is_short else np.float32
        )
        damage: Exception | None = None
        filled = block
        try:
            filled = self._file.read(out=block)
        except self._error as error:
            damage = error
        if self._mp3 and self._mp3.stopped:
            raise self._mp3.stopped
        if damage and self._mp3 and self._mp3.bytes_left() == 0:
            # The last frame of an mp3 is cut. soundfile does not say how many samples came before it.
            filled = block[: np.isfinite(block[:, 0]).argmin()]
            self.warnings.append(f"{self.name} is cut in its last frame")
        elif damage:
            reason = str(damage).removeprefix("Error : ").rstrip(".")
            raise AudioError(f"{self.name} is damaged near {self._time(self._done)}: {reason}")
        self._done += len(filled)
        return filled * _STEP if is_short else filled

    def _finish(self, delivered: int) -> None:
        left = self._mp3.bytes_left() if self._mp3 else 0
        if self._mp3 and self._mp3.has_more_audio():
            self.warnings.append(f"{self.name} goes on after the length in its header; {left} bytes were not read")
        if self.expected is None or delivered == self.expected:
            return
        shortfall = f"{delivered} of its {self.expected} samples could be read"
        if self._mp3 is None and abs(self.expected - delivered) > (0 if self.samples is not None else _VORBIS_BLOCK):
            raise AudioError(f"{self.name} is damaged: {shortfall}")
        if self._mp3 and self._mp3.exact and delivered < self.expected:
            self.warnings.append(f"{self.name} is cut: {shortfall}")

    def _warn_if_cut(self, log: str) -> None:
        # libsndfile reads a cut wav or aiff to its end and notes it in its log alone. Lengths from 2^31 mean "unknown".
        found = re.search(r"^ *(?:data|SSND) *: *(\d+) \(should be (\d+)\)", log, re.MULTILINE)
        if found and int(found[2]) < int(found[1]) < 0x7FFFF000:
            self.warnings.append(f"{self.name} is cut: {found[2]} of {found[1]} bytes of audio are there")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        if self._mp3:
            self._mp3.close()


def _open_linear(file: Any) -> Any:
    """Open a file for reading from front to back only.

    After every block of a seekable file, soundfile seeks to where it already is, and not all of libsndfile's decoders
    come back to the very same sample.
    """
    import soundfile

    class Linear(soundfile.SoundFile):  # type: ignore[misc, unused-ignore]
        def seekable(self) -> bool:
            return False

    return Linear(file)


def _has_xing(path: Path) -> bool:
    """Tell whether an mp3's first frame holds its exact length (a Xing or Info header)."""
    with path.open("rb") as file:
        head = file.read(10)
        skip = 0
        if head[:3] == b"ID3" and len(head) == 10:
            skip = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
        file.seek(skip)
        frame = file.read(4096)
    return b"Xing" in frame or b"Info" in frame


class _Mp3:
    """A file object over an mp3 that lets libsndfile read all of it.

    Without a Xing header, libsndfile guesses the length from the size and the first bitrate and delivers no sample past
    its guess, which cuts files of variable bitrate. The size it asks for is therefore given a hundredfold, so that the
    guess is never too short. (With a header the size must be true, or mpg123 complains on stderr.)

    Attributes:
        exact: whether the file has such a header.
        stopped: the exception that ended a read, if one did.
    """

    def __init__(self, path: Path) -> None:
        self.exact = _has_xing(path)
        self._file = path.open("rb")
        self._size = path.stat().st_size
        self._asked_size = False
        self.stopped: BaseException | None = None

    def seek(self, offset: int, whence: int = 0) -> int:
        self._asked_size = not self.exact and (offset, whence) == (0, 2)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._size * 100 if self._asked_size else self._file.tell()

    def readinto(self, buffer: Any) -> int:
        try:
            return self._file.readinto(buffer)
        except BaseException as error:  # it cannot pass through libsndfile's C frames (Ctrl-C, a failing disk)
            self.stopped = error
            return 0

    def has_more_audio(self) -> bool:
        """Tell whether more audio, not just a tag, follows what was read (several mp3s in a row)."""
        left = self.bytes_left()
        head = self._file.read(3)
        return left > 4096 and (head == b"ID3" or (head[0] == 0xFF and head[1] >= 0xE0))

    def bytes_left(self) -> int:
        return self._size - self._file.tell()

    def close(self) -> None:
        self._file.close()
