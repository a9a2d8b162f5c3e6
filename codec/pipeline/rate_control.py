"""Rate control: the gain that gives a song its bit rate, by one pass of the network and some of quantizer and coder."""

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
from formats.container.layout import CHUNK_SIZE
from formats.grid import GAIN_LIMIT
from formats.payload.side_info import SideInfo

SAMPLE = 18
"""Chunks of a long song that the first guesses are made on, evenly spread: three minutes."""

CLOSE = 0.004
"""Relative error at which the search stops; a step of gain is worth one or two per cent."""

INDEX_ENTRY = 4
"""Bytes of a chunk in the trailer's index."""


class Spool:
    """Analysed chunks in a temporary file, because an hour of them is 1.3 GB; a context manager, which deletes it."""

    def __init__(self, chunks: Iterable[AnalysedChunk]) -> None:
        """Take all chunks."""
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
    """The gain at which all chunks together take nearest to `target` bytes, heads and index entries included.

    Args:
        spool: the song.
        engine: whose threads code it.
        target: bytes, above 0.
        plan: its gain is the first guess; its coder is the one whose sizes count, the range coder's where none is set.
    """
    tables, coder = plan.model.tables, plan.coder or Coder.RANGE

    def total(gain: int, numbers: list[int]) -> float:
        def one(chunk: AnalysedChunk) -> int:
            return len(encode_chunk(chunk, plan.main_count, gain, coder, tables)) + CHUNK_SIZE + INDEX_ENTRY

        return sum(engine.map(one, spool.read(numbers)))

    every = list(range(len(spool)))
    if not every:
        return plan.gain
    start, some = plan.gain, every[:: max(1, len(every) // SAMPLE)]
    if len(some) < len(every):
        start = search(lambda gain: total(gain, some), target * len(some) / len(every), start)
    return search(lambda gain: total(gain, every), target, start)


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
