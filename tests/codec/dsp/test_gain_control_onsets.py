"""Gain control: onsets and the stretches before them are found where they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codec.dsp import gain_control
from codec.dsp.gain_control import (
    EXPONENT_STEP,
    HEARD,
    LENGTHS,
    LOOKBACK,
    MAX_EXPONENT,
    MIN_EXPONENT,
    NOISE_FALL,
    find_stretches,
    gains,
)
from codec.dsp.onsets import (
    BEFORE,
    LOOKAHEAD,
    MEAN_BLOCKS,
    ONSET_JUMP,
    PEAK_JUMP,
    SEGMENT_BLOCKS,
    onset_powers,
)
from formats.grid import GAIN_BLOCK
from tests.support.gain_control import tone

QUIET, LOUD = -60.0, -20.0


def powers(*steps: tuple[int, float]) -> NDArray[np.float64]:
    """Mean squares of a segment's blocks and the look-ahead: QUIET, then from each step's block on at its decibels."""
    decibels = np.full(SEGMENT_BLOCKS + LOOKAHEAD, QUIET)
    for first, value in steps:
        decibels[first:] = value
    return 10 ** (decibels / 10)


# Powers of the upper octaves


def test_powers_are_mean_squares_of_a_causal_second_difference() -> None:
    x = np.random.default_rng(0).standard_normal((2, BEFORE + 7 * GAIN_BLOCK)).astype(np.float32)
    wanted = []
    for block in range(7):
        places = range(BEFORE + block * GAIN_BLOCK, BEFORE + (block + 1) * GAIN_BLOCK)
        differences = [float(c[i - 12]) - 2 * float(c[i - 6]) + float(c[i]) for c in x for i in places]
        wanted.append(sum(d * d for d in differences) / (6 * GAIN_BLOCK))
    got = onset_powers(x)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_white_noise_keeps_its_power_and_bass_has_next_to_none() -> None:
    noise = np.random.default_rng(0).standard_normal((2, BEFORE + 4000 * GAIN_BLOCK)).astype(np.float32)
    assert onset_powers(noise).mean() == pytest.approx(2, rel=0.03)
    power = {f: onset_powers(tone(f, BEFORE + 4000 * GAIN_BLOCK)).mean() for f in (100, 1800, 3675)}
    decibels = {f: 10 * np.log10(value / power[3675]) for f, value in power.items()}
    assert decibels[100] == pytest.approx(-54.8, abs=0.2) and decibels[1800] == pytest.approx(-6.3, abs=0.2)


@pytest.mark.parametrize("huge", [1e30, 3e38, np.inf, np.nan])
def test_powers_of_samples_that_are_too_large_are_the_largest(huge: float) -> None:
    x = np.zeros((2, BEFORE + 5 * GAIN_BLOCK), np.float32)
    x[0, BEFORE + 2 * GAIN_BLOCK + 20] = huge
    assert onset_powers(x).tolist() == [0, 0, np.finfo(np.float32).max, 0, 0]


# Finding stretches


@pytest.mark.parametrize("k", [5, 6, 9, 40, 1000, 1763, SEGMENT_BLOCKS])
def test_an_onset_after_quiet_is_found_where_it_is(k: int) -> None:
    blocks = max(length for length in LENGTHS.tolist() if length <= k)
    assert find_stretches(powers((k, LOUD))) == [(k - blocks, blocks, MAX_EXPONENT)]


@pytest.mark.parametrize("k", [1, 2, 3, 4, SEGMENT_BLOCKS + 1, SEGMENT_BLOCKS + 3])
def test_an_onset_in_the_first_blocks_or_behind_the_segment_has_no_stretch(k: int) -> None:
    assert find_stretches(powers((k, LOUD))) == []


def test_steady_sound_has_no_onset() -> None:
    assert find_stretches(powers()) == []
    assert find_stretches(powers((0, LOUD))) == []
    assert find_stretches(np.zeros(SEGMENT_BLOCKS + LOOKAHEAD)) == []
    size = BEFORE + (SEGMENT_BLOCKS + LOOKAHEAD) * GAIN_BLOCK
    for seed in range(20):
        noise = np.random.default_rng(seed).standard_normal((2, size)).astype(np.float32)
        assert find_stretches(onset_powers(noise)) == []
    for frequency in (10, 20, 30, 40, 60, 110, 440, 3000, 7350, 15_000):  # some have few periods in a block, or none
        assert find_stretches(onset_powers(tone(frequency, size))) == []
    assert find_stretches(powers((500, QUIET - 40))) == []  # a sound that ends is no onset


def test_digital_silence_is_not_amplified() -> None:
    power = powers((600, LOUD))
    power[:600] = 0
    assert find_stretches(power) == []
    power[:600] = 10 ** ((gain_control.SILENCE_FLOOR - 1) / 10)
    assert find_stretches(power) == []
    power[:600] = 10 ** ((gain_control.SILENCE_FLOOR + 1) / 10)
    assert len(find_stretches(power)) == 1


@pytest.mark.parametrize(
    ("jump", "exponent"), [(5.9, 0), (6.1, 2), (9.0, 2), (9.1, 3), (12.1, 4), (30.0, 9), (30.2, 10), (60, 10)]
)
def test_the_exponent_follows_from_the_jump(jump: float, exponent: int) -> None:
    found = find_stretches(powers((600, QUIET + jump)))
    assert [stretch[2] for stretch in found] == [exponent] * (exponent > 0)


def test_a_crescendo_is_no_onset() -> None:
    """It grows by less than MEAN_JUMP within the two means that are compared, though by much more in all."""
    crescendo = [(400 + i, QUIET + 0.35 * (i + 1)) for i in range(100)]
    assert find_stretches(powers(*crescendo)) == []


def test_a_gradual_rise_is_an_onset_where_it_is_steepest() -> None:
    """It grows by less than ONSET_JUMP a block; the stretch ends before most of it."""
    rise = [(600 + i, QUIET + (ONSET_JUMP - 1) * (i + 1)) for i in range(10)]
    ((first, blocks, exponent),) = find_stretches(powers(*rise))
    assert 597 <= first + blocks <= 606 and blocks == LOOKBACK and exponent >= 3


@pytest.mark.parametrize("gap", [0, 6, MEAN_BLOCKS, MEAN_BLOCKS + 1, 40])
def test_a_sharp_onset_has_its_stretch_though_the_sound_rose_before(gap: int) -> None:
    """What rises before a sharp onset must not take the stretch of the louder one."""
    sharp = 600 + LOOKAHEAD + gap
    power = powers((600, QUIET + 3), (601, QUIET + 6), (sharp, QUIET + 36))
    ends = [first + blocks for first, blocks, _ in find_stretches(power)]
    assert ends[-1] == sharp and find_stretches(power)[-1][2] > 8


def test_a_few_loud_blocks_are_no_gradual_onset() -> None:
    power = powers()
    power[600:603] *= 10 ** (PEAK_JUMP / 10) * 0.9  # a little over 3 dB in the mean
    assert find_stretches(power) == []


def test_an_onset_may_take_a_few_blocks_to_its_peak() -> None:
    first, peak = QUIET + ONSET_JUMP + 3, QUIET + PEAK_JUMP + 6  # neither alone is an onset
    top = 600 + LOOKAHEAD - 1
    assert find_stretches(powers((600, first), (top, peak))) == [(top - LOOKBACK, LOOKBACK, 2)]
    assert find_stretches(powers((600, first), (top + 1, peak))) == []


@pytest.mark.parametrize(("soft", "stretch"), [(24, (540, 60, 9)), (20, (543, 60, 3)), (4, (543, 60, 8))])
def test_a_stretch_ends_where_that_leaves_less_noise(soft: float, stretch: tuple[int, int, int]) -> None:
    """Three soft blocks before the peak are amplified as well, unless this forbids the exponent that the rest needs."""
    assert find_stretches(powers((600, QUIET + soft), (603, QUIET + 30))) == [stretch]


def test_a_decaying_sound_is_amplified_where_it_has_become_quiet() -> None:
    """The gain rises slowly, so that a sound that falls as slowly allows the exponent of its quiet end."""
    decibels = np.full(SEGMENT_BLOCKS + LOOKAHEAD, LOUD)
    decibels[540:600] = LOUD - 18.5 * np.arange(1, 61) / 60
    assert find_stretches(10 ** (decibels / 10)) == [(540, LOOKBACK, 6)]


def test_a_sound_that_has_just_ended_makes_the_stretch_short() -> None:
    power = powers((600, LOUD))
    power[588] = 10 ** (LOUD / 10)
    assert find_stretches(power)[-1] == (590, 10, MAX_EXPONENT)


def test_stretches_that_are_too_short_or_too_weak_are_not_chosen() -> None:
    power = powers((600, QUIET + 24.5))
    power[:590] = 10 ** ((QUIET + 24) / 10)
    assert find_stretches(power) == [(590, 10, 8)]
    power[:596] = 10 ** ((QUIET + 24) / 10)
    assert find_stretches(power) == []  # four blocks are too few


def noise_left(blocks: int, exponent: int, behind: int) -> float:
    """Noise before a peak, block by block, with a stretch that ends `behind` blocks before it."""
    level = gains(blocks, 2).reshape(-1, GAIN_BLOCK).astype(float)  # 2 to the share of the exponent, inverted
    share = [*(-np.log2(level).mean(1))[::-1], *[0.0] * HEARD]
    return sum(
        10 ** (-NOISE_FALL * t / 10) * (2 ** (-exponent * share[t - behind]) if t >= behind else 1)
        for t in range(HEARD)
    )


def largest_exponent(decibels: NDArray[np.float64], first: int, blocks: int, peak: float) -> int:
    """By trying: the largest exponent with which no block is louder than the peak."""
    rise = -np.log2(gains(blocks, 2).reshape(-1, GAIN_BLOCK).astype(float)).mean(1)
    rise[-1] = 1
    fits = [
        exponent
        for exponent in range(MIN_EXPONENT, MAX_EXPONENT + 1)
        if (decibels[first : first + blocks] + EXPONENT_STEP * exponent * rise <= peak).all()
    ]
    return max(fits, default=0)


@pytest.mark.parametrize("seed", range(12))
def test_no_other_stretch_leaves_less_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    decibels = QUIET + rng.uniform(0, 2, SEGMENT_BLOCKS + LOOKAHEAD)
    decibels[:600] += np.interp(np.arange(600), [500, 599], [rng.uniform(0, 20), 0])
    decibels[600:606] += np.sort(rng.uniform(8, 40, 6))
    decibels[606:] = decibels[605]
    top, peak = 605, decibels[605]
    first, blocks, exponent = find_stretches(10 ** (decibels / 10))[0]
    onset = next(k for k in range(600, 606) if decibels[k] - decibels[k - 4 : k].max() >= ONSET_JUMP)
    others = [
        noise_left(length, best, top - end)
        for end in range(onset, top + 1)
        for length in LENGTHS.tolist()
        if (best := largest_exponent(decibels, end - length, length, peak))
    ]
    assert exponent == largest_exponent(decibels, first, blocks, peak)
    assert noise_left(blocks, exponent, top - first - blocks) == pytest.approx(min(others), rel=1e-6)


def test_the_stretches_of_two_onsets_share_no_block() -> None:
    power = powers()
    power[600:603] = power[620:] = 10 ** (LOUD / 10)
    assert find_stretches(power) == [(540, 60, MAX_EXPONENT), (604, 16, MAX_EXPONENT)]  # lengths are those of LENGTHS
    power = powers()
    power[600:603] = power[607:] = 10 ** (LOUD / 10)
    assert find_stretches(power) == [(540, 60, MAX_EXPONENT)]  # four blocks between them are too few


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.floats(5, 60))
def test_stretches_lie_in_the_segment_one_after_another(seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    decibels = np.repeat(rng.uniform(-60 - spread, 0, 200), rng.integers(1, 30, 200))
    end = 0
    for first, blocks, exponent in find_stretches(10 ** (np.resize(decibels, SEGMENT_BLOCKS + LOOKAHEAD) / 10)):
        assert first >= end and blocks in LENGTHS and MIN_EXPONENT <= exponent <= MAX_EXPONENT
        end = first + blocks
    assert end <= SEGMENT_BLOCKS
