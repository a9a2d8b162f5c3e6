"""What libsndfile reads, front to back, and its ways that would lose samples: guessed mp3 lengths, seeks, cut files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.audio.source import FileSource
from formats.errors import AudioError

_VORBIS_BLOCK = 8192
"""The largest block of Vorbis, samples: what its last page may count too much."""


class SoundfileSource(FileSource):
    """A file that libsndfile reads: wav, flac, mp3, ogg, opus, aiff and their kin."""

    def __init__(self, path: Path) -> None:
        import soundfile

        self._error: type[Exception] = soundfile.SoundFileError
        self._whole: _WholeMp3 | None = None
        self._file = _open_linear(str(path))
        try:
            declared = self._file.frames if self._file.frames < 1 << 60 else None  # 2^63 - 1 stands for "not told"
            self._kind = self._file.format
            # What an mp3's header counts is a hint, and an Ogg's last page may count a block that no decoder gives.
            exact = self._kind not in ("MP3", "OGG")
            super().__init__(path, self._file.samplerate, self._file.channels, declared if exact else None)
            self.expected = declared
            self._note_missing_end(self._file.extra_info)
            if self._kind == "MP3":
                self._file.close()
                self._whole = _WholeMp3(path)
                self._file = _open_linear(self._whole)
        except BaseException:
            self.close()
            raise
        self._done = 0

    def _read(self, size: int) -> NDArray[np.float32]:
        block = np.full((size, self.channels), np.nan if self._whole else 0, np.float32)
        damage: Exception | None = None
        filled = block
        try:
            filled = self._file.read(out=block)
        except self._error as error:
            damage = error
        if self._whole and self._whole.stopped:
            raise self._whole.stopped
        if damage and self._whole and self._whole.left() == 0:
            # The last frame of an mp3 is cut. soundfile keeps to itself how many samples came before it.
            filled = block[: np.isfinite(block[:, 0]).argmin()]
            self.warnings.append(f"{self.name} is cut in its last frame")
        elif damage:
            reason = str(damage).removeprefix("Error : ").rstrip(".")
            raise AudioError(f"{self.name} is damaged near {self._time(self._done)}: {reason}")
        self._done += len(filled)
        return filled

    def _finish(self, delivered: int) -> None:
        left = self._whole.left() if self._whole else 0
        if self._whole and self._whole.goes_on():
            self.warnings.append(f"{self.name} goes on after the length its header tells; {left} bytes were not read")
        if self.expected is None or delivered == self.expected:
            return
        shortfall = f"{delivered} of its {self.expected} samples could be read"
        if self._whole is None and abs(self.expected - delivered) > (0 if self.samples is not None else _VORBIS_BLOCK):
            raise AudioError(f"{self.name} is damaged: {shortfall}")
        if self._whole and self._whole.exact and delivered < self.expected:
            self.warnings.append(f"{self.name} is cut: {shortfall}")

    def _note_missing_end(self, log: str) -> None:
        # libsndfile reads a cut wav or aiff to its end and tells only its log. Lengths from 2^31 up mean "unknown".
        told = re.search(r"^ *(?:data|SSND) *: *(\d+) \(should be (\d+)\)", log, re.MULTILINE)
        if told and int(told[2]) < int(told[1]) < 0x7FFFF000:
            self.warnings.append(f"{self.name} is cut: {told[2]} of {told[1]} bytes of audio are there")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        if self._whole:
            self._whole.close()


def _open_linear(file: Any) -> Any:
    """Open for reading from front to back only.

    soundfile seeks to where it already is after every block of a seekable file, and libsndfile's decoders do not all
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


class _WholeMp3:
    """A file object over an mp3 that lets libsndfile read all of it.

    Without a Xing header libsndfile guesses the length from size and first bitrate and then delivers no sample past
    its guess, which cuts variable bitrate files. So a question for the size is answered with a hundredfold there, and
    the guess is never short. (With a header the size must be true, or mpg123 complains on stderr.)

    Attributes:
        exact: whether the file has such a header.
        stopped: what kept a read from its end.
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
        except BaseException as error:  # libsndfile's C frames lie above: hand it round them (Ctrl-C, a failing disk)
            self.stopped = error
            return 0

    def goes_on(self) -> bool:
        """Tell whether more audio, not just a tag, lies behind what was read (several mp3s in a row)."""
        left = self.left()
        here = self._file.read(3)
        return left > 4096 and (here == b"ID3" or (here[0] == 0xFF and here[1] >= 0xE0))

    def left(self) -> int:
        return self._size - self._file.tell()

    def close(self) -> None:
        self._file.close()
