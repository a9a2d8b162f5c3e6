"""Integer levels and ranks against the plain Python of slow_decoder.py, which follows SPEC.md."""

from dataclasses import replace

import numpy as np
import pytest
import slow_decoder as slow
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import ModelError
from formats.grid import COEFFICIENTS, HYPER, LEVELS
from formats.levels import levels, log_sigma, ranks
from formats.tables import Tables

SOME = range(0, COEFFICIENTS, 61)


def compare(hyper: np.ndarray, frames: int, gain: int, tables: Tables) -> None:
    fast = levels(log_sigma(hyper, frames, tables), gain, tables)
    assert fast.shape == (frames, COEFFICIENTS)
    assert fast.dtype == np.uint8
    assert fast[:, :: SOME.step].tolist() == slow.levels(hyper.tolist(), frames, gain, slow.SlowTables(tables), SOME)


@pytest.mark.parametrize(("frames", "gain"), [(1, 0), (2, -512), (3, 512), (4, 31), (130, -7), (253, 64)])
def test_levels_are_the_specification(frames: int, gain: int, tables: Tables) -> None:
    rng = np.random.default_rng(frames)
    compare(rng.integers(-32, 32, (-(-frames // 3), HYPER)).astype(np.int8), frames, gain, tables)


@pytest.mark.parametrize("value", [-32, 31])
@pytest.mark.parametrize("gain", [-512, 0, 512])
def test_levels_at_the_ends_of_the_ranges(value: int, gain: int, tables: Tables) -> None:
    compare(np.full((2, HYPER), value, np.int8), 6, gain, tables)


def test_levels_at_the_bounds_that_tables_may_have(tables: Tables) -> None:
    """Sums just under 2**24 and products just under 2**31: float32 BLAS and int32 must still be exact."""
    rng = np.random.default_rng(5)
    predictor = rng.integers(-9000, 9000, (HYPER, COEFFICIENTS))
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
    )
    signs = np.where(np.sign(predictor[:, 61 * 3]) > 0, 31, -32)
    hyper = np.stack([signs, -1 - signs, *rng.integers(-32, 32, (4, HYPER))]).astype(np.int8)
    for gain in (-512, 512):
        compare(hyper, 18, gain, wide)
    with pytest.raises(ModelError):
        replace(wide, offset=wide.offset + np.sign(wide.offset))
    with pytest.raises(ModelError):
        replace(wide, intercept=np.full(COEFFICIENTS, 1 << 26, np.int32))


def test_ranks_are_the_specification(tables: Tables) -> None:
    hyper = np.random.default_rng(0).integers(-20, 10, (3, HYPER)).astype(np.int8)
    level = levels(log_sigma(hyper, 9, tables), 0, tables)
    for main in (16, 112, 496):
        got = ranks(level, main)
        assert got.shape == (9, main)
        assert got.tolist() == [slow.ranks(row, main) for row in level.tolist()]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1 << 30), st.integers(1, LEVELS))
def test_ties_go_to_the_lower_frequency(seed: int, different: int) -> None:
    level = np.random.default_rng(seed).integers(LEVELS - different, LEVELS, (2, COEFFICIENTS)).astype(np.uint8)
    got = ranks(level, 496)
    assert got.tolist() == [slow.ranks(row, 496) for row in level.tolist()]


def test_a_tier_is_a_prefix_of_the_next(tables: Tables) -> None:
    hyper = np.random.default_rng(1).integers(-20, 10, (4, HYPER)).astype(np.int8)
    level = levels(log_sigma(hyper, 12, tables), 5, tables)
    large = ranks(level, 496)
    for main in (16, 48, 112, 240):
        assert np.array_equal(ranks(level, main), large[:, :main])


def test_levels_do_not_depend_on_how_segments_are_grouped(tables: Tables) -> None:
    hyper = np.random.default_rng(2).integers(-25, 10, (42 * 5 + 7, HYPER)).astype(np.int8)
    frames = 3 * len(hyper) - 1
    whole = log_sigma(hyper, frames, tables)
    for segments in (1, 2, 3):
        span = 42 * segments
        parts = [
            log_sigma(hyper[at : at + span], min(3 * span, frames - 3 * at), tables)
            for at in range(0, len(hyper), span)
        ]
        assert np.array_equal(np.concatenate(parts), whole)
