"""From hyper latents to levels and ranks, in integers only, so that every machine agrees on what a file's bits mean.

Time is interpolated inside a segment of 2 seconds only: no integer depends on how segments were grouped into chunks.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from formats.grid import COEFFICIENTS, LEVELS, SEGMENT, SHARE
from formats.places import gather
from formats.tables import GAIN_UNIT, LEVEL_BITS, Tables

GROUP = SEGMENT // SHARE
"""Hyper vectors in a segment."""


def log_sigma(hyper: NDArray[np.int8], frames: int, tables: Tables) -> NDArray[np.int32]:
    """Expected size of every coefficient, in log2, SIGMA_UNIT to the octave.

    A hyper vector stands for the middle one of its three frames; the outer two take a third from their neighbour,
    where it lies in the same segment.

    Shape:
        hyper: [G, 48], starting at a segment's start; frames <= 3 G -> [frames, 1400].
    """
    sums = hyper.astype(np.float32) @ tables.predictor.astype(np.float32) + tables.offset.astype(np.float32)
    vector = sums.astype(np.int32)
    out = np.empty((len(vector), SHARE, COEFFICIENTS), np.int32)
    before, middle, after = out[:, 0], out[:, 1], out[:, 2]
    np.multiply(vector, 2, out=before)
    np.add(before, vector, out=middle)
    after[:-1], after[-1:] = before[:-1], middle[-1:]
    after[:-1] += vector[1:]
    before[1:] += vector[:-1]
    before[::GROUP], after[GROUP - 1 :: GROUP] = middle[::GROUP], middle[GROUP - 1 :: GROUP]
    return out.reshape(-1, COEFFICIENTS)[:frames]


def segments(hyper: NDArray[np.int8], frames: int, tables: Tables) -> Iterator[tuple[slice, NDArray[np.int32]]]:
    """`log_sigma` segment by segment, with the frames of each: what follows then stays in the processor's cache."""
    for at in range(0, frames, SEGMENT):
        vectors = hyper[at // SHARE : (at + SEGMENT) // SHARE]
        yield slice(at, at + SEGMENT), log_sigma(vectors, min(SEGMENT, frames - at), tables)


def levels(expected: NDArray[np.int32], gain: int, tables: Tables) -> NDArray[np.uint8]:
    """Expected size in quantizer steps, a quarter octave a level: `log_sigma` [F, 1400] -> [F, 1400] in 0...47."""
    fixed = expected * tables.slope
    fixed += tables.intercept + np.int32(gain * GAIN_UNIT)
    fixed >>= LEVEL_BITS
    return np.clip(fixed, 0, LEVELS - 1, out=fixed).astype(np.uint8)


def ranks(level: NDArray[np.uint8], main: int) -> NDArray[np.int64]:
    """Indices of the `main` coefficients of highest level, best first, ties by lower index: [F, 1400] -> [F, main]."""
    return np.argsort(LEVELS - 1 - level, axis=1, kind="stable")[:, :main]


def best(
    expected: NDArray[np.int32], main: int, gain: int, tables: Tables
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Levels of the `main` coefficients of highest level, best first, and their `ranks`: two arrays [F, main]."""
    level = levels(expected, gain, tables)
    index = ranks(level, main)
    return gather(level, index), index


def ranked(
    hyper: NDArray[np.int8], frames: int, main: int, gain: int, tables: Tables
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """`best` of `log_sigma`: two arrays [frames, main]."""
    level, index = np.empty((frames, main), np.uint8), np.empty((frames, main), np.int64)
    for part, expected in segments(hyper, frames, tables):
        level[part], index[part] = best(expected, main, gain, tables)
    return level, index
