"""Gain control: onsets are found where they are, and the gain is applied and removed to the sample in any blocks."""

from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codec.dsp import gain_control
from codec.dsp.gain_control import (
    LOOKAHEAD,
    LOOKBACK,
    MAX_EXPONENT,
    MIN_BLOCKS,
    ONSET_JUMP,
    PEAK_JUMP,
    SEGMENT_BLOCKS,
    GainControl,
    InverseGainControl,
    find_stretches,
    gain_exponents,
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


def controlled(x: Array, sizes: list[int]) -> tuple[Array, NDArray[np.int64]]:
    """The stream pushed in blocks of these sizes, over and over: all samples, and the stretches of all segments."""
    control, parts, position = GainControl(), [], 0
    while position < x.shape[1]:
        size = sizes[len(parts) % len(sizes)]
        parts.append(control.push(x[:, position : position + size]))
        position += size
    parts.append(control.finish())
    return np.concatenate(parts, 1), control.within(0, -(-x.shape[1] // SIZE))


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
    for seed in range(20):
        noise = np.random.default_rng(seed).standard_normal((SEGMENT_BLOCKS + LOOKAHEAD, GAIN_BLOCK)) * 0.1
        assert find_stretches((noise**2).mean(1)) == []
    assert find_stretches(powers((500, QUIET - 40))) == []  # a sound that ends is no onset


def test_digital_silence_is_not_amplified() -> None:
    power = powers((600, LOUD))
    power[:600] = 0
    assert find_stretches(power) == []
    power[:600] = 10 ** ((gain_control.SILENCE_FLOOR - 1) / 10)
    assert find_stretches(power) == []
    power[:600] = 10 ** ((gain_control.SILENCE_FLOOR + 1) / 10)
    assert len(find_stretches(power)) == 1


@pytest.mark.parametrize(("jump", "exponent"), [(17.5, 0), (18.2, 3), (24.0, 3), (24.2, 4), (60, 4)])
def test_the_exponent_follows_from_the_jump(jump: float, exponent: int) -> None:
    found = find_stretches(powers((600, QUIET + jump)))
    assert [stretch[2] for stretch in found] == [exponent] * (exponent > 0)


def test_a_crescendo_is_no_onset() -> None:
    """It grows by five decibels a block, which is less than ONSET_JUMP, though by 50 in all."""
    crescendo = [(600 + i, QUIET + (ONSET_JUMP - 1) * (i + 1)) for i in range(10)]
    assert find_stretches(powers(*crescendo)) == []


def test_an_onset_may_take_a_few_blocks_to_its_peak() -> None:
    first, peak = QUIET + ONSET_JUMP + 3, QUIET + PEAK_JUMP + 7
    assert find_stretches(powers((600, first), (600 + LOOKAHEAD - 1, peak))) == [(600 - LOOKBACK, LOOKBACK, 4)]
    assert find_stretches(powers((600, first), (600 + LOOKAHEAD, peak))) == []


def test_the_stretch_has_the_largest_product_of_exponent_and_length() -> None:
    power = powers((600, LOUD))
    power[588] = 10 ** (LOUD / 10)
    assert find_stretches(power)[-1] == (589, 11, MAX_EXPONENT)
    power = powers((600, QUIET + 24.5))
    power[:590] = 10 ** ((QUIET + 6) / 10)
    assert find_stretches(power) == [(600 - LOOKBACK, LOOKBACK, 3)]  # 90 blocks by 3 are more than 10 by 4


def test_the_stretches_of_two_onsets_share_no_block() -> None:
    power = powers()
    power[600:603] = power[620:] = 10 ** (LOUD / 10)
    assert find_stretches(power) == [(510, 90, MAX_EXPONENT), (603, 17, MAX_EXPONENT)]
    power = powers()
    power[600:603] = power[607:] = 10 ** (LOUD / 10)
    assert find_stretches(power) == [(510, 90, MAX_EXPONENT)]  # four blocks between them are too few


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.floats(5, 60))
def test_stretches_lie_in_the_segment_one_after_another(seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    decibels = np.repeat(rng.uniform(-60 - spread, 0, 200), rng.integers(1, 30, 200))
    end = 0
    for first, blocks, exponent in find_stretches(10 ** (np.resize(decibels, SEGMENT_BLOCKS + LOOKAHEAD) / 10)):
        assert first >= end and MIN_BLOCKS <= blocks <= LOOKBACK and 3 <= exponent <= MAX_EXPONENT
        end = first + blocks
    assert end <= SEGMENT_BLOCKS


# Applying and removing the gain


@pytest.mark.parametrize("exponent", [1, 3, 4, 7])
@pytest.mark.parametrize("blocks", [1, 2, 3, 5, 6, 30, 60, 61, 62, 90])
def test_the_gain_rises_slowly_and_falls_within_a_block(blocks: int, exponent: int) -> None:
    got = gain_exponents(blocks, exponent)
    count, rise = blocks * GAIN_BLOCK, max(1, min(60, blocks - 1))
    wanted = [exponent * min((i + 0.5) / (50 * rise), (count - i - 0.5) / 50, 1) for i in range(count)]
    assert got.dtype == np.float32 and got.shape == (count,)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)
    assert got[0] == pytest.approx(exponent / (100 * rise)) and got[-1] == pytest.approx(exponent / 100)
    if blocks > 61:
        assert got.max() == exponent


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
    inverse, position = InverseGainControl(0), 0
    back: list[Array] = []
    inverse.add(0, stretches)
    while position < samples:
        size = inverse_sizes[len(back) % len(inverse_sizes)]
        back.append(inverse.apply(got[:, position : position + size].copy()))
        position += size
    np.testing.assert_allclose(np.concatenate(back, 1), x, atol=1e-6)


def test_listed_stretches_are_amplified_and_nothing_else_is() -> None:
    x = hits(30_000, 150_000, samples=3 * SIZE)
    got, stretches = controlled(x, [65_536])
    assert len(stretches) == 2 and (stretches[:, 2] == MAX_EXPONENT).all()
    ends = (stretches[:, 0] + stretches[:, 1]) * GAIN_BLOCK
    assert (np.abs(ends - [30_000, 150_000]) <= GAIN_BLOCK).all()
    gain = np.ones(x.shape[1])
    for first, blocks, exponent in stretches.tolist():
        gain[first * GAIN_BLOCK : (first + blocks) * GAIN_BLOCK] = 2.0 ** gain_exponents(blocks, exponent)
    np.testing.assert_allclose(got, x * gain, rtol=1e-5)
    assert gain.max() == 16


def test_a_stream_without_onsets_passes_unchanged() -> None:
    x = np.random.default_rng(0).standard_normal((2, SIZE + 7)).astype(np.float32) * 0.1
    got, stretches = controlled(x, [5000])
    assert np.array_equal(got, x) and stretches.shape == (0, 3)
    empty = GainControl()
    assert empty.finish().shape == (2, 0)
    assert empty.within(0, 5).shape == (0, 3)


@pytest.mark.parametrize("onset", [SIZE - 50, SIZE - 25, SIZE, SIZE + 10, SIZE + 60, SIZE + 225, SIZE + 250])
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


def test_the_inverse_may_begin_and_end_inside_a_stretch() -> None:
    stretches = np.array([[10, 20, 4]], np.int64)
    whole = InverseGainControl(0)
    whole.add(0, stretches)
    wanted = whole.apply(np.ones((2, 3000), np.float32))
    np.testing.assert_allclose(wanted[0, 500:1500], 2.0 ** -gain_exponents(20, 4), rtol=1e-6)
    assert (wanted[:, :500] == 1).all() and (wanted[:, 1500:] == 1).all()
    late = InverseGainControl(700)
    late.add(0, stretches)
    assert np.array_equal(late.apply(np.ones((2, 300), np.float32)), wanted[:, 700:1000])
    assert np.array_equal(late.apply(np.ones((2, 2000), np.float32)), wanted[:, 1000:3000])
    before = InverseGainControl(-700)  # a song's first block begins half a window before it
    before.add(0, stretches)
    assert np.array_equal(before.apply(np.ones((2, 3700), np.float32))[:, 700:], wanted)


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
    """Through the shipped model: energy in the 10 ms before hits out of quiet noise, with and without the tool."""
    monkeypatch.delenv("AEZ_MODELS", raising=False)
    onsets = [20_000, 50_030, 77_700, 110_000]
    mid, side = hits(*onsets, samples=3 * SECOND)
    x = np.stack([mid + side, mid - side]).clip(-1, 1)
    before = {}
    for jump in (PEAK_JUMP, 1e9):
        monkeypatch.setattr(gain_control, "PEAK_JUMP", jump)
        y = decoded(encoded(x, model="music", latent=128, device="cpu"), device="cpu")
        parts = np.concatenate([y[:, onset - 490 : onset - 50] for onset in onsets], 1)
        before[jump] = 10 * np.log10((parts.astype(float) ** 2).mean())
    assert before[1e9] - before[PEAK_JUMP] > 14
