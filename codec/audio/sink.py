"""Blocks of float32 to audio files, written by libsndfile or, where it cannot, by ffmpeg; `kinds` lists them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from codec.audio.bitrates import check_bitrate, compression
from codec.audio.kinds import Encoding
from codec.audio.linear import open_linear
from codec.audio.tags.write import write_tags
from codec.files import new_file
from formats import Metadata
from formats.errors import AudioError

if TYPE_CHECKING:
    from os import PathLike

_BITS = {"PCM_16": 16, "PCM_24": 24}
_WAV_LIMIT = (1 << 32) - (1 << 16)  # bytes that the 32-bit sizes of a wav can count, with room for tags
_SLICES = {"ogg": 4096, "opus": 4096, "wav": 1 << 16}
"""Samples per call. libsndfile's Ogg encoders keep a whole call on their stack; slices of a wav fit the cache."""


class AudioSink:
    """An audio file that is being written; a context manager, and complete only once that has ended well.

    Attributes:
        sample_rate: Hz.
        channels: 1 or 2.
        samples: samples per channel written so far.
        clipped: how many values exceeded full scale and were clipped; float and lossy targets clip nothing.
        emptiness: why there are no samples, for the error of a format that needs some.
        left_out: tags and pictures that the format cannot hold, in words; complete when the file is closed.
    """

    def __init__(
        self,
        target: BinaryIO,
        name: str,
        sample_rate: int,
        channels: int,
        *,
        subtype: str | None = None,
        bitrate: float | None = None,
        tags: Metadata | None = None,
        expected: int | None = None,
        streamed: bool = False,
    ) -> None:
        """Begin a file.

        Args:
            target: file object to write to and to seek in.
            name: its name for messages, whose extension chooses the format.
            sample_rate: Hz.
            channels: 1 or 2.
            subtype: "16", "24" or "float"; None takes the format's default.
            bitrate: of a lossy format, about how many 1000 bit/s; None takes the format's default.
            tags: tags and pictures; what the format cannot hold is left out, and `left_out` tells.
            expected: samples per channel that will be written, if known. A wav that they take past 4 GiB is written
                as RF64, which few players read; so the number should be no estimate.
            streamed: whether the file goes on to a reader that cannot seek, so that tags come ahead of the audio.

        Raises:
            AudioError: the format cannot hold this subtype, bit rate or sample rate, or nothing can be written.
        """
        self._encoding = Encoding.of(name, subtype, bitrate)
        self._kind, self._subtype = self._encoding.kind, self._encoding.subtype
        self._kind.check_rate(sample_rate)
        if bitrate is not None:
            check_bitrate(self._kind, bitrate, sample_rate, channels)
        self.sample_rate = sample_rate
        self.channels = channels
        self.samples = 0
        self.clipped = 0
        self.emptiness = ""
        self.left_out: list[str] = []
        self._tags, self._streamed = tags or Metadata(), streamed
        self._name = "the output" if streamed else name
        self._frame = channels * {"PCM_24": 3, "FLOAT": 4}.get(self._subtype, 2)
        is_limited = self._kind.name in ("wav", "aiff")
        large = self._kind.name == "wav" and expected is not None and expected * self._frame > _WAV_LIMIT
        self._limit = _WAV_LIMIT if is_limited and not large else None
        self._output = target
        self._target = _Target(target)
        self._file: Any = None
        try:
            self._open("RF64" if large else self._kind.container)
        except BaseException:
            self._abandon()
            raise

    def _open(self, container: str) -> None:
        if self._kind.codec:
            from codec.audio.ffmpeg_writer import FfmpegWriter

            self._file = FfmpegWriter(self._target.write, self._name, self._encoding, self.sample_rate, self.channels)
            return
        bitrate = self._encoding.bitrate
        level = {} if bitrate is None else compression(self._kind, bitrate, self.sample_rate, self.channels)
        with self._errors():
            self._file = open_linear(
                self._target, "w", self.sample_rate, self.channels, self._subtype, format=container, **level
            )

    def write(self, block: NDArray[np.float32]) -> None:
        """Append samples [C, N], full scale at +-1.

        Raises:
            AudioError: the disk is full, or a wav passes 4 GiB although `expected` did not say so.
        """
        if self._limit and (self.samples + block.shape[1]) * self._frame > self._limit:
            unknown = " of unknown length" if self._kind.name == "wav" else ""
            raise AudioError(
                f"{self._name} would pass the 4 GiB that a {self._kind.name}{unknown} can hold; write a .flac"
            )
        step = _SLICES.get(self._kind.name, max(1, block.shape[1]))
        with self._errors():
            for at in range(0, block.shape[1], step):
                part: NDArray[Any] = block[:, at : at + step]
                if self._subtype in _BITS:
                    part, clipped = integers(part, _BITS[self._subtype])
                    self.clipped += clipped
                self._file.write(interleaved(part))
        self.samples += block.shape[1]

    def close(self) -> None:
        """Write the rest, the header, and the tags.

        Raises:
            AudioError: the disk is full, or there were no samples and the format needs some (flac, mp3 and others).
        """
        if not self.samples and self._kind.needs_samples:
            self._abandon()
            why = f" ({self.emptiness})" if self.emptiness else ""
            text = f"{self._name}: there are no samples, which {self._kind.name} files cannot hold; write a .wav{why}"
            raise AudioError(text)
        with self._errors():
            self._file.close()
            self._target.flush()
        if self._output.readable():  # a device takes the audio only
            self._write_tags()

    def _write_tags(self) -> None:
        """Put the tags into the finished file; libsndfile knows one value each of a few, and no pictures."""
        try:
            self.left_out += write_tags(self._output, self._kind.name, self._tags, ahead=self._streamed)
            self._output.seek(0, 2)
            self._output.flush()
        except OSError as error:
            raise AudioError(f"cannot write {error.filename or self._name}: {error.strerror or error}") from None

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        import soundfile

        problem: Exception | None = None
        try:
            yield
        except (soundfile.SoundFileError, AssertionError) as error:  # it asserts that all samples were taken
            problem = error
        stopped = self._target.stopped
        if isinstance(stopped, OSError):
            name = stopped.filename or self._name
            raise AudioError(f"cannot write {name}: {stopped.strerror or stopped}") from None
        if stopped:
            raise stopped
        if problem:
            reason = str(problem).split("Error : ")[-1].rstrip(".")
            raise AudioError(f"cannot write {self._name}: {reason}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        if kind is None:
            self.close()
        else:
            self._abandon()

    def _abandon(self) -> None:
        """Close without writing more, and without errors, which would hide the one that matters."""
        self._target.stopped = self._target.stopped or OSError("given up")
        with contextlib.suppress(Exception):
            (self._file.abandon if self._kind.codec else self._file.close)()


def integers(block: NDArray[np.float32], bits: int) -> tuple[NDArray[np.integer[Any]], int]:
    """Samples [C, N] as integers of 16 or 24 bits, and how many values were clipped.

    Shape:
        [C, N] -> [C, N], int16, or int32 whose upper bits hold the 24.
    """
    # By hand: libsndfile scales by 32767, which is not the inverse of how it reads, and counts nothing.
    full = 1 << (bits - 1)
    scaled = block * np.float32(full)
    np.rint(scaled, out=scaled)
    clipped = 0
    if not (scaled.min(initial=0) >= -full and scaled.max(initial=0) < full):
        clipped = int(np.count_nonzero(np.abs(block) > 1))
        np.clip(scaled, -full, full - 1, out=scaled)
    if bits == 16:
        return scaled.astype(np.int16), clipped
    return scaled.astype(np.int32) << (32 - bits), clipped  # libsndfile takes the upper bits


def interleaved(channels: NDArray[Any]) -> NDArray[Any]:
    """[C, N] -> [N, C] in contiguous memory; channel by channel, which takes a fifth of a transposed copy's time."""
    out = np.empty(channels.shape[::-1], channels.dtype)
    for number, channel in enumerate(channels):
        out[:, number] = channel
    return out


class _Target:
    """The file object that libsndfile writes to.

    Attributes:
        stopped: the first exception of a call, which cannot pass through libsndfile's C frames.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.stopped: BaseException | None = None

    def write(self, data: bytes) -> int:
        return self._keep(lambda: self._file.write(data))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._keep(lambda: self._file.seek(offset, whence))  # may have to write what is buffered

    def tell(self) -> int:
        return self._keep(self._file.tell)

    def flush(self) -> None:
        self._keep(self._file.flush)

    def _keep(self, action: Callable[[], int | None]) -> int:
        if self.stopped:
            return 0
        try:
            return action() or 0
        except BaseException as error:
            self.stopped = error
            return 0


@contextlib.contextmanager
def open_sink(
    path: str | PathLike[str],
    sample_rate: int,
    channels: int,
    subtype: str | None = None,
    tags: Metadata | None = None,
    *,
    bitrate: float | None = None,
    expected: int | None = None,
    force: bool = True,
) -> Iterator[AudioSink]:
    """Open a new audio file by its extension, as `AudioSink`, for the length of a with block.

    The file appears under its name when the block has ended well, and never otherwise.

    Raises:
        AudioError: as `AudioSink`.
        UsageError, AezError: as `codec.files.new_file`.
    """
    with (
        new_file(path, force=force) as file,
        AudioSink(
            file, str(path), sample_rate, channels, subtype=subtype, bitrate=bitrate, tags=tags, expected=expected
        ) as sink,
    ):
        yield sink
