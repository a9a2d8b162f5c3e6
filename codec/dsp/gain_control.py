"""Attacks out of quiet: what is quiet before one is raised for coding, and lowered again behind it.

What the quantizer of a transform rounds off spreads over its whole window, and is heard where it comes before the
attack that it belongs to. Raised towards the loudness of the attack, the quiet part gets its own share of that noise,
which sinks with it when it is lowered again. Works on samples, outside of transform and network.

Source: gain control as in Bosi et al. 1997 (MPEG-2 AAC, scalable sampling rate profile), in one band.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from codec.dsp.spans import Spans
from formats.grid import GAIN_BLOCK, HOP, SEGMENT
from formats.payload.side_info import NO_ATTACKS, PER_FRAME, slow_rise

SEGMENT_BLOCKS = SEGMENT * PER_FRAME
"""Blocks of a segment; a raised stretch never leaves its segment, so that chunks of any length list the same."""

LOOKBACK = 90
"""Blocks before an attack that can be raised, 102 ms; further back nothing was gained (training/LOG.md)."""

LOOKAHEAD = 6
"""Blocks in which an attack reaches its height: 7 ms."""

JUMP, HEIGHT = 6.0, 18.0
"""Decibels by which an attack's first block stands over the four before it, and by which its height does."""

STEP = 6.02
"""Decibels of a level: a factor of two."""

LOUDEST, SHORTEST = 4, 5
"""The highest level, 24 dB (raising more lets the rise be heard), and the fewest blocks."""

SILENT = -110.0
"""Decibels of the stretch's loudest block under which there is nothing to raise; full scale is 0."""


def find_stretches(power: NDArray[np.float64]) -> list[tuple[int, int, int, int]]:
    """Spans (first block, blocks, level, rise) to raise in a segment.

    Shape:
        power: mean squares of the segment's 1764 blocks and of LOOKAHEAD more behind it.
    """
    decibels = 10 * np.log10(power + 1e-13)
    before = sliding_window_view(decibels[:SEGMENT_BLOCKS], 4).max(1)  # of blocks k - 4 ... k - 1, for k = 4 ... SEGMENT_BLOCKS
    height = sliding_window_view(decibels[4:], LOOKAHEAD).max(1)[: len(before)]
    onset = (decibels[4 : SEGMENT_BLOCKS + 1] - before >= JUMP) & (height - before >= HEIGHT)
    found: list[tuple[int, int, int, int]] = []
    end = 0
    for k in (np.flatnonzero(onset) + 4).tolist():
        reach = min(LOOKBACK, k - end)
        if reach < SHORTEST:
            continue
        loudest = np.maximum.accumulate(decibels[k - reach : k][::-1])  # of the last 1, 2, ... blocks
        level = np.minimum(LOUDEST, (height[k - 4] - loudest) // STEP).astype(int)
        worth = level * np.arange(1, reach + 1)
        best = SHORTEST - 1 + int(worth[SHORTEST - 1 :].argmax())
        if level[best] * STEP >= HEIGHT and loudest[best] > SILENT:
            found.append((k - best - 1, best + 1, int(level[best]), slow_rise(best + 1)))
            end = k
    return found


def gain_exponents(blocks: int, level: int, rise: int) -> Float:
    """log2 of what a stretch is raised by, sample by sample: `rise` blocks up, one block down.

    A slow rise keeps the noise of a window that spans it near the sound everywhere in it.
    """
    i = np.arange(blocks * GAIN_BLOCK, dtype=np.float32) + np.float32(0.5)
    up, down = i / (rise * GAIN_BLOCK), i[::-1] / GAIN_BLOCK
    return np.asarray(np.float32(level) * np.minimum(np.minimum(up, down), np.float32(1)))


def shifted(stretches: NDArray[np.int64], segments: int) -> NDArray[np.int64]:
    """Spans [n, 4] so many segments later."""
    return np.asarray(stretches + np.array([segments * SEGMENT_BLOCKS, 0, 0, 0]))


class GainControl:
    """Raises what comes before attacks in a stream of mid and side at 44.1 kHz, a segment behind what it is given."""

    def __init__(self) -> None:
        self._held = np.zeros((2, 0), np.float32)
        self._found: list[NDArray[np.int64]] = []
        self._forgotten = 0  # segments whose stretches have been asked for

    def push(self, block: Float) -> Float:
        """Take [2, N]; the samples that are ready."""
        self._held = np.concatenate([self._held, block], 1)
        size = SEGMENT * HOP
        ready = []
        while self._held.shape[1] >= size + LOOKAHEAD * GAIN_BLOCK:
            ready.append(self._segment(self._held[:, : size + LOOKAHEAD * GAIN_BLOCK])[:, :size])
            self._held = self._held[:, size:]
        return np.concatenate(ready, 1) if ready else np.zeros((2, 0), np.float32)

    def finish(self) -> Float:
        """The rest of the samples."""
        count = self._held.shape[1]
        rest = self.push(np.zeros((2, SEGMENT * HOP + LOOKAHEAD * GAIN_BLOCK), np.float32))
        return rest[:, :count]

    def within(self, first: int, end: int) -> NDArray[np.int64]:
        """Spans of segments [first, end) as [n, 4], counted from the first one's start. Forgets those before."""
        self._found = self._found[first - self._forgotten :]
        self._forgotten = first
        return np.concatenate([NO_ATTACKS, *(shifted(part, n) for n, part in enumerate(self._found[: end - first]))])

    def _segment(self, samples: Float) -> Float:
        """A segment and what LOOKAHEAD needs of the next one, raised; the stretches are kept."""
        square = np.einsum("cn,cn->n", samples, samples, dtype=np.float64)
        found = find_stretches(square.reshape(-1, GAIN_BLOCK).mean(1))
        self._found.append(np.array(found, np.int64).reshape(-1, 4))
        if found:
            samples = samples.copy()
        for start, blocks, level, rise in found:
            at = start * GAIN_BLOCK
            samples[:, at : at + blocks * GAIN_BLOCK] *= np.exp2(gain_exponents(blocks, level, rise))
        return samples


def apply_gain_control(samples: Float) -> Float:
    """All of a mid and side [2, N] as `GainControl` gives it; the first sample begins a segment."""
    raiser = GainControl()
    return np.concatenate([raiser.push(samples), raiser.finish()], 1)


class InverseGainControl:
    """Lowers the listed stretches of a decoded stream again."""

    def __init__(self, position: int) -> None:
        self._raised: Spans[tuple[int, int, int]] = Spans(position)

    def add(self, origin: int, stretches: NDArray[np.int64]) -> None:
        """Spans of a chunk that begins at sample `origin` of the coded signal."""
        for start, blocks, level, rise in stretches.tolist():
            self._raised.add(origin + start * GAIN_BLOCK, blocks * GAIN_BLOCK, (blocks, level, rise))

    def apply(self, block: Float) -> Float:
        """Lower them in the next block [C, N], in place."""
        for place, part, raised in self._raised.meet(block.shape[1]):
            block[:, place] *= np.exp2(-gain_exponents(*raised)[part])
        return block
