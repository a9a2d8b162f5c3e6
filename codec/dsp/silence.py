"""Digital silence, exact to the sample: found in the source, coded as side information, restored after decoding.

A network and an overlapping transform smear the edges of silence. Runs of exact zeros in all channels take only a few
bytes of side information. In return, gaps between tracks are digitally silent after decoding, and there is no pre-echo
before the first note.
"""

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from codec.dsp.spans import Spans

MIN_RUN_DIVISOR = 50
"""Runs shorter than a second divided by this (20 ms) are not coded; it is less than an encoder's look-ahead."""


class SilenceFinder:
    """Finds runs of zeros in a stream of source blocks.

    Args:
        rate: sample rate of the source, Hz.
    """

    def __init__(self, rate: int) -> None:
        self._shortest = max(1, rate // MIN_RUN_DIVISOR)
        self._runs: list[list[int]] = []  # [start, end) of runs that are long enough, or that may still go on
        self._position = 0

    def push(self, block: Float) -> None:
        """Take the next block [C, N]."""
        runs = _runs(block, self._shortest, self._position)
        if runs and self._runs and self._runs[-1][1] == runs[0][0]:
            self._runs[-1][1] = runs.pop(0)[1]
        self._position += block.shape[1]
        # A run that has ended and is too short will never count; one that touches the block's end may still go on.
        keep = [run for run in self._runs if self._is_long(run) or run[1] == self._position]
        self._runs = keep + [run for run in runs if self._is_long(run) or run[1] == self._position]

    def _is_long(self, run: list[int]) -> bool:
        return run[1] - run[0] >= self._shortest

    def within(self, low: int, high: int) -> NDArray[np.int64]:
        """The runs inside samples [low, high), clipped to them. Forgets runs that end before `high`.

        Returns:
            int64 [n, 2], each run as (start - low, length).
        """
        found = [(max(a, low) - low, min(b, high) - max(a, low)) for a, b in filter(self._is_long, self._runs)]
        self._runs = [run for run in self._runs if run[1] >= high]
        return np.array([run for run in found if run[1] > 0], np.int64).reshape(-1, 2)


def _runs(block: Float, shortest: int, position: int) -> list[list[int]]:
    """Runs of zeros in a block [C, N] whose first sample is number `position`, each as [start, end).

    Runs inside the block that are shorter than `shortest` may be missing.
    """
    probes = block[:, ::shortest].any(0)
    if probes.all() and block[:, -1:].any(0).all():  # between two probes there is no room for a run that counts
        return []
    zero = np.concatenate([[False], ~block.any(0), [False]])
    edges = np.flatnonzero(zero[1:] != zero[:-1]) + position
    runs: list[list[int]] = edges.reshape(-1, 2).tolist()
    return runs


def rescaled(runs: NDArray[np.int64], from_rate: int, to_rate: int) -> NDArray[np.int64]:
    """Runs [n, 2] (start, length) of samples at one rate as those at another that lie inside of them."""
    if from_rate == to_rate:
        return runs
    starts = -(-runs[:, 0] * to_rate // from_rate)
    ends = runs.sum(1) * to_rate // from_rate
    inside: NDArray[np.int64] = np.stack([starts, ends - starts], 1)[ends > starts]
    return inside


class SilenceKeeper:
    """Restores the announced runs of zeros in a stream of decoded blocks.

    Args:
        position: source sample at which the stream begins.
    """

    def __init__(self, position: int) -> None:
        self._runs: Spans[None] = Spans(position)

    def add(self, origin: int, runs: NDArray[np.int64]) -> None:
        """Announce the runs [n, 2] (start, length) of a chunk that begins at source sample `origin`."""
        for start, length in runs.tolist():
            self._runs.add(origin + start, length, None)

    def apply(self, block: Float) -> Float:
        """Set the announced runs to zero in the next block [C, N], in place."""
        for overlap, _, _ in self._runs.advance(block.shape[1]):
            block[:, overlap] = 0
        return block
