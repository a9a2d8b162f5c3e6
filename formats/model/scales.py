"""From hyper latents to levels and ranks, in integers only, so that every machine agrees on what a file's bits mean.

Time is interpolated inside a segment of 2 seconds only: no integer depends on how segments were grouped into chunks.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formats.grid import HYPER_FRAMES, HYPER_SIZE, SCALES, SEGMENT
from formats.model.indexing import gather
from formats.model.tables import GAIN_UNIT, SCALE_BITS, Tables

GROUP = SEGMENT // HYPER_FRAMES
"""Hyper vectors in a segment."""


class Scales(NamedTuple):
    """What hyper latents say of frames, in log2, SIGMA_UNIT to the octave.

    Attributes:
        sigma: int32 [F, 1400], expected size of every coefficient.
        loudness: int32 [F, 1], by which steps are coarser or finer in all coefficients; zero where tables have none.
    """

    sigma: NDArray[np.int32]
    loudness: NDArray[np.int32]


def predict_scales(hyper: NDArray[np.int8], frames: int, tables: Tables) -> Scales:
    """Scales sizes and loudness of `frames` <= 3 G frames from hyper [G, 48], which start at a segment's start."""
    sigma, loudness = _sums(hyper, tables)
    return Scales(_frames(sigma, frames), _frames(loudness, frames))


def _sums(hyper: NDArray[np.int8], tables: Tables) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Scales sizes [G, 1400] and loudness [G, 1] of hyper vectors, a third of SIGMA_UNIT to the octave."""
    vectors = hyper.astype(np.float32)
    sigma = vectors @ tables.predictor.astype(np.float32) + tables.offset.astype(np.float32)
    if tables.loudness is None:
        return sigma.astype(np.int32), np.zeros((len(hyper), 1), np.int32)
    loudness = vectors @ tables.loudness[:HYPER_SIZE, None].astype(np.float32) + np.float32(tables.loudness[HYPER_SIZE])
    return sigma.astype(np.int32), loudness.astype(np.int32)


def _frames(vector: NDArray[np.int32], frames: int) -> NDArray[np.int32]:
    """Three frames from each vector, scaled by three: [G, n] -> [frames, n].

    A hyper vector stands for the middle one of its three frames; the outer two take a third from their neighbour,
    where it lies in the same segment.
    """
    out = np.empty((len(vector), HYPER_FRAMES, vector.shape[1]), np.int32)
    before, middle, after = out[:, 0], out[:, 1], out[:, 2]
    np.multiply(vector, 2, out=before)
    np.add(before, vector, out=middle)
    after[:-1], after[-1:] = before[:-1], middle[-1:]
    after[:-1] += vector[1:]
    before[1:] += vector[:-1]
    before[::GROUP], after[GROUP - 1 :: GROUP] = middle[::GROUP], middle[GROUP - 1 :: GROUP]
    return out.reshape(-1, vector.shape[1])[:frames]


def segments(hyper: NDArray[np.int8], frames: int, tables: Tables) -> Iterator[tuple[slice, Scales]]:
    """`expect` segment by segment, with the frames of each: what follows then stays in the processor's cache."""
    for part, vectors in _parts(hyper, frames):
        yield part, predict_scales(vectors, part.stop - part.start, tables)


def _parts(hyper: NDArray[np.int8], frames: int) -> Iterator[tuple[slice, NDArray[np.int8]]]:
    """The frames of every segment, and its hyper vectors."""
    for at in range(0, frames, SEGMENT):
        yield slice(at, min(at + SEGMENT, frames)), hyper[at // HYPER_FRAMES : (at + SEGMENT) // HYPER_FRAMES]


def scale_indices(expected: Scales, gain: int, tables: Tables) -> NDArray[np.uint8]:
    """Scales size in quantizer steps, a quarter octave a level: [F, 1400] in 0...47."""
    return _rounded(_unscaled(expected.sigma, expected.loudness, tables), gain, tables)


def _unscaled(sigma: NDArray[np.int32], loudness: NDArray[np.int32], tables: Tables) -> NDArray[np.int32]:
    """What size and loudness have to do with a level, in its fixed point."""
    fixed = sigma * tables.slope
    if tables.steadiness is not None:
        fixed -= loudness * tables.steadiness
    return fixed


def _rounded(fixed: NDArray[np.int32], gain: int, tables: Tables) -> NDArray[np.uint8]:
    """Levels of what `_unscaled` gives, which is overwritten."""
    fixed += tables.intercept + np.int32(gain * GAIN_UNIT)
    fixed >>= SCALE_BITS
    return np.clip(fixed, 0, SCALES - 1, out=fixed).astype(np.uint8)


def ranks(level: NDArray[np.uint8], main: int) -> NDArray[np.int64]:
    """Indices of the `main` coefficients of highest level, best first, ties by lower index: [F, 1400] -> [F, main]."""
    return np.argsort(SCALES - 1 - level, axis=1, kind="stable")[:, :main]


def best(expected: Scales, main: int, gain: int, tables: Tables) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Levels of the `main` coefficients of highest level, best first, and their `ranks`: two arrays [F, main]."""
    return _best(scale_indices(expected, gain, tables), main)


def _best(level: NDArray[np.uint8], main: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    index = ranks(level, main)
    return gather(level, index), index


def ranked(
    hyper: NDArray[np.int8], frames: int, main: int, gain: int, tables: Tables
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """`best` of `expect`: two arrays [frames, main]."""
    level, index = np.empty((frames, main), np.uint8), np.empty((frames, main), np.int64)
    for part, vectors in _parts(hyper, frames):
        # Scaled before it is interpolated: a third of the work, and the same integers.
        fixed = _unscaled(*_sums(vectors, tables), tables)
        level[part], index[part] = _best(_rounded(_frames(fixed, part.stop - part.start), gain, tables), main)
    return level, index
