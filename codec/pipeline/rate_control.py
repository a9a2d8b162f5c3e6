"""Rate control: finds the gain at which a song has the wanted bit rate.

The network runs once over the song. A first guess of the gain follows from the hyper latents alone. Then a few segments
of the song are quantized at two or three gains; the size that they will have follows from the code lengths of their
symbols. The gain that they lead to is hardly ever more than a step from the right one. With it, the whole song is
coded: a draft of the file, which is the file itself unless another gain must be nearer to the rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from codec.files import temporary_file
from codec.pipeline.chunks import AnalysedChunk
from codec.pipeline.expected_size import ExpectedSize
from codec.pipeline.payload import encode_chunk, quantize_chunk
from codec.pipeline.plan import EncodePlan
from codec.pipeline.workers import Engine
from formats import Coder
from formats.container.layout import CHUNK_SIZE, LENGTH_SIZE
from formats.grid import CHUNK, GAIN_LIMIT, HYPER_FRAMES, SEGMENT
from formats.payload.code_length import fixed_size, main_size
from formats.payload.side_info import SideInfo

if TYPE_CHECKING:
    from codec.dsp.mdct import Float

SAMPLE = 20
"""Segments of a song from which its size is estimated: 40 seconds."""

CLOSE = 0.004
"""Relative error at which the search stops. A step of gain changes the size by one or two per cent."""

NEAR = 0.03
"""Relative error of an estimate from which the right gain is known without a further estimate."""

TRIES = 12
"""Most gains that a search tries."""

RISE, LEAST_RISE = 0.022, 0.002
"""Rise of log size per step of gain: what is expected before two sizes are known, and the least that is believed."""


class _Segment(NamedTuple):
    start: int
    """First frame in the song."""

    frames: int
    hyper: NDArray[np.int8]


class Spool:
    """Analysed chunks that wait in a temporary file, because an hour of coefficients is 1.3 GB; a context manager.

    Attributes:
        heads: hyper latents and side information of every chunk; these stay in memory.
        frames: frames of every chunk.
    """

    def __init__(self, chunks: Iterable[AnalysedChunk]) -> None:
        """Write the coefficients of all chunks to the file."""
        self._file = temporary_file()
        self._width = 0
        self.heads: list[tuple[NDArray[np.int8], SideInfo]] = []
        self.frames: list[int] = []
        try:
            for chunk in chunks:
                self._file.write(chunk.coefficients.astype("<f4", copy=False).tobytes())
                self._width = chunk.coefficients.shape[1]
                self.heads.append((chunk.hyper, chunk.side_info))
                self.frames.append(len(chunk.coefficients))
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return len(self.heads)

    def __iter__(self) -> Iterator[AnalysedChunk]:
        start = 0
        for (hyper, side_info), frames in zip(self.heads, self.frames, strict=True):
            yield AnalysedChunk(hyper, self._read(start, frames), side_info)
            start += frames

    def sample(self, most: int) -> Iterator[AnalysedChunk]:
        """At most so many segments, evenly spread over the song and joined to chunks of five.

        As chunks they take what they would take in the song, where most frames have coded frames on both sides. Their
        side information is not theirs.
        """
        for joined in self._sampled(most):
            coefficients = np.concatenate([self._read(segment.start, segment.frames) for segment in joined])
            yield AnalysedChunk(np.concatenate([segment.hyper for segment in joined]), coefficients, self.heads[0][1])

    def sample_hyper(self, most: int) -> list[tuple[NDArray[np.int8], int]]:
        """Hyper latents and frames of the chunks that `sample` gives."""
        return [
            (np.concatenate([segment.hyper for segment in joined]), sum(segment.frames for segment in joined))
            for joined in self._sampled(most)
        ]

    def _sampled(self, most: int) -> Iterator[list[_Segment]]:
        segments = [
            _Segment(
                first + at,
                min(SEGMENT, frames - at),
                hyper[at // HYPER_FRAMES : (at + SEGMENT) // HYPER_FRAMES],
            )
            for first, frames, (hyper, _) in zip(
                accumulate(self.frames, initial=0), self.frames, self.heads, strict=False
            )
            for at in range(0, frames, SEGMENT)
        ]
        count = min(most, len(segments))
        chosen = [segments[(2 * i + 1) * len(segments) // (2 * count)] for i in range(count)]
        for at in range(0, count, CHUNK // SEGMENT):
            yield chosen[at : at + CHUNK // SEGMENT]

    def _read(self, start: int, frames: int) -> Float:
        """Coefficients of some frames of the song."""
        row = 4 * self._width
        self._file.seek(start * row)
        return np.frombuffer(self._file.read(frames * row), "<f4").reshape(frames, self._width)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()


def find_gain(spool: Spool, engine: Engine, target: float, plan: EncodePlan, draft: Callable[[int], float]) -> int:
    """The gain at which the size of all chunks, with heads and index entries, is nearest to `target` bytes.

    Args:
        spool: the song.
        engine: threads to quantize it with.
        target: bytes, above 0.
        plan: its tier and model; the search starts at its gain.
        draft: codes the song at a gain -> bytes. It is called with the gain that is returned, seldom with others too.
    """
    if not len(spool):
        draft(plan.gain)
        return plan.gain
    size = _Estimate(spool, engine, plan)
    gain, rise = plan.gain, None
    if plan.coder != Coder.ZSTD:
        gain, rise = search(size.typical, target, gain)
    gain, rise = search(size, target, gain, rise, NEAR)
    gain -= round(math.log(size(gain) / target) / (rise or RISE))
    return search(draft, target, gain, rise)[0]


class _Estimate:
    """Bytes of a song's chunks at any gain, from those of a few segments."""

    def __init__(self, spool: Spool, engine: Engine, plan: EncodePlan) -> None:
        self._spool, self._engine, self._plan = spool, engine, plan
        main, tables = plan.main_count, plan.model.tables
        part = spool.sample_hyper(SAMPLE)
        whole = [(hyper, frames) for (hyper, _), frames in zip(spool.heads, spool.frames, strict=True)]
        self._part, self._whole = ExpectedSize(part, main, tables), ExpectedSize(whole, main, tables)
        self._share = sum(frames for _, frames in part) / sum(spool.frames)
        self._heads = len(spool) * (CHUNK_SIZE + LENGTH_SIZE)
        self._fixed = sum(fixed_size(*head, tables) for head in spool.heads)
        self._known: dict[int, float] = {}

    def typical(self, gain: int) -> float:
        """Bytes that are expected before any segment has been quantized."""
        return self._heads + self._fixed + self._whole.typical(gain)

    def __call__(self, gain: int) -> float:
        """Bytes by the plan's coder, or by the range coder where it names none."""
        if gain not in self._known:
            sample = sum(self._engine.map(lambda chunk: self._size(gain, chunk), self._spool.sample(SAMPLE)))
            if self._plan.coder == Coder.ZSTD:
                self._known[gain] = self._heads + sample / self._share
            else:
                self._known[gain] = self._heads + self._fixed + sample * self._whole(gain) / self._part(gain)
        return self._known[gain]

    def _size(self, gain: int, chunk: AnalysedChunk) -> float:
        """Bytes of a chunk's main latents by the range coder, or of all by the zstd coder."""
        main, tables = self._plan.main_count, self._plan.model.tables
        if self._plan.coder == Coder.ZSTD:
            return len(encode_chunk(chunk, main, gain, Coder.ZSTD, tables))
        return main_size(quantize_chunk(chunk, main, gain, tables), gain, tables)


def search(
    size: Callable[[int], float], target: float, start: int, rise: float | None = None, close: float = CLOSE
) -> tuple[int, float | None]:
    """The gain whose size is nearest to `target`, by the secant method on log size inside a shrinking bracket.

    Where the secant of the two nearest sizes leads out of the bracket, as on the bend where coarser steps hardly save
    anything, the next guess is on the chord between the bracket's ends (Dekker 1969).

    Args:
        size: bytes at a gain; it must not fall as the gain grows.
        target: bytes wanted.
        start: first guess.
        rise: of log size per step of gain, if it is known.
        close: relative error at which it stops, even if other gains may be nearer.

    Returns:
        the gain, and the rise near it; None if that is still not known.
    """
    low, high = -GAIN_LIMIT, GAIN_LIMIT
    seen: dict[int, float] = {}
    gain = min(max(start, low), high)
    for _ in range(TRIES):
        seen[gain] = np.log(size(gain) / target)
        known = sorted(seen, key=lambda g: abs(seen[g]))[:2]
        if len(known) == 2 and seen[known[0]] != seen[known[1]]:
            rise = max(LEAST_RISE, (seen[known[0]] - seen[known[1]]) / (known[0] - known[1]))
        if abs(seen[gain]) < max(close, (rise or 0) / 2):  # the next gains on both sides are farther away
            break
        low, high = (gain + 1, high) if seen[gain] < 0 else (low, gain - 1)
        if low > high:
            break
        gain = round(known[0] - seen[known[0]] / (rise or RISE))
        if not low <= gain <= high:
            gain = _inside(seen, gain, low, high)
    return min(seen, key=lambda g: abs(seen[g])), rise


def _inside(seen: dict[int, float], guess: int, low: int, high: int) -> int:
    """A gain in low...high: on the chord between the sizes on both sides, or next to the guess if there is one side."""
    below = max((gain for gain in seen if seen[gain] < 0), default=None)
    above = min((gain for gain in seen if seen[gain] > 0), default=None)
    if below is not None and above is not None:
        guess = round(below + (above - below) * seen[below] / (seen[below] - seen[above]))
    return min(max(guess, low), high)
