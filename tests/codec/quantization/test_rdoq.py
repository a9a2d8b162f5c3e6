"""Rate-distortion optimized quantization against a slow twin, and against rounding at their real cost."""

import numpy as np
import pytest

from codec.audio.source import ArraySource
from codec.pipeline.chunks import ENCODER_CONTEXT
from codec.pipeline.ranked_encoder import RankedEncoder
from codec.pipeline.source_windows import SourceWindows
from codec.quantization import rdoq
from codec.quantization.quantize import log_steps
from codec.runtime import models
from codec.runtime.session import Sessions
from formats.container.header import Coder
from formats.grid import COEFFICIENTS, SCALES, SEGMENT
from formats.model.indexing import gather
from formats.model.scales import predict_vectors, rank_segment, scales_at
from formats.model.tables import PRECISION, Tables
from formats.payload.chunk import ChunkLatents, encode_payload
from tests.support.codec import Array


@pytest.fixture(scope="module")
def shipped() -> Tables:
    """Tables of the shipped model, by name: other tests make the tiny model the default."""
    return models.by_name("music").ranked_tables


def test_thresholds_are_lower_where_a_step_up_costs_less(shipped: Tables) -> None:
    limits = rdoq.thresholds(shipped)
    assert limits.shape == (9, SCALES, rdoq.SMALL + 1)
    assert limits.min() >= rdoq.LOWEST and limits.max() <= rdoq.HIGHEST
    sparse = limits[:, 20, 0]  # for a one, from quiet to loud neighbours
    assert (np.diff(sparse) < 0.005).all() and sparse[0] > sparse[-1] + 0.1
    assert limits[0, 8, 0] > limits[0, 28, 0]
    assert np.allclose(limits[:, 40], 0.5 + rdoq.BASE)  # raw bits cost the same whatever their value


def test_thresholds_follow_from_the_bits_between_magnitudes(shipped: Tables) -> None:
    row = shipped.main[3, 22].astype(float)  # class 2 of distance 1
    bits = PRECISION - np.log2(row)
    more = bits[1] - bits[0] + 1, bits[3] - bits[2]
    wanted = [0.5 + rdoq.BASE + rdoq.WEIGHT * value for value in more]
    assert rdoq.thresholds(shipped)[2, 22, [0, 2]] == pytest.approx(wanted, abs=1e-5)


def slow(ratio: Array, scale_index: Array, position: Array, limits: Array) -> Array:
    """`decide`, one number at a time."""
    rounded = np.zeros((len(ratio), COEFFICIENTS), int)
    for f, rank in np.ndindex(ratio.shape):
        rounded[f, position[f, rank]] = min(int(abs(ratio[f, rank]) + 0.45), 15)
    out = np.zeros(ratio.shape, int)
    for f, rank in np.ndindex(ratio.shape):
        k, total = position[f, rank], 0
        for frame in (f - 1, f + 1):
            if 0 <= frame < len(ratio) and frame // SEGMENT == f // SEGMENT:
                total += 4 * rounded[frame, k]
                total += sum(rounded[frame, near] for near in (k - 1, k + 1) if 0 <= near < COEFFICIENTS)
        context = sum(total >= bound for bound in (1, 2, 3, 5, 8, 12, 20, 36))
        size = abs(ratio[f, rank])
        floor = int(size)
        magnitude = floor + (size - floor > limits[context, scale_index[f, rank], min(floor, rdoq.SMALL)])
        out[f, rank] = -magnitude if ratio[f, rank] < 0 else magnitude
    return out


def test_decisions_are_those_of_a_slow_twin(shipped: Tables) -> None:
    rng = np.random.default_rng(0)
    frames, main = SEGMENT + 9, 40
    position = np.argsort(rng.random((frames, 60)), 1)[:, :main]
    position[:, :2] = [[0, COEFFICIENTS - 1]]
    scale_index = rng.integers(0, SCALES, (frames, main)).astype(np.uint8)
    ratio = (rng.laplace(0, 1, (frames, main)) * rng.choice([0.3, 1, 30], (frames, main))).astype(np.float32)
    limits = rdoq.thresholds(shipped)
    got = rdoq.decide(ratio, scale_index, position, limits)
    assert np.array_equal(got, slow(ratio, scale_index, position, limits))
    assert (got != np.rint(ratio)).mean() > 0.02 and np.abs(got - ratio).max() <= rdoq.HIGHEST


def test_enormous_values_stay_in_range(shipped: Tables) -> None:
    ratio = np.array([[np.inf, -np.inf, 1e30]], np.float32)
    limits = rdoq.thresholds(shipped)
    got = rdoq.decide(ratio, np.zeros((1, 3), np.uint8), np.arange(3)[None], limits)
    assert got.tolist() == [[1 << 23, -(1 << 23), 1 << 23]]


@pytest.mark.parametrize(("main", "gain"), [(112, 0), (496, 30)])
def test_it_costs_less_than_any_rounding(main: int, gain: int, music: Array, shipped: Tables) -> None:
    """Squared error plus the worth of the bits of real payloads, against dead zones from none to a fifth of a step."""
    window = next(iter(SourceWindows(ArraySource(music, 44100), ENCODER_CONTEXT, None)))
    chunk = RankedEncoder(models.by_name("music"), Sessions("cpu"))(window)
    vectors, frames = predict_vectors(chunk.hyper, shipped), len(chunk.coefficients)
    scale_index, position = rank_segment(vectors, frames, main, gain, shipped)
    chosen = scales_at(vectors, frames, position)
    ratio = gather(chunk.coefficients, position) * np.exp2(-log_steps(chosen, position, gain, shipped))

    def cost(values: Array) -> float:
        latents = ChunkLatents(chunk.hyper, values.astype(np.int32), chunk.side_info)
        payload = encode_payload(latents, gain, Coder.RANGE, shipped)
        return float(np.square(values - ratio).sum() + 2 * rdoq.WEIGHT * 8 * len(payload))

    rounded = [cost(np.sign(ratio) * np.floor(np.abs(ratio) + 0.5 - zone)) for zone in (0, 0.05, 0.1, 0.15, 0.2)]
    assert cost(rdoq.decide(ratio, scale_index, position, rdoq.thresholds(shipped))) < min(rounded)
