"""Digital silence, kept to the sample: found in the source, listed in the chunks, put back after decoding.

A network and an overlapping transform smear the edges of silence. Spans of exact zeros in all channels are cheap to
list (a few bytes) and worth it: gaps between tracks stay black, and no pre-echo sounds before the first note.
"""

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from codec.dsp.spans import Spans

SHORTEST = 50
"""Fraction of a second that a stretch must last to be listed: 20 ms, shorter than what a window reads ahead."""


class SilenceFinder:
    """Finds stretches of zeros in a stream of source blocks."""

    def __init__(self, rate: int) -> None:
        self._shortest = max(1, rate // SHORTEST)
        self._runs: list[list[int]] = []
        self._position = 0

    def push(self, block: Float) -> None:
        """Take a block [C, N]."""
        zero = np.concatenate([[False], ~block.any(0), [False]])
        edges = np.flatnonzero(zero[1:] != zero[:-1]) + self._position
        runs = edges.reshape(-1, 2).tolist()
        if runs and self._runs and self._runs[-1][1] == runs[0][0]:
            self._runs[-1][1] = runs.pop(0)[1]
        self._position += block.shape[1]
        # A run that ended and is too short will never count; the last one may still go on.
        keep = [run for run in self._runs if self._long(run) or run[1] == self._position]
        self._runs = keep + [run for run in runs if self._long(run) or run[1] == self._position]

    def _long(self, run: list[int]) -> bool:
        return run[1] - run[0] >= self._shortest

    def within(self, low: int, high: int) -> NDArray[np.int64]:
        """Spans (start - low, length) inside [low, high), clipped to it: [n, 2]. Forgets what ended."""
        found = [(max(a, low) - low, min(b, high) - max(a, low)) for a, b in filter(self._long, self._runs)]
        self._runs = [run for run in self._runs if run[1] >= high]
        return np.array([run for run in found if run[1] > 0 and run[0] < high - low], np.int64).reshape(-1, 2)


class SilenceKeeper:
    """Puts listed stretches back into a stream of decoded blocks."""

    def __init__(self, position: int) -> None:
        self._runs: Spans[None] = Spans(position)

    def add(self, origin: int, runs: NDArray[np.int64]) -> None:
        """Spans of a chunk that begins at source sample `origin`."""
        for start, length in runs.tolist():
            self._runs.add(origin + start, length, None)

    def apply(self, block: Float) -> Float:
        """Zero the listed stretches of the next block [C, N], in place."""
        for place, _, _ in self._runs.meet(block.shape[1]):
            block[:, place] = 0
        return block
