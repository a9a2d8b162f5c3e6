"""Rate control: finds the gain at which a song has the wanted bit rate.

The network runs once over the song. Quantizer and coder run once for each gain that is tried.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Self, cast

import numpy as np

from codec.pipeline.chunks import AnalysedChunk
from codec.pipeline.payload import encode_chunk
from codec.pipeline.plan import EncodePlan
from codec.pipeline.workers import Engine
from formats import Coder
from formats.container.layout import CHUNK_SIZE, LENGTH_SIZE
from formats.grid import GAIN_LIMIT
from formats.payload.side_info import SideInfo

SAMPLE = 18
"""Chunks of a long song, evenly spread, on which the first guesses are made: three minutes."""

CLOSE = 0.004
"""Relative error at which the search stops. A step of gain changes the size by one or two per cent."""

TRIES = 12
"""Most gains that a search tries."""

RISE, LEAST_RISE = 0.012, 0.002
"""Rise of log size per step of gain: before two sizes are known, and the least that is believed from two sizes."""


class Spool:
    """Analysed chunks in a temporary file, because an hour of them is 1.3 GB; a context manager, which deletes it."""

    def __init__(self, chunks: Iterable[AnalysedChunk]) -> None:
        """Write all chunks to the file."""
        self._file = cast("BinaryIO", tempfile.TemporaryFile(prefix="aez-"))  # noqa: SIM115  (closed by `__exit__`)
        self._places: list[int] = []
        try:
            for chunk in chunks:
                self._places.append(self._file.tell())
                for array in (chunk.hyper, chunk.coefficients, *chunk.side_info):
                    np.save(self._file, np.ascontiguousarray(array), allow_pickle=False)
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[AnalysedChunk]:
        return self.read(range(len(self)))

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
        engine: threads to code it with.
        target: bytes, above 0.
        plan: its gain is the first guess; sizes are those of its coder, or of the range coder where it names none.
    """
    tables, coder = plan.model.tables, plan.coder or Coder.RANGE

    def total(gain: int, numbers: list[int]) -> float:
        def one(chunk: AnalysedChunk) -> int:
            return len(encode_chunk(chunk, plan.main_count, gain, coder, tables)) + CHUNK_SIZE + LENGTH_SIZE

        return sum(engine.map(one, spool.read(numbers)))

    every = list(range(len(spool)))
    if not every:
        return plan.gain
    start, some = plan.gain, every[:: max(1, len(every) // SAMPLE)]
    if len(some) < len(every):
        start = search(lambda gain: total(gain, some), target * len(some) / len(every), start)
    return search(lambda gain: total(gain, every), target, start)


def search(size: Callable[[int], float], target: float, start: int) -> int:
    """The gain whose size is nearest to `target`, by the secant method on log size inside a shrinking bracket.

    Args:
        size: bytes at a gain; it must not fall as the gain grows.
        target: bytes wanted.
        start: first guess.
    """
    low, high = -GAIN_LIMIT, GAIN_LIMIT
    seen: dict[int, float] = {}
    gain = min(max(start, low), high)
    for _ in range(TRIES):
        seen[gain] = np.log(size(gain) / target)
        if abs(seen[gain]) < CLOSE:
            break
        low, high = (gain + 1, high) if seen[gain] < 0 else (low, gain - 1)
        if low > high:
            break
        known = sorted(seen, key=lambda g: abs(seen[g]))[:2]
        rise = RISE
        if len(known) == 2 and seen[known[0]] != seen[known[1]]:
            rise = max(LEAST_RISE, (seen[known[0]] - seen[known[1]]) / (known[0] - known[1]))
        gain = min(max(round(known[0] - seen[known[0]] / rise), low), high)
    return min(seen, key=lambda g: abs(seen[g]))
