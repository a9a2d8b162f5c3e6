"""Any audio file -> blocks of float32: libsndfile first, whatever an installed ffmpeg reads after it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from codec.tags import read_tags
from formats.errors import AudioError
from formats.metadata import Metadata

if TYPE_CHECKING:
    from os import PathLike

RATES = (1000, 768_000)
"""Lowest and highest sample rate that is taken for real, Hz."""

_VORBIS_BLOCK = 8192
"""The largest block of Vorbis, samples: what its last page may count too much."""


class AudioSource(ABC):
    """Audio to be read once, front to back; a context manager.

    Attributes:
        name: what to call it in a message.
        sample_rate: Hz.
        channels: 1 or 2.
        samples: samples a channel, exactly what `blocks` will deliver; None where that is not known
            before (mp3, ogg, m4a).
        expected: like samples, or an estimate of it for a progress bar; None where there is none.
        source_bytes: size of the file, None if it is none.
        warnings: lines for the user about what was read; complete when `blocks` has ended.
    """

    def __init__(self, name: str, sample_rate: int, channels: int, samples: int | None) -> None:
        if channels not in (1, 2):
            raise AudioError(f"{name} has {channels} channels; only mono and stereo can be encoded")
        if not RATES[0] <= sample_rate <= RATES[1]:
            raise AudioError(
                f"{name} has a sample rate of {sample_rate} Hz; {RATES[0]} to {RATES[1]} Hz can be encoded"
            )
        self.name = name
        self.sample_rate = sample_rate
        self.channels = channels
        self.samples = samples
        self.expected = samples
        self.source_bytes: int | None = None
        self.warnings: list[str] = []

    @property
    def tags(self) -> Metadata:
        """Tags and cover of the source; empty where it has none."""
        return Metadata()

    def blocks(self, size: int = 65536) -> Iterator[NDArray[np.float32]]:
        """Yield all samples as float32 blocks [C, size], the last one shorter, full scale at +-1.

        Raises:
            AudioError: the file is damaged, or holds values that are no numbers.
        """
        done = 0
        while True:
            block = self._read(size)
            if not np.isfinite(block).all():
                raise AudioError(f"{self.name} holds samples that are no finite numbers, near {self._time(done)}")
            if block.shape[0]:
                done += block.shape[0]
                yield np.ascontiguousarray(block.T)
            if block.shape[0] < size:
                self._finish(done)
                return

    def _time(self, samples: int) -> str:
        return f"{samples / self.sample_rate:.2f} s"

    @abstractmethod
    def _read(self, size: int) -> NDArray[np.float32]:
        """Return the next [N, C], N = size but at the end."""

    def _finish(self, delivered: int) -> None:  # noqa: B027  (most sources have nothing to check)
        """Judge the source after its last block."""

    def close(self) -> None:  # noqa: B027  (an array has nothing to close)
        """Let go of the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class ArraySource(AudioSource):
    """Samples [C, N], full scale at +-1, that lie in memory already.

    Raises:
        AudioError: not two-dimensional, not one or two channels, or no plausible sample rate.
    """

    def __init__(self, samples: NDArray[np.floating[Any]], sample_rate: int, tags: Metadata | None = None) -> None:
        if samples.ndim != 2:
            raise AudioError(f"samples have the shape [channels, samples]; an array of {samples.ndim} dimensions came")
        super().__init__("the array", sample_rate, samples.shape[0], samples.shape[1])
        self._samples = samples
        self._tags = tags
        self._at = 0

    @property
    def tags(self) -> Metadata:
        """The tags it was made with."""
        return self._tags or super().tags

    def _read(self, size: int) -> NDArray[np.float32]:
        block = self._samples[:, self._at : self._at + size]
        self._at += block.shape[1]
        return block.T.astype(np.float32)


class _FileSource(AudioSource):
    """What all files share: a path, and tags in it."""

    def __init__(self, path: Path, sample_rate: int, channels: int, samples: int | None) -> None:
        super().__init__(str(path), sample_rate, channels, samples)
        self.path = path
        self.source_bytes = path.stat().st_size

    @cached_property
    def _metadata(self) -> Metadata:
        return read_tags(self.path)

    @property
    def tags(self) -> Metadata:
        """Tags and cover as `codec.tags` reads them."""
        return self._metadata


class SoundfileSource(_FileSource):
    """A file that libsndfile reads: wav, flac, mp3, ogg, opus, aiff and their kin."""

    def __init__(self, path: Path) -> None:
        import soundfile

        self._error: type[Exception] = soundfile.SoundFileError
        self._whole: _WholeFile | None = None
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
                self._whole = _WholeFile(path)
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


class _WholeFile:
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


def open_source(path: str | PathLike[str]) -> AudioSource:
    """Open an audio file for reading.

    Raises:
        AudioError: no such file, a directory, no audio, more than two channels, or ffmpeg is needed and not there.
    """
    file = Path(path)
    if not file.exists():
        raise AudioError(f"{path}: no such file")
    if not file.is_file():
        raise AudioError(f"{path} is {'a directory' if file.is_dir() else 'no regular file'}, no audio file")
    import soundfile

    try:
        with file.open("rb") as opened:
            chained = _is_chained_ogg(opened)
        if not chained and file.suffix.lower() != ".raw":  # for .raw soundfile wants to be told what is in it
            return SoundfileSource(file)
    except OSError as error:
        raise AudioError(f"cannot read {path}: {error.strerror}") from None
    except soundfile.SoundFileError:
        pass
    from codec.ffmpeg import FfmpegSource

    return FfmpegSource(file)


def _is_chained_ogg(file: BinaryIO) -> bool:
    """Tell whether an Ogg file is several streams one after the other, of which libsndfile reads only the first."""
    begins = b"OggS\0\2"  # a page that begins a stream
    head = begins
    while head == begins:  # streams side by side all begin before the first page of another kind
        page = file.read(27)
        head = page[:6]
        if len(page) < 27 or head[:4] != b"OggS":
            return False
        segments = file.read(page[26])
        file.seek(sum(segments), 1)
    tail = b""
    while data := file.read(1 << 20):
        if begins in tail + data:
            return True
        tail = data[-len(begins) :]
    return False
