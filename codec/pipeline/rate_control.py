"""Finding the gain that gives a song its bitrate: one pass of the network, then quantizing and coding it again."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, cast

import numpy as np

from codec.pipeline.ranked_encoder import AnalysedChunk
from codec.pipeline.workers import ordered_map
from formats.container.layout import CHUNK_SIZE, Coder
from formats.model.tables import GAIN_LIMIT
from formats.payload.chunk import AnyTables
from formats.payload.side_info import SideInfo

SAMPLE = 18
"""Chunks of a long song that the first guesses are made on, evenly spread: three minutes."""

CLOSE = 0.004
"""Relative error at which the search stops; a step of gain is worth one or two per cent."""


class Spool:
    """AnalysedChunk chunks in a temporary file, because an hour of them is 1.3 GB; the file goes with the object."""

    def __init__(self) -> None:
        self._file = cast("BinaryIO", tempfile.TemporaryFile(prefix="aez-"))  # noqa: SIM115  (closed by `close`)
        self._places: list[int] = []

    def __len__(self) -> int:
        return len(self._places)

    def add(self, chunk: AnalysedChunk) -> None:
        """Append a chunk."""
        self._places.append(self._file.seek(0, 2))
        for array in (chunk.hyper, chunk.analysis, *chunk.lists):
            np.save(self._file, np.ascontiguousarray(array), allow_pickle=False)

    def read(self, numbers: Iterable[int]) -> Iterator[AnalysedChunk]:
        """Chunks by number, one after another."""
        for number in numbers:
            self._file.seek(self._places[number])
            count = 2 + len(SideInfo._fields)
            hyper, analysis, *lists = (np.load(self._file, allow_pickle=False) for _ in range(count))
            yield AnalysedChunk(hyper, analysis, SideInfo(*lists))

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()


def search(size: Callable[[int], float], target: float, start: int) -> int:
    """The gain whose size comes nearest `target`: a secant on log size, kept inside the bracket found so far.

    Args:
        size: bytes at a gain, not falling with it.
        target: bytes wanted.
        start: first guess.
    """
    low, high = -GAIN_LIMIT, GAIN_LIMIT
    seen: dict[int, float] = {}
    gain = min(max(start, low), high)
    for _ in range(12):
        seen[gain] = np.log(size(gain) / target)
        if abs(seen[gain]) < CLOSE:
            break
        low, high = (gain + 1, high) if seen[gain] < 0 else (low, gain - 1)
        if low > high:
            break
        known = sorted(seen, key=lambda g: abs(seen[g]))[:2]
        rise = 0.012
        if len(known) == 2 and seen[known[0]] != seen[known[1]]:
            rise = max(0.002, (seen[known[0]] - seen[known[1]]) / (known[0] - known[1]))
        gain = min(max(round(known[0] - seen[known[0]] / rise), low), high)
    return min(seen, key=lambda g: abs(seen[g]))


def find_gain(
    spool: Spool, pool: ThreadPoolExecutor, target: float, main: int, start: int, tables: AnyTables, coder: Coder
) -> int:
    """The gain at which all chunks together take nearest to `target` bytes, heads and index entries included."""

    def total(gain: int, numbers: list[int]) -> float:
        def one(chunk: AnalysedChunk) -> int:
            return len(chunk.payload(main, gain, coder, tables)) + CHUNK_SIZE + 4

        return sum(ordered_map(pool, one, spool.read(numbers)))

    every = list(range(len(spool)))
    if not every:
        return start
    some = every[:: max(1, len(every) // SAMPLE)]
    if len(some) < len(every):
        rough = search(lambda gain: total(gain, some), target * len(some) / len(every), start)
        start = rough
    return search(lambda gain: total(gain, every), target, start)
