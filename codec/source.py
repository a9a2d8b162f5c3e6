"""Any audio file -> blocks of float32: libsndfile first, whatever an installed ffmpeg reads after it."""

from __future__ import annotations

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


class FileSource(AudioSource):
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

    from codec.sndfile import SoundfileSource

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
