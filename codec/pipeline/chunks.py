"""Chunks before they are quantized: windows of samples with context, analysed chunks, and how they are regrouped.

Networks see a chunk's frames with context frames before and after (zeros beyond the song's ends), and only the middle
of their output is kept. Because the context covers the networks' receptive field, a song coded chunk by chunk equals
the song coded in one piece.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from codec.dsp.gain_control import shifted
from codec.dsp.mdct import Float
from codec.dsp.onsets import SEGMENT_BLOCKS
from formats.grid import (
    CHUNK,
    HOP,
    HYPER_FRAMES,
    SAMPLE_RATE,
    SEGMENT,
    chunk_length,
    frame_count,
    hyper_count,
    segment_count,
)
from formats.payload.side_info import SideInfo

T = TypeVar("T")

ENCODER_CONTEXT = 6
"""Frames of context on either side of a chunk that encoders see, a whole number of hyper vectors."""

DECODER_CONTEXT = 8
"""Frames of context on either side of a chunk that decoders see."""


@dataclass(frozen=True, eq=False)
class Window:
    """Samples of 630 frames and their context, with their digital silence and gain control.

    Attributes:
        index: number of the window.
        frames: frames of the song in it, 1...630.
        samples: [2, (3 G + 2 context + 1) 700] mid and side at 44.1 kHz, after gain control. Frames
            of its G hyper vectors that lie beyond the song are zeros.
        silence: int64 [n, 2], as in `formats.payload.side_info.SideInfo`.
        gain_control: int64 [n, 3], as in `formats.payload.side_info.SideInfo`.
    """

    index: int
    frames: int
    samples: Float
    silence: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    gain_control: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 3), np.int64))


@dataclass(frozen=True, eq=False)
class AnalysedChunk:
    """One chunk after the encoder's network, before any step that depends on tier or gain.

    Attributes:
        hyper: int8 [G, 48]; G is 0 for a plain model.
        coefficients: float32 [F, 1400], rotated MDCT coefficients; of a plain model its latents [F, L].
        side_info: side information of the chunk.
    """

    hyper: NDArray[np.int8]
    coefficients: Float
    side_info: SideInfo


def source_samples(frame: int, rate: int) -> int:
    """The sample at the source's rate at which a frame begins; exact for segments, which are whole seconds long."""
    return frame * HOP * rate // SAMPLE_RATE


def window_count(samples: int) -> int:
    """Windows of a song of `samples` samples at 44.1 kHz."""
    return -(-frame_count(samples) // CHUNK)


class Windower:
    """Cuts a stream of mid and side into windows with `context` frames on either side.

    Push blocks [2, N] in any sizes, then `finish` with the song's exact length at 44.1 kHz, to which the stream is
    trimmed or zero-padded.
    """

    def __init__(self, context: int) -> None:
        self._size = (CHUNK + 2 * context + 1) * HOP
        self._samples = np.zeros((2, self._size), np.float32)  # of the next window
        self._count = (context + 1) * HOP
        self._index = 0
        self._pushed = 0

    def push(self, block: Float) -> Iterator[Window]:
        """Windows that are complete with this block."""
        taken = 0
        while taken < block.shape[1]:
            part = block[:, taken : taken + self._size - self._count]
            taken += part.shape[1]
            self._samples[:, self._count : self._count + part.shape[1]] = part
            self._count += part.shape[1]
            self._pushed += part.shape[1]
            if self._count == self._size:
                yield self._cut(CHUNK)

    def finish(self, samples: int) -> Iterator[Window]:
        """The rest of the windows of a song of `samples` samples."""
        frames = frame_count(samples)
        self._count = max(0, self._count - max(0, self._pushed - samples))
        while self._index < window_count(samples):
            yield self._cut(min(CHUNK, frames - self._index * CHUNK))

    def _cut(self, frames: int) -> Window:
        """The next window, with zeros in place of what is missing at its end."""
        whole, count = self._samples, self._count
        size = self._size - (CHUNK - HYPER_FRAMES * hyper_count(frames)) * HOP
        whole[:, count:size] = 0
        self._samples = np.empty_like(whole)
        self._count = max(0, count - CHUNK * HOP)
        self._samples[:, : self._count] = whole[:, count - self._count : count]
        self._index += 1
        return Window(self._index - 1, frames, whole[:, :size])


def regroup(windows: Iterable[AnalysedChunk], longest: int, rate: int) -> Iterator[AnalysedChunk]:
    """A song that was analysed in windows of 630 frames as the chunks of a file whose longest have `longest` frames.

    Because networks always see the same windows, a file's integers do not depend on the length of its chunks.
    """
    pending: list[AnalysedChunk] = []
    index = 0
    for window in windows:
        for number in range(segment_count(len(window.coefficients))):
            pending.append(_segment(window, number, len(pending), rate))
            if len(pending) * SEGMENT == chunk_length(index, longest):
                yield _joined(pending)
                pending, index = [], index + 1
    if pending:
        yield _joined(pending)


def _segment(window: AnalysedChunk, number: int, new: int, rate: int) -> AnalysedChunk:
    """Segment `number` of a window, moved to become segment `new` of a chunk."""
    span = source_samples(SEGMENT, rate)
    low = number * span
    silence, gain_control, rotation, long_windows = window.side_info
    start, end = np.maximum(silence[:, 0], low), np.minimum(silence.sum(1), low + span)
    inside = np.stack([start - low + new * span, end - start], 1)[end > start]
    own = gain_control[gain_control[:, 0] // SEGMENT_BLOCKS == number]
    here = slice(number, number + 1)
    side_info = SideInfo(inside, shifted(own, new - number), rotation[here], long_windows[here])
    at = number * SEGMENT
    vectors = window.hyper[at // HYPER_FRAMES : (at + SEGMENT) // HYPER_FRAMES]
    return AnalysedChunk(vectors, window.coefficients[at : at + SEGMENT], side_info)


def _joined(parts: list[AnalysedChunk]) -> AnalysedChunk:
    columns = zip(*(part.side_info for part in parts), strict=True)
    silences, *others = (np.concatenate(arrays) for arrays in columns)
    spans: list[list[int]] = []
    for start, length in silences.tolist():  # a span that was cut between two segments is joined
        if spans and sum(spans[-1]) == start:
            spans[-1][1] += length
        else:
            spans.append([start, length])
    return AnalysedChunk(
        np.concatenate([part.hyper for part in parts]),
        np.concatenate([part.coefficients for part in parts]),
        SideInfo(np.array(spans, np.int64).reshape(-1, 2), *others),
    )


def triples(items: Iterable[T]) -> Iterator[tuple[T | None, T, T | None]]:
    """Every item with its neighbours: a, b, c -> (None, a, b), (a, b, c), (b, c, None)."""
    before: T | None = None
    current: T | None = None
    for after in items:
        if current is not None:
            yield before, current, after
        before, current = current, after
    if current is not None:
        yield before, current, None
