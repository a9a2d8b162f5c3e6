"""Sources of audio: their common base class, and arrays as sources.

`codec.audio.open.open_source` opens files; `codec.audio.libsndfile` and `codec.audio.ffmpeg` read them.
"""

from __future__ import annotations

import operator
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Self, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from codec.audio.downmix import Downmix, Places, places_by_count
from codec.audio.tags.read import Found, read_tags
from formats.container.metadata import Metadata
from formats.errors import AudioError, CutError, UsageError

RATES = (1000, 768_000)
"""Lowest and highest sample rate of a source, Hz."""

LOUDEST = np.float32(2**20)
"""Largest sample, 120 dB over full scale: no music is, and numbers beyond that are no samples but a mistake."""

_FULL_SCALE = {"int16": (0, 2**-15), "int32": (0, 2**-31), "uint8": (128, 2**-7)}
"""Zero and step size of integer samples by type, as in wav files."""

_FLOATS = ("float16", "float32", "float64")


class ChannelsError(AudioError):
    """A source has more than two channels; the caller may have them mixed to stereo."""


class AudioSource(ABC):
    """Audio to be read once, front to back; a context manager.

    Args:
        name, sample_rate, samples: see below.
        channels: of the source.
        places: of more than two channels, which are mixed to stereo, as `codec.audio.downmix` names them; None to
            refuse such a source.

    Attributes:
        name: name of the source in messages.
        sample_rate: Hz.
        channels: 1 or 2.
        samples: samples per channel, exactly as many as `blocks` will deliver; None if not known beforehand (mp3, ogg,
            m4a).
        expected: as `samples`, or an estimate for a progress bar; None if there is none.
        source_bytes: size of the file; None if the source is not a file.
        accept_cut: whether a source of which a part is missing is read as far as it goes.
        lost: lines for the user about what is missing; complete when `blocks` has ended.

    Raises:
        ChannelsError: the source has more than two channels; AudioError: it is not known where they belong, or the
        sample rate lies outside RATES.
    """

    def __init__(
        self, name: str, sample_rate: int, channels: int, samples: int | None, *, places: Places | None = None
    ) -> None:
        self._width, self._downmix = channels, None
        if channels > 2 and places is not None:
            if len(places) != channels:
                raise AudioError(f"{name} has {channels} channels that cannot be mixed to stereo: it does not say how")
            self._downmix, channels = Downmix(places), 2
        if channels not in (1, 2):
            raise ChannelsError(f"{name} has {channels} channels; only mono and stereo can be encoded")
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
        self.accept_cut = False
        self.lost: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """Lines for the user about what was done to the samples."""
        if self._downmix is None:
            return ()
        return (f"{self.name}: {self._width} channels are mixed to stereo, {self._downmix}",)

    @property
    def tags(self) -> Metadata:
        """Tags and pictures of the source; empty where it has none."""
        return Metadata()

    @property
    def tags_left_out(self) -> tuple[str, ...]:
        """What the source has and `tags` lacks, in words: "a picture that is damaged"."""
        return ()

    def blocks(self, size: int = 65536) -> Iterator[NDArray[np.float32]]:
        """Yield all samples as float32 blocks [C, size], the last one shorter, full scale at +-1.

        Raises:
            AudioError: a sample is not a finite number, or is larger than LOUDEST; CutError: a part is missing or
            damaged, and `accept_cut` is not set.
        """
        done = 0
        while True:
            block = self._read(size)
            if not (block.min(initial=0) >= -LOUDEST and block.max(initial=0) <= LOUDEST):  # of NaN, neither holds
                raise AudioError(f"{self.name} holds samples {_fault(block)}, near {self._time(done)}")
            if block.shape[0]:
                done += block.shape[0]
                mixed = self._downmix(block) if self._downmix else block
                yield np.ascontiguousarray(mixed.T)
            if block.shape[0] < size:
                self._finish(done)
                return

    def _lose(self, what: str) -> None:
        """Note that a part is missing; `what` ends a sentence that begins with the name.

        Raises:
            CutError: the caller does not accept that.
        """
        line = f"{self.name} {what}"
        if not self.accept_cut:
            raise CutError(line)
        self.lost.append(line)

    def _time(self, samples: int) -> str:
        return f"{samples / self.sample_rate:.2f} s"

    @abstractmethod
    def _read(self, size: int) -> NDArray[np.float32]:
        """Return the next samples [N, C] of all the source's channels; N is less than size at the end only."""

    def _finish(self, delivered: int) -> None:  # noqa: B027  (most sources have nothing to check)
        """Check the source after its last block."""

    def close(self) -> None:  # noqa: B027  (an array has nothing to close)
        """Close the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _fault(block: NDArray[np.float32]) -> str:
    """What is wrong with a block, not all of whose samples are music."""
    if not np.isfinite(block).all():
        return "that are not finite numbers"
    return f"of up to {np.abs(block).max():.3g}, where 1 is full scale; scale them down"


class ArraySource(AudioSource):
    """Samples in memory.

    Args:
        samples: [C, N] with C of 1 or 2, or [N] for mono. float16, float32 and float64 have their full scale at +-1.
            int16, int32 and uint8 are scaled by the range of their type, as in wav files: by 2**-15, by 2**-31, and
            by 2**-7 around 128. Other types are refused, because their full scale cannot be known.
        sample_rate: Hz, a whole number of any type: 44100, 44100.0 or a NumPy integer.
        tags: tags and pictures to encode with the samples.
        downmix: whether 3 to 8 channels, in the order of wav files, are mixed to stereo.

    Raises:
        AudioError: the array has another shape or type, or the sample rate lies outside RATES; UsageError: the sample
        rate is not a whole number.
    """

    def __init__(
        self,
        samples: ArrayLike,
        sample_rate: float | SupportsIndex,
        tags: Metadata | None = None,
        *,
        downmix: bool = False,
    ) -> None:
        array = _two_dimensional(_array(samples))
        places = places_by_count(array.shape[0]) if downmix else None
        super().__init__("the array", _whole(sample_rate), *array.shape, places=places)
        self._samples = array
        self._zero, self._step = _FULL_SCALE.get(array.dtype.name, (0, 1))
        self._tags = tags
        self._position = 0

    @property
    def tags(self) -> Metadata:
        """The tags that were passed in."""
        return self._tags or super().tags

    def _read(self, size: int) -> NDArray[np.float32]:
        part = self._samples[:, self._position : self._position + size]
        self._position += part.shape[1]
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which `blocks` refuses
            block = part.T.astype(np.float32)
        if self._zero:
            block -= np.float32(self._zero)
        if self._step != 1:
            block *= np.float32(self._step)
        return block


def _array(samples: ArrayLike) -> NDArray[np.generic]:
    """Convert samples to an array of a known type."""
    try:
        array = np.asarray(samples)
    except (TypeError, ValueError, RuntimeError) as error:
        if hasattr(samples, "__array__"):  # such as a tensor on a GPU, which says what to do
            raise AudioError(f"the samples give no array: {' '.join(str(error).split())}") from None
        raise _no_numbers(samples) from None
    if array.dtype.kind in "OSUV" and not hasattr(samples, "dtype"):
        raise _no_numbers(samples)
    if array.dtype.name not in (*_FULL_SCALE, *_FLOATS):
        taken = ", ".join((*_FULL_SCALE, *_FLOATS[:-1])) + f" and {_FLOATS[-1]}"
        raise AudioError(
            f"samples of type {array.dtype.name} are not accepted, only {taken}; convert them to float32 with full"
            " scale at +-1"
        )
    return array


def _no_numbers(samples: object) -> AudioError:
    kind = type(samples).__name__
    return AudioError(f"the samples ({kind}) are neither an array nor nested lists of numbers of equal length")


def _two_dimensional(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Samples [C, N] of an array [C, N] or [N]."""
    if array.ndim == 1:
        return array[None]
    if array.ndim != 2:
        raise AudioError(f"samples have the shape [channels, samples], but this array has {array.ndim} dimensions")
    rows, columns = array.shape
    if rows > 2 >= columns > 0:
        raise AudioError(
            f"samples have the shape [channels, samples], but this array has {rows} rows and {columns}"
            f" {'column' if columns == 1 else 'columns'}; pass samples.T"
        )
    return array


def _whole(sample_rate: float | SupportsIndex) -> int:
    """A sample rate as an int."""
    if isinstance(sample_rate, float | np.floating) and float(sample_rate).is_integer():
        sample_rate = int(sample_rate)
    try:
        return operator.index(sample_rate)  # type: ignore[arg-type]
    except TypeError:
        given = " ".join(reprlib.repr(sample_rate).split())
        raise UsageError(f"a sample rate must be a whole number of Hz, not {given}") from None


class FileSource(AudioSource):
    """Base class of sources that are files: a path, and tags."""

    def __init__(
        self,
        path: Path,
        sample_rate: int,
        channels: int,
        samples: int | None,
        *,
        accept_cut: bool = False,
        places: Places | None = None,
    ) -> None:
        super().__init__(str(path), sample_rate, channels, samples, places=places)
        self.path = path
        self.accept_cut = accept_cut
        self.source_bytes = path.stat().st_size

    @cached_property
    def _found(self) -> Found:
        return self._read_tags()

    def _read_tags(self) -> Found:
        return read_tags(self.path)

    @property
    def tags(self) -> Metadata:
        """Tags and pictures, as `codec.audio.tags` reads them."""
        return self._found.metadata

    @property
    def tags_left_out(self) -> tuple[str, ...]:
        """What they lack, in words."""
        return self._found.left_out
