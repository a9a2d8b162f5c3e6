"""Gain control of streams: the same stretches in any blocks, and nothing else is changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codec.dsp import gain_control
from codec.dsp.gain_control import LENGTHS, LOOKBACK, MAX_EXPONENT, GainControl, InverseGainControl, find_stretches
from codec.dsp.onsets import BEFORE, LOOKAHEAD, SEGMENT_BLOCKS, onset_powers
from formats.grid import GAIN_BLOCK, HOP, SEGMENT
from tests.support.codec import Array
from tests.support.gain_control import hits, rumble, shelved, slow_shelf, tone

SIZE = SEGMENT * HOP


def controlled(x: Array, sizes: list[int]) -> tuple[Array, NDArray[np.int64]]:
    """The stream pushed in blocks of these sizes, over and over: all samples, and the stretches of all segments."""
    control, parts, position = GainControl(), [], 0
    while position < x.shape[1]:
        size = sizes[len(parts) % len(sizes)]
        parts.append(control.push(x[:, position : position + size]))
        position += size
    parts.append(control.finish())
    return np.concatenate(parts, 1), control.within(0, -(-x.shape[1] // SIZE))


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
    """Or a block later where the onset has only the last few samples of its block, while the gain returns to 1."""
    onsets = [20_000 + offset, SIZE + 40_000 + offset]
    _, stretches = controlled(hits(*onsets, samples=2 * SIZE), [12_345])
    assert len(stretches) == 2
    for onset, (first, blocks, exponent) in zip(onsets, stretches.tolist(), strict=True):
        late = first + blocks - onset // GAIN_BLOCK
        assert late == 0 or (late == 1 and offset >= GAIN_BLOCK - 8)
        assert blocks == LOOKBACK and (exponent == MAX_EXPONENT or late == 1)


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
    assert len(stretches) == (onset < SIZE + GAIN_BLOCK or onset >= SIZE + LENGTHS[0] * GAIN_BLOCK)


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
