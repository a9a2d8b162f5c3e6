"""Rate-distortion optimised quantization against a slow twin, and against rounding at what both really cost."""

import numpy as np
import pytest

from codec.pipeline import ranked_encoder
from codec.pipeline.chunks import Windower
from codec.quantization import rdoq
from codec.quantization.quantize import log_steps
from codec.runtime import models
from formats.container.layout import Coder
from formats.grid import COEFFICIENTS, SCALES, SEGMENT
from formats.model.indexing import gather
from formats.model.scales import best, predict_scales
from formats.model.tables import MAGNITUDES, PRECISION, Tables, frequencies
from formats.payload.chunk import Latents, encode_payload
from formats.payload.side_info import NO_ATTACKS
from tests.support.codec import Array

SHIPPED = "music6"  # by name: other tests make the tiny model the default


def test_thresholds_fall_where_a_step_up_is_cheaper() -> None:
    limits = rdoq.thresholds(models.by_name(SHIPPED).tables)
    assert limits.shape == (9, SCALES, rdoq.SMALL + 1)
    assert limits.min() >= rdoq.LOWEST and limits.max() <= rdoq.HIGHEST
    sparse = limits[:, 20, 0]  # of a one, from quiet to loud neighbours
    assert (np.diff(sparse) < 0.005).all() and sparse[0] > sparse[-1] + 0.1
    assert limits[0, 8, 0] > limits[0, 28, 0]
    assert np.allclose(limits[:, 40], 0.5 + rdoq.BASE)  # low bits of large magnitudes cost the same whatever they are


def test_thresholds_are_the_bits_between_magnitudes() -> None:
    tables = models.by_name(SHIPPED).tables
    row = tables.main[3, 22].astype(float)  # class 2 of distance 1
    bits = PRECISION - np.log2(row)
    more = bits[1] - bits[0] + 1, bits[3] - bits[2]
    wanted = [0.5 + rdoq.BASE + rdoq.WEIGHT * value for value in more]
    assert rdoq.thresholds(tables)[2, 22, [0, 2]] == pytest.approx(wanted, abs=1e-5)


def test_tables_without_contexts_have_the_same_thresholds_in_all_classes() -> None:
    tables = models.by_name(SHIPPED).tables
    counts = np.exp2(-np.arange(MAGNITUDES, dtype=float))[None].repeat(SCALES, 0)
    limits = rdoq.thresholds(Tables(**{**vars(tables), "main": frequencies(counts)}))
    assert (limits == limits[:1]).all()
    assert limits[0, 10, :2] == pytest.approx([0.5 + rdoq.BASE + 2 * rdoq.WEIGHT, 0.5 + rdoq.BASE + rdoq.WEIGHT], abs=1e-3)


def slow(ratio: Array, level: Array, index: Array, limits: Array) -> Array:
    """`decide`, a number at a time."""
    plain = np.zeros((len(ratio), COEFFICIENTS), int)
    for f, k in np.ndindex(ratio.shape):
        plain[f, index[f, k]] = min(int(abs(ratio[f, k]) + 0.45), 15)
    out = np.zeros(ratio.shape, int)
    for f, k in np.ndindex(ratio.shape):
        at, total = index[f, k], 0
        for frame in (f - 1, f + 1):
            if 0 <= frame < len(ratio) and frame // SEGMENT == f // SEGMENT:
                total += 4 * plain[frame, at]
                total += sum(plain[frame, place] for place in (at - 1, at + 1) if 0 <= place < COEFFICIENTS)
        near = sum(total >= bound for bound in (1, 2, 3, 5, 8, 12, 20, 36))
        size = abs(ratio[f, k])
        low = int(size)
        magnitude = low + (size - low > limits[near, level[f, k], min(low, rdoq.SMALL)])
        out[f, k] = -magnitude if ratio[f, k] < 0 else magnitude
    return out


def test_decisions_are_those_of_a_slow_twin() -> None:
    rng = np.random.default_rng(0)
    frames, main = SEGMENT + 9, 40
    index = np.argsort(rng.random((frames, 60)), 1)[:, :main]
    index[:, :2] = [[0, COEFFICIENTS - 1]]
    level = rng.integers(0, SCALES, (frames, main)).astype(np.uint8)
    ratio = (rng.laplace(0, 1, (frames, main)) * rng.choice([0.3, 1, 30], (frames, main))).astype(np.float32)
    limits = rdoq.thresholds(models.by_name(SHIPPED).tables)
    got = rdoq.decide(ratio, level, index, limits)
    assert np.array_equal(got, slow(ratio, level, index, limits))
    assert (got != np.rint(ratio)).mean() > 0.02 and np.abs(got - ratio).max() <= rdoq.HIGHEST


def test_enormous_values_stay_in_range() -> None:
    ratio = np.array([[np.inf, -np.inf, 1e30]], np.float32)
    limits = rdoq.thresholds(models.by_name(SHIPPED).tables)
    got = rdoq.decide(ratio, np.zeros((1, 3), np.uint8), np.arange(3)[None], limits)
    assert got.tolist() == [[1 << 23, -(1 << 23), 1 << 23]]


@pytest.mark.parametrize(("main", "gain"), [(112, 0), (496, 30)])
def test_it_costs_less_than_any_rounding(main: int, gain: int, music: Array) -> None:
    """Squared error plus what bits are worth, in real payloads, against dead zones from none to a fifth of a step."""
    tables = models.by_name(SHIPPED).tables
    middle = np.stack([music[0] + music[1], music[0] - music[1]]) / 2
    windower = Windower(ranked_encoder.ENCODER_CONTEXT)
    window = next(iter([*windower.push(middle.astype(np.float32)), *windower.finish(middle.shape[1])]))
    chunk = ranked_encoder.RankedEncoder(models.by_name(SHIPPED), "cpu")(window, np.zeros((0, 2), np.int64), NO_ATTACKS)
    expected = predict_scales(chunk.hyper, len(chunk.analysis), tables)
    level, index = best(expected, main, gain, tables)
    ratio = gather(chunk.analysis, index) * np.exp2(-log_steps(expected, index, gain, tables))

    def cost(values: Array) -> float:
        payload = encode_payload(Latents(chunk.hyper, values.astype(np.int32), *chunk.lists), gain, Coder.RANGE, tables)
        return float(np.square(values - ratio).sum() + 2 * rdoq.WEIGHT * 8 * len(payload))

    rounded = [cost(np.sign(ratio) * np.floor(np.abs(ratio) + 0.5 - zone)) for zone in (0, 0.05, 0.1, 0.15, 0.2)]
    assert cost(rdoq.decide(ratio, level, index, rdoq.thresholds(tables))) < min(rounded)
