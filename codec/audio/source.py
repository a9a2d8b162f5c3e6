"""Any audio file -> blocks of float32: libsndfile first, whatever an installed ffmpeg reads after it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from codec.audio.tags import read_tags
from formats.container.metadata import Metadata
from formats.errors import AudioError

if TYPE_CHECKING:
    pass

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
        """Tags and cover as `codec.audio.tags` reads them."""
        return self._metadata
