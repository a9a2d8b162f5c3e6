"""Scales, scale indices and ranks against the plain Python of slow_decoder.py, which follows SPEC.md."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import ModelError
from formats.grid import COEFFICIENTS, HYPER_SIZE, SCALES
from formats.model import Tables
from formats.model import scales as module
from formats.model.scales import (
    gain_levels,
    interpolate_scales,
    predict_scales,
    predict_vectors,
    rank_frames,
    rank_segment,
    ranks,
    scale_indices,
    scales_at,
    segments,
)
from tests.support import slow_decoder as slow
from tests.support.codec import tables_of

SOME = range(0, COEFFICIENTS, 61)


def compare(hyper: np.ndarray, frames: int, gain: int, tables: Tables) -> None:
    fast = scale_indices(predict_vectors(hyper, tables), frames, gain, tables)
    assert fast.shape == (frames, COEFFICIENTS)
    assert fast.dtype == np.uint8
    assert fast[:, :: SOME.step].tolist() == slow.scale_indices(
        hyper.tolist(), frames, gain, slow.SlowTables(tables), SOME
    )


@pytest.mark.parametrize(("frames", "gain"), [(1, 0), (2, -512), (3, 512), (4, 31), (130, -7), (253, 64)])
def test_scale_indices_are_the_specification(frames: int, gain: int, tables: Tables) -> None:
    rng = np.random.default_rng(frames)
    compare(rng.integers(-32, 32, (-(-frames // 3), HYPER_SIZE)).astype(np.int8), frames, gain, tables)


@pytest.mark.parametrize("gain", [-512, -9, 0, 77, 512])
def test_levels_are_scale_indices_in_steps_of_gain(gain: int, tables: Tables) -> None:
    """Of vectors: every third frame, the middle one of three, equals its vector."""
    vectors = predict_vectors(np.random.default_rng(3).integers(-32, 32, (5, HYPER_SIZE)).astype(np.int8), tables)
    found = np.clip((gain_levels(vectors, tables) + gain) // 8, 0, SCALES - 1)
    assert np.array_equal(found, scale_indices(vectors, 15, gain, tables)[1::3])


@pytest.mark.parametrize("value", [-32, 31])
@pytest.mark.parametrize("gain", [-512, 0, 512])
def test_scale_indices_at_the_ends_of_the_ranges(value: int, gain: int, tables: Tables) -> None:
    compare(np.full((2, HYPER_SIZE), value, np.int8), 6, gain, tables)


def test_scale_indices_at_the_bounds_that_tables_may_have(tables: Tables) -> None:
    """Sums just under 2**24 and products just under 2**31: float32 BLAS and int32 must still be exact."""
    rng = np.random.default_rng(5)
    predictor = rng.integers(-9000, 9000, (HYPER_SIZE, COEFFICIENTS))
    bound = 32 * np.abs(predictor).sum(0)
    offset = ((1 << 24) - 1 - bound) * rng.choice([-1, 1], COEFFICIENTS)
    slope = np.full(COEFFICIENTS, ((1 << 31) - (1 << 26) - 1) // (3 * ((1 << 24) - 1))) * rng.choice(
        [-1, 1], COEFFICIENTS
    )
    wide = replace(
        tables,
        predictor=predictor.astype(np.int32),
        offset=offset.astype(np.int32),
        slope=slope.astype(np.int32),
        intercept=np.zeros(COEFFICIENTS, np.int32),
        loudness=np.zeros(HYPER_SIZE + 1, np.int32),
    )
    signs = np.where(np.sign(predictor[:, 61 * 3]) > 0, 31, -32)
    hyper = np.stack([signs, -1 - signs, *rng.integers(-32, 32, (4, HYPER_SIZE))]).astype(np.int8)
    for gain in (-512, 512):
        compare(hyper, 18, gain, wide)
    with pytest.raises(ModelError):
        replace(wide, offset=wide.offset + np.sign(wide.offset))
    with pytest.raises(ModelError):
        replace(wide, intercept=np.full(COEFFICIENTS, 1 << 26, np.int32))


def test_loudness_at_the_bounds_that_tables_may_have() -> None:
    """A sum of just under 2**24, and what it and the sizes give together just under 2**31."""
    rng = np.random.default_rng(6)
    loudness = rng.integers(-9000, 9000, HYPER_SIZE)
    loudness = np.append(loudness, 32 * np.abs(loudness).sum() - (1 << 24) + 1)
    predictor = rng.integers(-2000, 2000, (HYPER_SIZE, COEFFICIENTS))
    bound = 3 * 32 * np.abs(predictor).sum(0)
    steadiness = np.full(COEFFICIENTS, 21) * rng.choice([-1, 1], COEFFICIENTS)
    slope = ((1 << 31) - (1 << 26) - 1 - 21 * 3 * ((1 << 24) - 1)) // bound
    wide = replace(
        tables_of("tiny"),
        predictor=predictor.astype(np.int32),
        offset=np.zeros(COEFFICIENTS, np.int32),
        slope=(slope * rng.choice([-1, 1], COEFFICIENTS)).astype(np.int32),
        intercept=np.zeros(COEFFICIENTS, np.int32),
        loudness=loudness.astype(np.int32),
        steadiness=steadiness.astype(np.int32),
    )
    signs = np.where(loudness[:HYPER_SIZE] > 0, -32, 31)
    hyper = np.stack([signs, -1 - signs, *rng.integers(-32, 32, (4, HYPER_SIZE))]).astype(np.int8)
    for gain in (-512, 512):
        compare(hyper, 18, gain, wide)
    louder = wide.loudness.copy()
    louder[HYPER_SIZE] += np.sign(louder[HYPER_SIZE])
    with pytest.raises(ModelError, match="out of range"):
        replace(wide, loudness=louder)
    with pytest.raises(ModelError, match="out of range"):
        replace(wide, steadiness=wide.steadiness + np.sign(wide.steadiness))
    with pytest.raises(ModelError, match="out of range"):
        replace(wide, steadiness=np.full(COEFFICIENTS, -(1 << 31), np.int32))


def in_bfloat16(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A product as processors with matrix units may calculate it: of float32, only the upper 16 bits are used."""
    if a.dtype != np.float32:
        return a @ b
    short = [(values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32) for values in (a, b)]
    return short[0] @ short[1]


def test_scale_indices_are_exact_where_float32_products_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = replace(tables_of("tiny"))  # a copy, of which nothing is cached
    hyper = np.random.default_rng(8).integers(-32, 32, (44, HYPER_SIZE)).astype(np.int8)
    weights = module._weights(tables_of("tiny"))
    assert weights.dtype == np.float32 and (in_bfloat16(weights, np.eye(1401, dtype=np.float32)) != weights).any()
    monkeypatch.setattr(module, "_matmul", in_bfloat16)
    assert module._weights(tables).dtype == np.int32
    compare(hyper, 130, 20, tables)


def test_loudness_is_interpolated_like_scales() -> None:
    tables = tables_of("tiny")
    matrix = np.repeat(tables.loudness[:HYPER_SIZE, None], COEFFICIENTS, 1)
    same = replace(
        tables, predictor=matrix, offset=np.full(COEFFICIENTS, tables.loudness[HYPER_SIZE]),
        slope=np.zeros(COEFFICIENTS, np.int32),
    )  # fmt: skip
    hyper = np.random.default_rng(7).integers(-32, 32, (85, HYPER_SIZE)).astype(np.int8)
    got = predict_scales(hyper, 254, same)
    assert got.loudness.shape == (254, 1) and got.loudness.dtype == np.int32
    assert np.array_equal(np.repeat(got.loudness, COEFFICIENTS, 1), got.sigma)
    assert np.ptp(got.loudness) > 0


# Ranks


def test_ranks_are_the_specification(tables: Tables) -> None:
    hyper = np.random.default_rng(0).integers(-20, 10, (3, HYPER_SIZE)).astype(np.int8)
    scale_index = scale_indices(predict_vectors(hyper, tables), 9, 0, tables)
    for main in (16, 112, 496):
        got, position = ranks(scale_index, np.arange(COEFFICIENTS), main)
        assert position.shape == (9, main)
        assert position.tolist() == [slow.ranks(row, main) for row in scale_index.tolist()]
        assert np.array_equal(got, np.take_along_axis(scale_index, position, 1))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1 << 30), st.integers(1, SCALES))
def test_ties_go_to_the_lower_frequency(seed: int, different: int) -> None:
    scale_index = np.random.default_rng(seed).integers(SCALES - different, SCALES, (2, COEFFICIENTS)).astype(np.uint8)
    _, position = ranks(scale_index, np.arange(COEFFICIENTS), 496)
    assert position.tolist() == [slow.ranks(row, 496) for row in scale_index.tolist()]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1 << 30), st.sampled_from([1, 2, 3, 50, 126, 130]), st.integers(1, COEFFICIENTS), st.floats(0, 8))
def test_coefficients_that_are_left_out_beforehand_have_no_rank(
    seed: int, frames: int, main: int, spread: float
) -> None:
    """From hyper vectors that hardly change to those that jump from -32 to 31."""
    rng, tables = np.random.default_rng(seed), tables_of("tiny")
    moving = rng.integers(-32, 32, HYPER_SIZE) + spread * rng.standard_normal((-(-frames // 3), HYPER_SIZE))
    vectors = predict_vectors(np.clip(moving, -32, 31).astype(np.int8), tables)
    gain = int(rng.integers(-200, 200))
    scale_index, position = rank_segment(vectors, frames, main, gain, tables)
    every = scale_indices(vectors, frames, gain, tables)
    assert all(map(np.array_equal, (scale_index, position), ranks(every, np.arange(COEFFICIENTS), main)))
    assert (scale_index.dtype, position.dtype) == (np.uint8, np.int64)


@pytest.mark.parametrize("frames", [1, 2, 3, 7, 126, 127, 130, 254])
def test_scales_at_some_coefficients_are_those_of_all(frames: int, tables: Tables) -> None:
    rng = np.random.default_rng(frames)
    hyper = rng.integers(-32, 32, (-(-frames // 3), HYPER_SIZE)).astype(np.int8)
    position = np.argsort(rng.random((frames, COEFFICIENTS)), 1)[:, :9]
    every, some = predict_scales(hyper, frames, tables), scales_at(predict_vectors(hyper, tables), frames, position)
    assert np.array_equal(some.sigma, np.take_along_axis(every.sigma, position, 1))
    assert np.array_equal(some.loudness, every.loudness)
    assert (some.sigma.dtype, some.loudness.dtype) == (np.int32, np.int32)


def test_a_tier_is_a_prefix_of_the_next(tables: Tables) -> None:
    hyper = np.random.default_rng(1).integers(-20, 10, (4, HYPER_SIZE)).astype(np.int8)
    large = rank_frames(hyper, 12, 496, 5, tables)
    for main in (16, 48, 112, 240):
        small, peeled = rank_frames(hyper, 12, main, 5, tables), large.peeled(main)
        assert np.array_equal(small.position, peeled.position)
        assert np.array_equal(small.scale_index, peeled.scale_index)


# Segments


def drifting(vectors: int) -> np.ndarray:
    return np.random.default_rng(2).integers(-25, 10, (vectors, HYPER_SIZE)).astype(np.int8)


def test_scales_do_not_depend_on_how_segments_are_grouped(tables: Tables) -> None:
    hyper = drifting(42 * 5 + 7)
    frames = 3 * len(hyper) - 1
    whole = predict_scales(hyper, frames, tables)
    for count in (1, 2, 3):
        span = 42 * count
        starts = range(0, len(hyper), span)
        parts = [predict_scales(hyper[at : at + span], min(3 * span, frames - 3 * at), tables) for at in starts]
        for got, wanted in zip(zip(*parts, strict=True), whole, strict=True):
            assert np.array_equal(np.concatenate(got), wanted)


@pytest.mark.parametrize("frames", [0, 1, 126, 127, 377])
def test_segments_together_are_the_whole(frames: int, tables: Tables) -> None:
    hyper = drifting(-(-frames // 3))
    whole = rank_frames(hyper, frames, 48, 9, tables)
    ends = 0
    for part, vectors in segments(hyper, frames, tables):
        assert part.start == ends
        ends = part.stop
        scale_index, position = rank_segment(vectors, ends - part.start, 48, 9, tables)
        scales = interpolate_scales(vectors, ends - part.start)
        assert np.array_equal(scale_index, whole.scale_index[part]) and np.array_equal(position, whole.position[part])
        assert np.array_equal(scales.sigma, whole.scales.sigma[part])
        assert np.array_equal(scales.loudness, whole.scales.loudness[part])
    assert ends == frames
    assert whole.scales.sigma.shape == (frames, COEFFICIENTS) and whole.position.shape == (frames, 48)
    dtypes = [array.dtype for array in (*whole.scales, whole.scale_index, whole.position)]
    assert dtypes == [np.int32, np.int32, np.uint8, np.int64]


def test_ranked_frames_are_the_specification(tables: Tables) -> None:
    hyper = drifting(44)
    got = rank_frames(hyper, 130, 32, -3, tables)
    slow_indices = slow.scale_indices(hyper[42:].tolist(), 4, -3, slow.SlowTables(tables))
    positions = [slow.ranks(row, 32) for row in slow_indices]
    assert got.position[126:].tolist() == positions
    assert got.scale_index[126:].tolist() == [
        [row[k] for k in chosen] for row, chosen in zip(slow_indices, positions, strict=True)
    ]
