"""From hyper latents to scales, scale indices and ranks, by exact integer arithmetic, the same on every machine.

    hyper [G, 48] -> predictor -> sigma [F, 1400], loudness [F, 1] -> scale index [F, 1400] -> ranks [F, M]

Scales are interpolated over time within a segment of 2 seconds only, so they do not depend on how segments are grouped
into chunks.
The rules are those of `formats/SPEC.md` ("Scale indices", "Ranks").
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formats.grid import COEFFICIENTS, HYPER_FRAMES, HYPER_SIZE, SCALES, SEGMENT
from formats.model.indexing import gather
from formats.model.tables import GAIN_UNIT, SCALE_BITS, Tables

SEGMENT_VECTORS = SEGMENT // HYPER_FRAMES
"""Hyper vectors in a segment."""


class Scales(NamedTuple):
    """What hyper latents predict for F frames: log2 values in units of 1/SIGMA_UNIT octave.

    Attributes:
        sigma: int32 [F, 1400], scale (expected magnitude) of every coefficient.
        loudness: int32 [F, 1], makes the quantizer steps of all coefficients of a frame coarser or finer.
    """

    sigma: NDArray[np.int32]
    loudness: NDArray[np.int32]


class RankedFrames(NamedTuple):
    """Which coefficients of each frame are coded, the one with the highest scale index first.

    Attributes:
        scales: scales of all coefficients; None in an encoder, which has quantized already and saves their memory.
        scale_index: uint8 [F, M] in 0...47, scale indices of the coded coefficients by rank.
        position: int64 [F, M] in 0...1399, positions of the coded coefficients by rank.
    """

    scales: Scales | None
    scale_index: NDArray[np.uint8]
    position: NDArray[np.int64]

    def peeled(self, main: int) -> "RankedFrames":
        """The same frames with their first `main` ranks only."""
        return RankedFrames(self.scales, self.scale_index[:, :main], self.position[:, :main])


def predict_scales(hyper: NDArray[np.int8], frames: int, tables: Tables) -> Scales:
    """Scales of `frames` <= 3 G frames from hyper vectors [G, 48], the first of which begins a segment."""
    vectors = hyper.astype(np.float32)
    sigma = vectors @ tables.predictor.astype(np.float32) + tables.offset.astype(np.float32)
    weights = tables.loudness.astype(np.float32)
    loudness = vectors @ weights[:HYPER_SIZE, None] + weights[HYPER_SIZE]
    return Scales(interpolate(sigma.astype(np.int32), frames), interpolate(loudness.astype(np.int32), frames))


def interpolate(vector: NDArray[np.int32], frames: int) -> NDArray[np.int32]:
    """Interpolate three frames from each vector, multiplied by three: [G, n] -> [frames, n].

    A hyper vector is the value of the middle one of its three frames. The outer two take one third from the adjacent
    vector, if that lies in the same segment.
    """
    out = np.empty((len(vector), HYPER_FRAMES, vector.shape[1]), np.int32)
    before, middle, after = out[:, 0], out[:, 1], out[:, 2]
    np.multiply(vector, 2, out=before)
    np.add(before, vector, out=middle)
    after[:-1], after[-1:] = before[:-1], middle[-1:]
    after[:-1] += vector[1:]
    before[1:] += vector[:-1]
    first, last = slice(None, None, SEGMENT_VECTORS), slice(SEGMENT_VECTORS - 1, None, SEGMENT_VECTORS)
    before[first], after[last] = middle[first], middle[last]
    return out.reshape(-1, vector.shape[1])[:frames]


def segments(hyper: NDArray[np.int8], frames: int, tables: Tables) -> Iterator[tuple[slice, Scales]]:
    """Yield the frames of each segment and their scales: work on one segment stays in the processor cache."""
    for start in range(0, frames, SEGMENT):
        stop = min(start + SEGMENT, frames)
        vectors = hyper[start // HYPER_FRAMES : (start + SEGMENT) // HYPER_FRAMES]
        yield slice(start, stop), predict_scales(vectors, stop - start, tables)


def scale_indices(scales: Scales, gain: int, tables: Tables) -> NDArray[np.uint8]:
    """Scale indices: scales in quantizer steps, a quarter octave per index: uint8 [F, 1400] in 0...47."""
    fixed = scales.sigma * tables.slope
    fixed -= scales.loudness * tables.steadiness
    fixed += tables.intercept + np.int32(gain * GAIN_UNIT)
    fixed >>= SCALE_BITS
    return np.clip(fixed, 0, SCALES - 1, out=fixed).astype(np.uint8)


def ranks(scale_index: NDArray[np.uint8], main: int) -> NDArray[np.int64]:
    """Positions of the `main` coefficients with the highest scale indices, ties by position: [F, 1400] -> [F, main]."""
    return np.argsort(SCALES - 1 - scale_index, axis=1, kind="stable")[:, :main]


def rank_segment(scales: Scales, main: int, gain: int, tables: Tables) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Scale indices and positions, by rank, of the `main` coefficients that are coded: two arrays [F, main]."""
    scale_index = scale_indices(scales, gain, tables)
    position = ranks(scale_index, main)
    return gather(scale_index, position), position


def rank_frames(hyper: NDArray[np.int8], frames: int, main: int, gain: int, tables: Tables) -> RankedFrames:
    """Scales and ranks of `frames` <= 3 G frames of `main` coded coefficients, from hyper vectors [G, 48]."""
    scales = Scales(np.empty((frames, COEFFICIENTS), np.int32), np.empty((frames, 1), np.int32))
    scale_index, position = np.empty((frames, main), np.uint8), np.empty((frames, main), np.int64)
    for part, found in segments(hyper, frames, tables):
        scales.sigma[part], scales.loudness[part] = found
        scale_index[part], position[part] = rank_segment(found, main, gain, tables)
    return RankedFrames(scales, scale_index, position)
