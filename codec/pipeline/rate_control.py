"""Rate control: finds the gain at which a song has the wanted bit rate.

The network runs once over the song. For each gain that is tried, chunks are quantized, and the size that they will have
follows from the code lengths of their symbols. Only the gain that is chosen is coded.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Self, cast

import numpy as np

from codec.pipeline.chunks import AnalysedChunk
from codec.pipeline.payload import encode_chunk, quantize_chunk
from codec.pipeline.plan import EncodePlan
from codec.pipeline.workers import Engine
from formats import Coder
from formats.container.layout import CHUNK_SIZE, LENGTH_SIZE
from formats.grid import GAIN_LIMIT, nominal_kbps
from formats.payload.code_length import fixed_size, main_size
from formats.payload.side_info import SideInfo

SAMPLE = 6
"""Chunks of a song, evenly spread, on which the first guesses are made: a minute."""

CLOSE = 0.004
"""Relative error at which the search stops. A step of gain changes the size by one or two per cent."""

TRIES = 12
"""Most gains that a search tries."""

RISE, LEAST_RISE = 0.022, 0.002
"""Rise of log size per step of gain: what is expected before two sizes are known, and the least that is believed."""


TYPICAL = 0.35
"""Share of a tier's nominal rate that songs take at its default gain, about: where the first guess is made from."""


class Spool:
    """Analysed chunks in a temporary file, because an hour of them is 1.3 GB; a context manager, which deletes it."""

    def __init__(self, chunks: Iterable[AnalysedChunk]) -> None:
        """Write all chunks to the file."""
        self._file = cast("BinaryIO", tempfile.TemporaryFile(prefix="aez-"))  # noqa: SIM115  (closed by `__exit__`)
        self._places: list[int] = []
        self._frames: list[int] = []
        try:
            for chunk in chunks:
                self._places.append(self._file.tell())
                self._frames.append(len(chunk.coefficients))
                for array in (chunk.hyper, chunk.coefficients, *chunk.side_info):
                    np.save(self._file, np.ascontiguousarray(array), allow_pickle=False)
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[AnalysedChunk]:
        return self.read(range(len(self)))

    def frames(self, numbers: Iterable[int]) -> int:
        """Frames of chunks, by their numbers."""
        return sum(self._frames[number] for number in numbers)

    def read(self, numbers: Iterable[int]) -> Iterator[AnalysedChunk]:
        """Chunks by number, one after another."""
        for number in numbers:
            self._file.seek(self._places[number])
            count = 2 + len(SideInfo._fields)
            hyper, coefficients, *side_info = (np.load(self._file, allow_pickle=False) for _ in range(count))
            yield AnalysedChunk(hyper, coefficients, SideInfo(*side_info))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()


def find_gain(spool: Spool, engine: Engine, target: float, plan: EncodePlan) -> int:
    """The gain at which the size of all chunks, with heads and index entries, is nearest to `target` bytes.

    Args:
        spool: the song.
        engine: threads to quantize it with.
        target: bytes, above 0.
        plan: the first guess is made from its tier, gain and bit rate; sizes are those of its coder, or of the range
            coder where it names none.
    """
    sizes = _Sizes(spool, engine, plan)
    every = list(range(len(spool)))
    if not every:
        return plan.gain
    gain, rise, some = first_guess(plan), None, every[:: -(-len(every) // SAMPLE)]
    if len(some) < len(every):
        share = spool.frames(some) / spool.frames(every)
        gain, rise = search(lambda gain: sizes(gain, some), target * share, gain)
    return search(lambda gain: sizes(gain, every), target, gain, rise)[0]


def first_guess(plan: EncodePlan) -> int:
    """A gain for the plan's bit rate, from the tier's default gain and typical rate; the plan's gain without one."""
    if plan.bitrate is None:
        return plan.gain
    return plan.gain + round(math.log(plan.bitrate / (TYPICAL * nominal_kbps(plan.latent))) / RISE)


class _Sizes:
    """Sizes of a song's chunks at any gain."""

    def __init__(self, spool: Spool, engine: Engine, plan: EncodePlan) -> None:
        self._spool, self._engine, self._plan = spool, engine, plan
        self._fixed: dict[int, float] = {}  # bytes of a chunk that are the same at every gain

    def __call__(self, gain: int, numbers: list[int]) -> float:
        """Bytes of some chunks, with heads and index entries."""
        items = zip(numbers, self._spool.read(numbers), strict=True)
        return sum(self._engine.map(lambda item: self._size(gain, *item), items))

    def _size(self, gain: int, number: int, chunk: AnalysedChunk) -> float:
        plan, tables = self._plan, self._plan.model.tables
        if plan.coder == Coder.ZSTD:
            return len(encode_chunk(chunk, plan.main_count, gain, Coder.ZSTD, tables)) + CHUNK_SIZE + LENGTH_SIZE
        if number not in self._fixed:
            self._fixed[number] = fixed_size(chunk.hyper, chunk.side_info, tables) + CHUNK_SIZE + LENGTH_SIZE
        return self._fixed[number] + main_size(quantize_chunk(chunk, plan.main_count, gain, tables), gain, tables)


def search(
    size: Callable[[int], float], target: float, start: int, rise: float | None = None
) -> tuple[int, float | None]:
    """The gain whose size is nearest to `target`, by the secant method on log size inside a shrinking bracket.

    Where the secant of the two nearest sizes leads out of the bracket, as on the bend where coarser steps hardly save
    anything, the next guess is on the chord between the bracket's ends (Dekker 1969).

    Args:
        size: bytes at a gain; it must not fall as the gain grows.
        target: bytes wanted.
        start: first guess.
        rise: of log size per step of gain, if it is known.

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
        if abs(seen[gain]) < max(CLOSE, (rise or 0) / 2):  # the next gains on both sides are farther away
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
