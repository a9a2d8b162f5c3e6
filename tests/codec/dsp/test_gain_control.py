"""Gain control: onsets are found where they are, and the decoder gives back what was amplified, in any blocks."""

import time
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codec.dsp import gain_control
from codec.dsp.gain_control import (
    BEFORE,
    LOOKAHEAD,
    LOOKBACK,
    MAX_EXPONENT,
    MIN_BLOCKS,
    MIN_EXPONENT,
    ONSET_JUMP,
    PEAK_JUMP,
    SEGMENT_BLOCKS,
    GainControl,
    InverseGainControl,
    amplified,
    find_stretches,
    gains,
    lowpass,
    onset_powers,
)
from codec.pipeline.payload import unpack
from codec.pipeline.peel import peel
from codec.runtime import models
from formats import Reader
from formats.grid import GAIN_BLOCK, HOP, SAMPLE_RATE, SEGMENT
from tests.support.codec import Array, decoded, encoded

SIZE = SEGMENT * HOP
QUIET, LOUD = -70.0, -20.0


def powers(*steps: tuple[int, float]) -> NDArray[np.float64]:
    """Mean squares of a segment's blocks and the look-ahead: QUIET, then from each step's block on at its decibels."""
    decibels = np.full(SEGMENT_BLOCKS + LOOKAHEAD, QUIET)
    for first, value in steps:
        decibels[first:] = value
    return 10 ** (decibels / 10)


def hits(*onsets: int, samples: int, quiet: float = 3e-4, seed: int = 0) -> Array:
    """Mid and side [2, N]: faint noise, and from every onset on 20 ms of loud noise."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2, samples)) * quiet
    for onset in onsets:
        part = x[:, onset : onset + 882]
        part += rng.uniform(-0.5, 0.5, part.shape)
    return np.asarray(x, np.float32)


def tone(frequency: float, samples: int, amplitude: float = 1.0) -> Array:
    """A steady tone in mid, a quarter of it in side [2, N]."""
    wave = amplitude * np.sin(2 * np.pi * frequency / SAMPLE_RATE * np.arange(samples) + 1)
    return np.stack([wave, wave / 4]).astype(np.float32)


def controlled(x: Array, sizes: list[int]) -> tuple[Array, NDArray[np.int64]]:
    """The stream pushed in blocks of these sizes, over and over: all samples, and the stretches of all segments."""
    control, parts, position = GainControl(), [], 0
    while position < x.shape[1]:
        size = sizes[len(parts) % len(sizes)]
        parts.append(control.push(x[:, position : position + size]))
        position += size
    parts.append(control.finish())
    return np.concatenate(parts, 1), control.within(0, -(-x.shape[1] // SIZE))


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
    blocks = min(k, LOOKBACK)
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
    ("jump", "exponent"), [(8.9, 0), (9.02, 0), (9.1, 3), (12.0, 3), (12.1, 4), (30.0, 9), (30.2, 10), (60, 10)]
)
def test_the_exponent_follows_from_the_jump(jump: float, exponent: int) -> None:
    found = find_stretches(powers((600, QUIET + jump)))
    assert [stretch[2] for stretch in found] == [exponent] * (exponent > 0)


def test_a_crescendo_is_no_onset() -> None:
    """It grows by three decibels a block, which is less than ONSET_JUMP, though by 30 in all."""
    crescendo = [(600 + i, QUIET + (ONSET_JUMP - 1) * (i + 1)) for i in range(10)]
    assert find_stretches(powers(*crescendo)) == []


def test_an_onset_may_take_a_few_blocks_to_its_peak() -> None:
    first, peak = QUIET + ONSET_JUMP + 3, QUIET + PEAK_JUMP + 6  # neither alone is an onset
    assert find_stretches(powers((600, first), (600 + LOOKAHEAD - 1, peak))) == [(600 - LOOKBACK, LOOKBACK, 4)]
    assert find_stretches(powers((600, first), (600 + LOOKAHEAD, peak))) == []


@pytest.mark.parametrize(("jump", "onset", "exponent"), [(3.9, 603, 8), (4.1, 600, 9)])
def test_an_onset_begins_with_a_jump(jump: float, onset: int, exponent: int) -> None:
    """Three blocks that rise by less belong to what precedes it."""
    found = find_stretches(powers((600, QUIET + jump), (603, QUIET + 30)))
    assert found == [(onset - LOOKBACK, LOOKBACK, exponent)]


def test_the_stretch_has_the_largest_product_of_exponent_and_length() -> None:
    power = powers((600, LOUD))
    power[588] = 10 ** (LOUD / 10)
    assert find_stretches(power)[-1] == (589, 11, MAX_EXPONENT)
    power = powers((600, QUIET + 24.5))
    power[:590] = 10 ** ((QUIET + 6) / 10)
    assert find_stretches(power) == [(600 - LOOKBACK, LOOKBACK, 6)]  # 60 blocks by 6 are more than 10 by 8
    power[:590] = 10 ** ((QUIET + 21) / 10)
    assert find_stretches(power) == [(590, 10, 8)]  # and 60 by 1 are fewer


def test_a_long_stretch_with_too_small_an_exponent_suppresses_no_other() -> None:
    power = powers((600, QUIET + 24.5))
    power[:590] = 10 ** ((QUIET + 18) / 10)
    assert find_stretches(power) == [(590, 10, 8)]  # 60 by 2 are more, but 2 is no exponent that is chosen
    power[:596] = 10 ** ((QUIET + 18) / 10)
    assert find_stretches(power) == []  # four blocks by 8 are too few


def test_the_stretches_of_two_onsets_share_no_block() -> None:
    power = powers()
    power[600:603] = power[620:] = 10 ** (LOUD / 10)
    assert find_stretches(power) == [(540, 60, MAX_EXPONENT), (603, 17, MAX_EXPONENT)]
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
        assert first >= end and MIN_BLOCKS <= blocks <= LOOKBACK and MIN_EXPONENT <= exponent <= MAX_EXPONENT
        end = first + blocks
    assert end <= SEGMENT_BLOCKS


# The shelf


def slow_lowpass(samples: list[float], before: float) -> list[float]:
    """SPEC.md's recursion, one sample at a time."""
    out = []
    for sample in samples:
        before = before + (sample - before) / 64
        out.append(before)
    return out


def slow_gain(blocks: int, exponent: int, i: int) -> float:
    """SPEC.md's g[i]."""
    r = max(1, min(60, blocks - 1))
    return float(2 ** (-exponent / 2 * min(1, (i + 0.5) / (50 * r), (50 * blocks - i - 0.5) / 50)))


def slow_shelf(y: Array, blocks: int, exponent: int) -> NDArray[np.float64]:
    """What a stretch becomes in the decoder, [C, 50 blocks], one sample at a time in SPEC.md's words."""
    channels = y.astype(float).tolist()
    lows = [slow_lowpass(channel, channel[0]) for channel in channels]
    g = [slow_gain(blocks, exponent, i) for i in range(50 * blocks)]
    return np.array(
        [[lo + a * (v - lo) for v, lo, a in zip(c, low, g, strict=True)] for c, low in zip(channels, lows, strict=True)]
    )


def shelved(y: Array, stretches: list[tuple[int, int, int]], sizes: list[int] | None = None) -> Array:
    """The stream [C, N] behind the decoder's gain control, in blocks of these sizes, over and over."""
    inverse, position, parts = InverseGainControl(0), 0, []
    inverse.add(0, np.array(stretches, np.int64).reshape(-1, 3))
    sizes = sizes or [y.shape[1]]
    while position < y.shape[1]:
        size = sizes[len(parts) % len(sizes)]
        parts.append(inverse.apply(y[:, position : position + size].copy()))
        position += size
    return np.concatenate(parts, 1)


def rumble(samples: int, seed: int = 0) -> Array:
    """Two channels of noise and loud bass, the second one fainter, none of which begins at zero."""
    noise = np.random.default_rng(seed).standard_normal((2, samples)) * 0.02
    return np.asarray(noise + tone(37, samples, 0.8) + [[0.1], [0]], np.float32)


@pytest.mark.parametrize("exponent", [1, 3, 10, 15])
@pytest.mark.parametrize("blocks", [1, 2, 3, 5, 6, 30, 60, 61, 62, 90])
def test_the_gain_falls_slowly_and_returns_within_a_block(blocks: int, exponent: int) -> None:
    got = gains(blocks, exponent)
    assert got.dtype == np.float32 and got.shape == (50 * blocks,)
    np.testing.assert_allclose(got, [slow_gain(blocks, exponent, i) for i in range(50 * blocks)], rtol=1e-6)
    rise = max(1, min(60, blocks - 1))
    assert got[0] == pytest.approx(2 ** (-exponent / (200 * rise))) and got[-1] == pytest.approx(2 ** (-exponent / 200))
    if blocks > 61:
        assert got.min() == pytest.approx(2 ** (-exponent / 2))


@pytest.mark.parametrize("count", [1, 2, 50, 249, 250, 251, 500, 3001])
def test_the_lowpass_is_its_recursion(count: int) -> None:
    x, before = rumble(count), np.array([0.7, -0.3], np.float32)
    wanted = [slow_lowpass(channel, start) for channel, start in zip(x.tolist(), before.tolist(), strict=True)]
    got = lowpass(x, before)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, atol=5e-7)


@pytest.mark.parametrize("exponent", [1, 3, 10, 15])
@pytest.mark.parametrize("blocks", [1, 2, 5, 6, 60, 61, 200])
def test_the_decoder_has_the_shelf_of_the_specification(blocks: int, exponent: int) -> None:
    y = rumble(blocks * GAIN_BLOCK + 700, seed=blocks)
    own = slice(3 * GAIN_BLOCK, (3 + blocks) * GAIN_BLOCK)
    got = shelved(y, [(3, blocks, exponent)], [437])
    np.testing.assert_allclose(got[:, own], slow_shelf(y[:, own], blocks, exponent), atol=1e-6)
    got[:, own] = y[:, own]
    assert np.array_equal(got, y)


@settings(deadline=None, max_examples=100)
@given(
    st.integers(1, 300),
    st.integers(1, 15),
    st.integers(0, 1000),
    st.lists(st.integers(1, 5000), min_size=1, max_size=4),
)
def test_the_decoder_gives_back_what_was_amplified(blocks: int, exponent: int, seed: int, sizes: list[int]) -> None:
    """Stretches longer than a row of the lowpass among them, and gains that no encoder chooses."""
    rng = np.random.default_rng(seed)
    x = rumble(blocks * GAIN_BLOCK, seed) * rng.choice([1e-4, 0.1, 1]) + rng.choice([0, 1e-5, 0.5])
    y = amplified(x, blocks, exponent)
    assert y.dtype == np.float32 and y.shape == x.shape
    assert np.abs(y).max() > np.abs(x).max()
    np.testing.assert_allclose(shelved(y, [(0, blocks, exponent)], sizes), x, atol=1e-6 * np.abs(y).max())


@pytest.mark.parametrize(
    ("frequency", "least", "most"), [(40, 0, 0.8), (110, 2, 4), (1000, 18, 19.5), (5000, 26.5, 30.1)]
)
def test_the_bass_is_left_alone(frequency: float, least: float, most: float) -> None:
    """Of a gain of 30.1 dB a tone at 40 Hz takes half a decibel, and one at 5 kHz takes 27."""
    x = tone(frequency, 400 * GAIN_BLOCK, 0.01)
    y = amplified(x, 400, 10)
    full = slice(100 * GAIN_BLOCK, 398 * GAIN_BLOCK)
    assert least < 10 * np.log10((y[:, full] ** 2).mean() / (x[:, full] ** 2).mean()) < most


def test_huge_samples_are_amplified_and_attenuated_without_a_warning() -> None:
    x = rumble(60 * GAIN_BLOCK) * np.float32(1e30)
    y = amplified(x, 60, 15)
    assert np.isfinite(y).all()
    np.testing.assert_allclose(shelved(y, [(0, 60, 15)]), x, atol=1e-6 * np.abs(y).max())


HOSTILE = {"one stretch": [(0, 8820, 15)], "a stretch in every block": [(first, 1, 15) for first in range(8820)]}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_chunk_full_of_gain_control_is_decoded_in_time(kind: str) -> None:
    """The chunk has ten seconds, and this takes a fraction of one."""
    y = rumble(8820 * GAIN_BLOCK)
    start = time.process_time()
    got = shelved(y, HOSTILE[kind])
    assert time.process_time() - start < 3
    wanted = [
        slow_shelf(y[:, first * GAIN_BLOCK : (first + blocks) * GAIN_BLOCK], blocks, exponent)
        for first, blocks, exponent in HOSTILE[kind]
    ]
    np.testing.assert_allclose(got, np.concatenate(wanted, 1), atol=2e-6)


# Streams


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.integers(300, 90_000), min_size=1, max_size=4),
    st.lists(st.integers(300, 90_000), min_size=1, max_size=4),
    st.lists(st.integers(3000, 250_000), max_size=5),
    st.integers(1, 260_000),
)
def test_the_inverse_removes_the_gain_whatever_the_blocks(
    sizes: list[int], inverse_sizes: list[int], onsets: list[int], samples: int
) -> None:
    x = hits(*onsets, samples=samples)
    got, stretches = controlled(x, sizes)
    whole, same = controlled(x, [samples])
    assert got.shape == x.shape
    assert np.array_equal(got, whole) and np.array_equal(stretches, same)
    back = shelved(got, stretches.tolist(), inverse_sizes)
    np.testing.assert_allclose(back, x, atol=1e-6)


def test_listed_stretches_are_amplified_and_nothing_else_is() -> None:
    x = hits(30_000, 150_000, samples=3 * SIZE)
    got, stretches = controlled(x, [65_536])
    assert len(stretches) == 2 and (stretches[:, 2] == MAX_EXPONENT).all()
    assert (stretches[:, :2].sum(1) * GAIN_BLOCK).tolist() == [30_000, 150_000]
    for first, blocks, exponent in stretches.tolist():
        own = slice(first * GAIN_BLOCK, (first + blocks) * GAIN_BLOCK)
        np.testing.assert_allclose(slow_shelf(got[:, own], blocks, exponent), x[:, own], atol=1e-6)
        loudest = got[:, own.stop - 4 * GAIN_BLOCK : own.stop - GAIN_BLOCK]
        assert 20 < np.sqrt((loudest**2).mean()) / 3e-4 < 32
        got[:, own] = x[:, own]
    assert np.array_equal(got, x)


@pytest.mark.parametrize("onset", [50_000, SIZE + 300, SIZE + 3000])
def test_onsets_in_the_upper_octaves_are_found_under_loud_bass(onset: int) -> None:
    """The whole band rises by less than a decibel, and the bass takes about one of the gain's 18 or more.

    Also where a segment begins, whose first differences take in the samples before it.
    """
    bass = tone(60, 3 * SIZE, 0.7)
    x = bass + hits(onset, samples=3 * SIZE) * np.float32(0.1)
    before, after = x[0, onset - 735 : onset], x[0, onset : onset + 735]  # a period of the bass each
    assert 10 * np.log10((after**2).mean() / (before**2).mean()) < 1
    got, stretches = controlled(x, [30_000])
    (first, blocks, exponent), *others = stretches.tolist()
    assert all(sum(other[:2]) >= 3 * SEGMENT_BLOCKS - 1 for other in others)  # the bass ends abruptly
    assert first + blocks == onset // GAIN_BLOCK and exponent >= 6
    assert blocks == min(LOOKBACK, first + blocks - onset // SIZE * SEGMENT_BLOCKS)
    assert np.abs(got[:, : onset - 50]).max() < 1.25 * np.abs(bass).max()


@pytest.mark.parametrize("offset", range(GAIN_BLOCK))
def test_a_stretch_ends_with_the_block_before_that_of_the_onset(offset: int) -> None:
    """Wherever in its block the onset lies: not a block earlier, nor one later, which would amplify the onset."""
    onsets = [20_000 + offset, SIZE + 40_000 + offset]
    _, stretches = controlled(hits(*onsets, samples=2 * SIZE), [12_345])
    ends = [onset // GAIN_BLOCK for onset in onsets]
    assert stretches.tolist() == [[end - LOOKBACK, LOOKBACK, MAX_EXPONENT] for end in ends]


def test_segments_are_searched_as_parts_of_the_whole() -> None:
    onsets = [*range(20_000, 4 * SIZE, 9_731), *(number * SIZE + 300 for number in (1, 2, 3))]
    x = tone(60, 4 * SIZE, 0.7) + hits(*onsets, samples=4 * SIZE) * np.float32(0.2)
    _, stretches = controlled(x, [12_345])
    power = onset_powers(np.pad(x, ((0, 0), (BEFORE, LOOKAHEAD * GAIN_BLOCK))))
    wanted: list[tuple[int, int, int]] = []
    for first in range(0, 4 * SEGMENT_BLOCKS, SEGMENT_BLOCKS):
        found = find_stretches(power[first : first + SEGMENT_BLOCKS + LOOKAHEAD])
        wanted += [(first + block, blocks, exponent) for block, blocks, exponent in found]
    assert len(wanted) > 30
    assert [tuple(stretch) for stretch in stretches.tolist()] == wanted


@pytest.mark.parametrize("huge", [1e30, 3e38, np.inf, np.nan])
def test_samples_that_are_too_large_pass_and_what_precedes_them_is_amplified(huge: float) -> None:
    x = hits(samples=SIZE)
    x[:, 40_000:40_050] = huge
    got, stretches = controlled(x, [10_000])
    ((first, blocks, exponent),) = stretches.tolist()
    assert (first + blocks, blocks, exponent) == (40_000 // GAIN_BLOCK, LOOKBACK, MAX_EXPONENT)
    own = slice(first * GAIN_BLOCK, (first + blocks) * GAIN_BLOCK)
    assert np.isfinite(got[:, own]).all() and np.abs(got[:, own]).max() > 5 * np.abs(x[:, own]).max()
    got[:, own] = x[:, own]
    assert np.array_equal(got, x, equal_nan=True)


def test_a_stream_without_onsets_passes_unchanged() -> None:
    x = np.random.default_rng(0).standard_normal((2, SIZE + 7)).astype(np.float32) * 0.1
    got, stretches = controlled(x, [5000])
    assert np.array_equal(got, x) and stretches.shape == (0, 3)
    empty = GainControl()
    assert empty.finish().shape == (2, 0)
    assert empty.within(0, 5).shape == (0, 3)


@pytest.mark.parametrize(
    "onset", [SIZE - 50, SIZE - 25, SIZE, SIZE + 10, SIZE + 49, SIZE + 50, SIZE + 60, SIZE + 225, SIZE + 250]
)
def test_stretches_never_leave_a_segment(onset: int) -> None:
    _, stretches = controlled(hits(onset, samples=2 * SIZE), [40_000])
    for first, blocks, _ in stretches.tolist():
        assert first // SEGMENT_BLOCKS == (first + blocks - 1) // SEGMENT_BLOCKS
    # There is none before an onset in a segment's second to fifth block.
    assert len(stretches) == (onset < SIZE + GAIN_BLOCK or onset >= SIZE + MIN_BLOCKS * GAIN_BLOCK)


def test_stretches_are_asked_for_one_chunk_after_another() -> None:
    x = hits(*(number * SIZE + 40_000 for number in range(5)), samples=5 * SIZE)
    _, every = controlled(x, [SIZE])
    control = GainControl()
    control.push(x)
    control.finish()
    parts = {first: control.within(first, first + 2) for first in (0, 2, 4)}
    assert [len(part) for part in parts.values()] == [2, 2, 1]
    moved = [gain_control.shifted(part, first) for first, part in parts.items()]
    assert np.array_equal(np.concatenate(moved), every)


def test_a_decoded_stream_may_begin_before_the_song_and_end_inside_a_stretch() -> None:
    y = rumble(1300)
    wanted = slow_shelf(np.pad(y[:, 500:], ((0, 0), (0, 200))), 20, 8)[:, :800]
    got = shelved(y, [(10, 20, 8)])
    assert np.array_equal(got[:, :500], y[:, :500])
    np.testing.assert_allclose(got[:, 500:], wanted, atol=1e-6)
    before = InverseGainControl(-700)  # a song's first block begins half a window before it
    before.add(0, np.array([[10, 20, 8]], np.int64))
    early = before.apply(np.concatenate([rumble(700, seed=1), y], 1))
    assert np.array_equal(early, np.concatenate([rumble(700, seed=1), got], 1))


def test_stretches_of_later_chunks_are_counted_from_their_beginning() -> None:
    y = rumble(3 * SIZE)
    inverse = InverseGainControl(0)
    inverse.add(0, np.array([[1760, 4, 9]], np.int64))
    inverse.add(SIZE, np.array([[0, 7, 3], [7, 70, 10]], np.int64))
    wanted = shelved(y, [(1760, 4, 9), (1764, 7, 3), (1771, 70, 10)])
    assert np.array_equal(inverse.apply(y.copy()), wanted) and not np.array_equal(wanted, y)


# Through whole files


def listed(data: bytes) -> list[tuple[int, int, int]]:
    """Stretches of a whole file, in blocks from its start."""
    reader, found = Reader(BytesIO(data)), []
    model = models.by_id(reader.header.bitstream)
    for chunk in reader:
        for first, *stretch in unpack(reader.header, chunk, model).side_info.gain_control.tolist():
            found.append((chunk.first_frame * HOP // GAIN_BLOCK + first, *stretch))
    return found


def integers(data: bytes) -> list[Array]:
    """Hyper latents, quantization indices and rotation angles of a whole file."""
    reader = Reader(BytesIO(data))
    model = models.by_id(reader.header.bitstream)
    chunks = [unpack(reader.header, chunk, model) for chunk in reader]
    parts = ([part.hyper, part.indices, part.side_info.rotation] for part in chunks)
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


SECOND = SAMPLE_RATE
ONSETS = (30_000, 2 * SECOND - 40, 2 * SECOND + 300, 4 * SECOND, 5 * SECOND, 10 * SECOND + 25, 11 * SECOND, 12_000)


@pytest.fixture(scope="module")
def sound() -> Array:
    """13.5 s of hits out of faint noise, some of them at the ends of segments and chunks."""
    mid, side = hits(*ONSETS, samples=13 * SECOND + 22_050, seed=3)
    return np.stack([mid + side, mid - side]).clip(-1, 1) * np.float32(0.9)


@pytest.fixture(scope="module")
def files(tiny: SimpleNamespace, sound: Array) -> dict[int, bytes]:
    """The sound in chunks of one, two and five segments."""
    return {count: encoded(sound, latent=64, gain=40, chunk_frames=count * SEGMENT) for count in (1, 2, 5)}


def test_chunks_of_any_length_list_the_same_stretches(files: dict[int, bytes]) -> None:
    wanted = listed(files[5])
    assert len(wanted) >= 6
    for count in (1, 2):
        assert listed(files[count]) == wanted
        for got, array in zip(integers(files[count]), integers(files[5]), strict=True):
            assert np.array_equal(got, array)
    whole = decoded(files[5])
    for count in (1, 2):
        np.testing.assert_allclose(decoded(files[count]), whole, atol=1e-5)


@pytest.mark.parametrize("coder", ["range", "zstd"])
def test_stretches_do_not_depend_on_bitrate_and_coder(tiny: SimpleNamespace, sound: Array, coder: str) -> None:
    x = sound[:, : 5 * SECOND]
    by_latent = encoded(x, latent=64, coder=coder)
    assert listed(encoded(x, bitrate=24.0, coder=coder)) == listed(by_latent) != []


@pytest.mark.parametrize("start", [0.6, 1.99, 2.0, 2.001, 4.0, 9.99, 10.0, 11.0])
def test_a_seek_among_onsets_is_a_slice_of_the_whole(files: dict[int, bytes], start: float) -> None:
    for count in (1, 5):
        whole = decoded(files[count])
        low = round(start * SECOND)
        for duration in (0.02, 2.5):
            got = decoded(files[count], start=start, duration=duration)
            wanted = whole[:, low : low + round(duration * SECOND)]
            np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_peeling_keeps_the_stretches(files: dict[int, bytes]) -> None:
    out = BytesIO()
    peel(BytesIO(files[1]), out, 32)
    assert listed(out.getvalue()) == listed(files[1])


@pytest.mark.parametrize("number", range(7))
def test_chunks_far_from_a_damaged_one_decode_as_before(files: dict[int, bytes], number: int) -> None:
    data, whole = bytearray(files[1]), decoded(files[1])
    data[Reader(BytesIO(files[1])).offsets[number] + 40] ^= 4
    got = decoded(bytes(data), salvage=True)
    assert got.shape == whole.shape
    low, high = (number * SIZE - 9 * HOP, (number + 1) * SIZE + 9 * HOP)  # the decoder's receptive field
    far = np.ones(whole.shape[1], bool)
    far[max(0, low) : high] = False
    np.testing.assert_array_equal(got[:, far], whole[:, far])
    assert not got[:, number * SIZE : (number + 1) * SIZE - HOP].any()


def test_mono_and_another_rate(tiny: SimpleNamespace, sound: Array) -> None:
    x = sound[:1, : 5 * SECOND]
    data = encoded(x, rate=48_000, latent=64, gain=40, chunk_frames=SEGMENT)
    assert listed(data)
    whole = decoded(data)
    assert whole.shape == x.shape
    np.testing.assert_allclose(decoded(data, start=2.0), whole[:, 96_000:], atol=1e-5)


def test_gain_control_lowers_the_pre_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the shipped model: energy in the 10 ms before hits out of quiet noise, with and without the tool.

    In decibels, of all frequencies and of those from 4 kHz on. The tool spares the bass, whose noise is left.
    """
    monkeypatch.delenv("AEZ_MODELS", raising=False)
    onsets = [20_000, 50_030, 77_700, 110_000]
    mid, side = hits(*onsets, samples=3 * SECOND)
    x = np.stack([mid + side, mid - side]).clip(-1, 1)
    before = {}
    for jump in (PEAK_JUMP, 1e9):
        monkeypatch.setattr(gain_control, "PEAK_JUMP", jump)
        y = decoded(encoded(x, model="music", latent=128, device="cpu"), device="cpu")
        parts = np.stack([y[:, onset - 490 : onset - 50] for onset in onsets]) * np.hanning(440)
        power = (np.abs(np.fft.rfft(parts)) ** 2).mean((0, 1))
        before[jump] = 10 * np.log10([power.sum(), power[40:].sum()])
    everywhere, high = before[1e9] - before[PEAK_JUMP]
    assert everywhere > 15
    assert high > 18
