"""From hyper latents to scales, scale indices and ranks, by exact integer arithmetic, the same on every machine.

    hyper [G, 48] -> predictor -> sigma [F, 1400], loudness [F, 1] -> scale index [F, 1400] -> ranks [F, M]

Scales are interpolated over time within a segment of 2 seconds only, so they do not depend on how segments are grouped
into chunks.
The rules are those of `formats/SPEC.md` ("Scale indices", "Ranks").
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from formats.grid import COEFFICIENTS, HYPER_FRAMES, HYPER_MAX, HYPER_MIN, HYPER_SIZE, SCALES, SEGMENT
from formats.model.tables import GAIN_UNIT, SCALE_BITS, Tables

SEGMENT_VECTORS = SEGMENT // HYPER_FRAMES
"""Hyper vectors in a segment."""

POSITION_BITS = 11
"""Bits that hold the position of any coefficient."""


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
        vectors: scales of the hyper vectors; None in an encoder, which has quantized already and saves their memory.
        scale_index: uint8 [F, M] in 0...47, scale indices of the coded coefficients by rank.
        position: int64 [F, M] in 0...1399, positions of the coded coefficients by rank.
    """

    vectors: Scales | None
    scale_index: NDArray[np.uint8]
    position: NDArray[np.int64]

    @property
    def scales(self) -> Scales | None:
        """Scales of all coefficients, which are interpolated at each call; None where the vectors are."""
        return None if self.vectors is None else interpolate_scales(self.vectors, len(self.position))

    def peeled(self, main: int) -> "RankedFrames":
        """The same frames with their first `main` ranks only."""
        return RankedFrames(self.vectors, self.scale_index[:, :main], self.position[:, :main])


def predict_scales(hyper: NDArray[np.int8], frames: int, tables: Tables) -> Scales:
    """Scales of `frames` <= 3 G frames from hyper vectors [G, 48], the first of which begins a segment."""
    return interpolate_scales(predict_vectors(hyper, tables), frames)


def predict_vectors(hyper: NDArray[np.int8], tables: Tables) -> Scales:
    """Scales of hyper vectors [G, 48] themselves, before interpolation: arrays of G rows in a third of the unit."""
    found = _product(hyper, tables)
    return Scales(found[:, :COEFFICIENTS] + tables.offset, found[:, COEFFICIENTS:] + tables.loudness[HYPER_SIZE])


def interpolate_scales(vectors: Scales, frames: int) -> Scales:
    """Scales of `frames` <= 3 G frames from those of G hyper vectors, the first of which begins a segment."""
    return Scales(interpolate(vectors.sigma, frames), interpolate(vectors.loudness, frames))


def scales_at(vectors: Scales, frames: int, position: NDArray[np.int64]) -> Scales:
    """`interpolate_scales` at chosen coefficients only: those at `position` [F, M], as `sigma` [F, M]."""
    number = np.arange(frames)
    own = number // HYPER_FRAMES
    other = own + number % HYPER_FRAMES - 1
    alone = (other < 0) | (other >= len(vectors.sigma)) | (other // SEGMENT_VECTORS != own // SEGMENT_VECTORS)
    other[alone] = own[alone]
    sigma = 2 * np.take(vectors.sigma, position + COEFFICIENTS * own[:, None])
    sigma += np.take(vectors.sigma, position + COEFFICIENTS * other[:, None])
    return Scales(sigma, interpolate(vectors.loudness, frames))


def _product(hyper: NDArray[np.int8], tables: Tables) -> NDArray[np.int32]:
    """Hyper vectors [G, 48] times the predictor and the weights of loudness: [G, 1401]."""
    weights = _weights(tables)
    return _matmul(hyper.astype(weights.dtype), weights).astype(np.int32, copy=False)


@lru_cache(maxsize=8)
def _weights(tables: Tables) -> NDArray[Any]:
    """The predictor, with the weights of loudness in a last column: whole numbers [48, 1401].

    They are float32, because BLAS multiplies these twenty times as fast as NumPy multiplies integers, and `Tables`
    bounds every sum below 2**24. Where float32 products are not exact all the same, because a processor calculates them
    in bfloat16 or TF32, they are int32.
    """
    whole = np.column_stack([tables.predictor, tables.loudness[:HYPER_SIZE]])
    largest = np.where(whole > 0, HYPER_MIN, HYPER_MAX)[:, np.abs(whole).sum(0).argmax()]
    probes = np.vstack([np.eye(HYPER_SIZE, dtype=np.int32), largest, -1 - largest])
    weights = whole.astype(np.float32)
    is_exact = np.array_equal(_matmul(probes.astype(np.float32), weights), probes @ whole)
    return weights if is_exact else whole


def _matmul(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(a @ b)


def interpolate(vector: NDArray[np.int32], frames: int, constant: NDArray[np.int32] | int = 0) -> NDArray[np.int32]:
    """Interpolate three frames from each vector, multiplied by three, plus a constant: [G, n] -> [frames, n].

    A hyper vector is the value of the middle one of its three frames. The outer two take one third from the adjacent
    vector, if that lies in the same segment.
    """
    out = np.empty((len(vector), HYPER_FRAMES, vector.shape[1]), np.int32)
    for at in range(0, len(vector), SEGMENT_VECTORS):
        own = vector[at : at + SEGMENT_VECTORS]
        before, middle, after = out[at : at + SEGMENT_VECTORS].swapaxes(0, 1)
        np.multiply(own, 2, out=before)
        before += constant
        np.add(before, own, out=middle)
        np.add(before[:-1], own[1:], out=after[:-1])
        before[1:] += own[:-1]
        before[0], after[-1] = middle[0], middle[-1]
    return out.reshape(-1, vector.shape[1])[:frames]


def segments(hyper: NDArray[np.int8], frames: int, tables: Tables) -> Iterator[tuple[slice, Scales]]:
    """Yield the frames of each segment and the scales of its hyper vectors.

    Work on one segment stays in the processor cache.
    """
    for start in range(0, frames, SEGMENT):
        vectors = hyper[start // HYPER_FRAMES : (start + SEGMENT) // HYPER_FRAMES]
        yield slice(start, min(start + SEGMENT, frames)), predict_vectors(vectors, tables)


def scale_indices(vectors: Scales, frames: int, gain: int, tables: Tables) -> NDArray[np.uint8]:
    """Scale indices of `frames` frames: scales in quantizer steps, a quarter octave per index.

    Shape:
        vectors: from `predict_vectors` -> uint8 [F, 1400] in 0...47
    """
    return _index(interpolate(_products(vectors, tables), frames, _constant(gain, tables)))


def gain_levels(vectors: Scales, tables: Tables) -> NDArray[np.int32]:
    """Scale indices of hyper vectors themselves at gain 0, in steps of gain and not clipped to a range: [G, 1400]."""
    return (HYPER_FRAMES * _products(vectors, tables) + _constant(0, tables)) // GAIN_UNIT


def _products(vectors: Scales, tables: Tables) -> NDArray[np.int32]:
    """The part of the rule that depends on hyper vectors, [G, 1400]: a third of it, and linear, to be interpolated."""
    out = vectors.sigma * tables.slope
    out -= vectors.loudness * tables.steadiness
    return out


def _constant(gain: int, tables: Tables) -> NDArray[np.int32]:
    """The part of the rule that does not depend on hyper vectors: [1400]."""
    return tables.intercept + np.int32(gain * GAIN_UNIT)


def _index(fixed: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Fixed point numbers, which are overwritten, as scale indices."""
    fixed >>= SCALE_BITS
    return np.clip(fixed, 0, SCALES - 1, out=fixed).astype(np.uint8)


def ranks(
    scale_index: NDArray[np.uint8], position: NDArray[np.int64], main: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The `main` coefficients with the highest scale indices, ties by position.

    Scale index and position are one number, because NumPy sorts numbers several times as fast as it finds their order.

    Shape:
        scale_index: [F, n]; position: [n], ascending -> their scale indices and positions by rank, [F, main] twice
    """
    number = position.astype(np.int32) - (scale_index.astype(np.int32) << POSITION_BITS)
    number.partition(main - 1, axis=1)
    best = np.sort(number[:, :main], axis=1)
    return (-(best >> POSITION_BITS)).astype(np.uint8), (best & ((1 << POSITION_BITS) - 1)).astype(np.int64)


def rank_segment(
    vectors: Scales, frames: int, main: int, gain: int, tables: Tables
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Scale indices and positions, by rank, of the `main` coefficients that are coded: two arrays [F, main]."""
    products, constant = _products(vectors, tables), _constant(gain, tables)
    candidates = _candidates(products, constant, main)
    # `take` leaves rows in rows of memory, which indexing by columns would not.
    scale_index = _index(interpolate(np.take(products, candidates, 1), frames, constant[candidates]))
    return ranks(scale_index, candidates, main)


def _candidates(products: NDArray[np.int32], constant: NDArray[np.int32], main: int) -> NDArray[np.int64]:
    """Positions, in ascending order, of coefficients that may be among the first `main` of a frame: [n], n >= main.

    Between hyper vectors, a coefficient's scale index lies between its least and its greatest one at a vector. At least
    `main` coefficients have the scale index `enough` in every frame, so one that always stays below it is never coded.
    Often more than half of all coefficients are left out, which need neither be interpolated nor sorted.
    """
    least, greatest = (_index(HYPER_FRAMES * found + constant) for found in (products.min(0), products.max(0)))
    enough = np.partition(least, -main)[-main]
    return np.flatnonzero(greatest >= enough)


def rank_frames(hyper: NDArray[np.int8], frames: int, main: int, gain: int, tables: Tables) -> RankedFrames:
    """Scales and ranks of `frames` <= 3 G frames of `main` coded coefficients, from hyper vectors [G, 48]."""
    sigma, loudness = np.empty((len(hyper), COEFFICIENTS), np.int32), np.empty((len(hyper), 1), np.int32)
    scale_index, position = np.empty((frames, main), np.uint8), np.empty((frames, main), np.int64)
    for part, vectors in segments(hyper, frames, tables):
        at = part.start // HYPER_FRAMES
        own = slice(at, at + len(vectors.sigma))
        sigma[own], loudness[own] = vectors
        scale_index[part], position[part] = rank_segment(vectors, part.stop - part.start, main, gain, tables)
    return RankedFrames(Scales(sigma, loudness), scale_index, position)
