"""Integer levels and ranks against the plain Python of slow_decoder.py, which follows SPEC.md."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import ModelError
from formats.grid import COEFFICIENTS, HYPER_SIZE, SCALES, SEGMENT
from formats.model.scales import predict_scales, ranks, scale_indices
from formats.model.tables import Tables
from tests.support import slow_decoder as slow
from tests.support.codec import tables_of

SOME = range(0, COEFFICIENTS, 61)


@pytest.fixture(scope="module", params=["tiny", "tiny2"])
def tables(request: pytest.FixtureRequest) -> Tables:
    """With loudness and without."""
    return tables_of(request.param)


def compare(hyper: np.ndarray, frames: int, gain: int, tables: Tables) -> None:
    fast = scale_indices(predict_scales(hyper, frames, tables), gain, tables)
    assert fast.shape == (frames, COEFFICIENTS)
    assert fast.dtype == np.uint8
    assert fast[:, :: SOME.step].tolist() == slow.levels(hyper.tolist(), frames, gain, slow.SlowTables(tables), SOME)


@pytest.mark.parametrize(("frames", "gain"), [(1, 0), (2, -512), (3, 512), (4, 31), (130, -7), (253, 64)])
def test_levels_are_the_specification(frames: int, gain: int, tables: Tables) -> None:
    rng = np.random.default_rng(frames)
    compare(rng.integers(-32, 32, (-(-frames // 3), HYPER_SIZE)).astype(np.int8), frames, gain, tables)


@pytest.mark.parametrize("value", [-32, 31])
@pytest.mark.parametrize("gain", [-512, 0, 512])
def test_levels_at_the_ends_of_the_ranges(value: int, gain: int, tables: Tables) -> None:
    compare(np.full((2, HYPER_SIZE), value, np.int8), 6, gain, tables)


def test_levels_at_the_bounds_that_tables_may_have(tables: Tables) -> None:
    """Sums just under 2**24 and products just under 2**31: float32 BLAS and int32 must still be exact."""
    rng = np.random.default_rng(5)
    predictor = rng.integers(-9000, 9000, (HYPER_SIZE, COEFFICIENTS))
    reach = 32 * np.abs(predictor).sum(0)
    offset = ((1 << 24) - 1 - reach) * rng.choice([-1, 1], COEFFICIENTS)
    slope = np.full(COEFFICIENTS, ((1 << 31) - (1 << 26) - 1) // (3 * ((1 << 24) - 1))) * rng.choice(
        [-1, 1], COEFFICIENTS
    )
    wide = replace(
        tables,
        predictor=predictor.astype(np.int32),
        offset=offset.astype(np.int32),
        slope=slope.astype(np.int32),
        intercept=np.zeros(COEFFICIENTS, np.int32),
        loudness=None,
        steadiness=None,
        steady=None,
    )
    signs = np.where(np.sign(predictor[:, 61 * 3]) > 0, 31, -32)
    hyper = np.stack([signs, -1 - signs, *rng.integers(-32, 32, (4, HYPER_SIZE))]).astype(np.int8)
    for gain in (-512, 512):
        compare(hyper, 18, gain, wide)
    with pytest.raises(ModelError):
        replace(wide, offset=wide.offset + np.sign(wide.offset))
    with pytest.raises(ModelError):
        replace(wide, intercept=np.full(COEFFICIENTS, 1 << 26, np.int32))


# Loudness


def test_loudness_at_the_bounds_that_tables_may_have() -> None:
    """A sum of just under 2**24, and what it and the sizes give together just under 2**31."""
    rng = np.random.default_rng(6)
    loudness = rng.integers(-9000, 9000, HYPER_SIZE)
    loudness = np.append(loudness, 32 * np.abs(loudness).sum() - (1 << 24) + 1)
    predictor = rng.integers(-2000, 2000, (HYPER_SIZE, COEFFICIENTS))
    reach = 3 * 32 * np.abs(predictor).sum(0)
    steadiness = np.full(COEFFICIENTS, 21) * rng.choice([-1, 1], COEFFICIENTS)
    slope = ((1 << 31) - (1 << 26) - 1 - 21 * 3 * ((1 << 24) - 1)) // reach
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
    with pytest.raises(ModelError, match="out of range"):
        replace(wide, loudness=wide.loudness + np.append(np.zeros(HYPER_SIZE, np.int32), np.sign(wide.loudness[HYPER_SIZE])))
    with pytest.raises(ModelError, match="out of range"):
        replace(wide, steadiness=wide.steadiness + np.sign(wide.steadiness))
    with pytest.raises(ModelError, match="out of range"):
        replace(wide, steadiness=np.full(COEFFICIENTS, -(1 << 31), np.int32))


def test_loudness_is_spread_over_frames_like_sizes() -> None:
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


def test_without_loudness_tables_there_is_none_and_levels_are_version_2s() -> None:
    tables = tables_of("tiny2")
    hyper = np.random.default_rng(8).integers(-32, 32, (4, HYPER_SIZE)).astype(np.int8)
    got = predict_scales(hyper, 11, tables)
    assert got.loudness.shape == (11, 1) and not got.loudness.any()
    rest = {"loudness": np.arange(HYPER_SIZE + 1, dtype=np.int32), "steady": np.zeros(COEFFICIENTS)}
    flat = replace(tables, **rest, steadiness=np.zeros(COEFFICIENTS, np.int32))
    assert np.array_equal(scale_indices(predict_scales(hyper, 11, flat), 9, flat), scale_indices(got, 9, tables))
    steep = replace(tables, **rest, steadiness=np.full(COEFFICIENTS, 900, np.int32))
    assert not np.array_equal(scale_indices(predict_scales(hyper, 11, steep), 9, steep), scale_indices(got, 9, tables))


@pytest.mark.parametrize("name", ["loudness", "steadiness", "steady"])
def test_tables_have_all_of_loudness_or_nothing(name: str) -> None:
    tables = tables_of("tiny")
    with pytest.raises(ModelError, match="in part"):
        replace(tables, **{name: None})
    with pytest.raises(ModelError, match="in part"):
        replace(tables_of("tiny2"), **{name: getattr(tables, name)})
    with pytest.raises(ModelError):
        replace(tables, **{name: getattr(tables, name)[:-1]})
    for one in (tables, tables_of("tiny2")):
        again = Tables.from_bytes(one.to_bytes())
        assert again.digest() == one.digest() and (again.steady is None) == (one.steady is None)


def test_an_exponent_of_loudness_that_is_no_number_is_refused() -> None:
    with pytest.raises(ModelError, match="finite"):
        replace(tables_of("tiny"), steady=np.full(COEFFICIENTS, np.nan))


# Ranks


def test_ranks_are_the_specification(tables: Tables) -> None:
    hyper = np.random.default_rng(0).integers(-20, 10, (3, HYPER_SIZE)).astype(np.int8)
    level = scale_indices(predict_scales(hyper, 9, tables), 0, tables)
    for main in (16, 112, 496):
        got = ranks(level, main)
        assert got.shape == (9, main)
        assert got.tolist() == [slow.ranks(row, main) for row in level.tolist()]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1 << 30), st.integers(1, SCALES))
def test_ties_go_to_the_lower_frequency(seed: int, different: int) -> None:
    level = np.random.default_rng(seed).integers(SCALES - different, SCALES, (2, COEFFICIENTS)).astype(np.uint8)
    got = ranks(level, 496)
    assert got.tolist() == [slow.ranks(row, 496) for row in level.tolist()]


def test_a_tier_is_a_prefix_of_the_next(tables: Tables) -> None:
    hyper = np.random.default_rng(1).integers(-20, 10, (4, HYPER_SIZE)).astype(np.int8)
    level = scale_indices(predict_scales(hyper, 12, tables), 5, tables)
    large = ranks(level, 496)
    for main in (16, 48, 112, 240):
        assert np.array_equal(ranks(level, main), large[:, :main])


def test_levels_do_not_depend_on_how_segments_are_grouped(tables: Tables) -> None:
    hyper = np.random.default_rng(2).integers(-25, 10, (42 * 5 + 7, HYPER_SIZE)).astype(np.int8)
    frames = 3 * len(hyper) - 1
    whole = predict_scales(hyper, frames, tables)
    for segments in (1, 2, 3):
        span = 42 * segments
        parts = [
            predict_scales(hyper[at : at + span], min(3 * span, frames - 3 * at), tables) for at in range(0, len(hyper), span)
        ]
        for got, wanted in zip(zip(*parts, strict=True), whole, strict=True):
            assert np.array_equal(np.concatenate(got), wanted)


def test_noise_of_another_kind_or_shape_is_refused() -> None:
    noise = np.arange(2 * SEGMENT * COEFFICIENTS).reshape(2, SEGMENT, COEFFICIENTS).astype(np.int8)
    kept = Tables.from_bytes(replace(tables_of("tiny"), noise=noise).to_bytes()).noise
    assert kept is not None and np.array_equal(kept, noise)
    for wrong in (noise[:1], noise[:, :-1], noise.astype(np.int16)):
        with pytest.raises(ModelError, match="noise"):
            replace(tables_of("tiny"), noise=wrong)
