"""Attacks out of quiet: found where they are, raised and lowered to the sample, in a segment, whatever the blocks."""

from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codec.dsp import gain_control
from codec.dsp.gain_control import (
    HEIGHT,
    JUMP,
    LOOKAHEAD,
    LOOKBACK,
    LOUDEST,
    SEGMENT_BLOCKS,
    SHORTEST,
    GainControl,
    InverseGainControl,
    find_stretches,
    gain_exponents,
)
from codec.pipeline.payload import unpack
from codec.pipeline.peel import peel
from codec.runtime import models
from formats import Reader
from formats.container.layout import VERSION
from formats.grid import BANDS, FAST_RISE, GAIN_BLOCK, GAIN_RISE, HOP, SAMPLE_RATE, SEGMENT
from formats.payload.side_info import slow_rise
from tests.support.codec import Array, decoded, encoded

SIZE = SEGMENT * HOP
QUIET, LOUD = -70.0, -20.0


def powers(*steps: tuple[int, float]) -> NDArray[np.float64]:
    """Mean squares of a segment's blocks and of LOOKAHEAD more: QUIET, from each step's block on at its decibels."""
    decibels = np.full(SEGMENT_BLOCKS + LOOKAHEAD, QUIET)
    for start, level in steps:
        decibels[start:] = level
    return 10 ** (decibels / 10)


def hits(*onsets: int, samples: int, quiet: float = 3e-4, seed: int = 0) -> Array:
    """Mid and side [2, N]: faint noise, and from every onset on 20 ms of loud noise."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2, samples)) * quiet
    for onset in onsets:
        part = x[:, onset : onset + 882]
        part += rng.uniform(-0.5, 0.5, part.shape)
    return np.asarray(x, np.float32)


def raised(x: Array, cuts: list[int]) -> tuple[Array, NDArray[np.int64], GainControl]:
    """The stream pushed in blocks of these sizes, in turn: all samples, stretches of all segments."""
    raiser, parts, at, number = GainControl(), [], 0, 0
    while at < x.shape[1]:
        parts.append(raiser.push(x[:, at : at + cuts[number % len(cuts)]]))
        at, number = at + cuts[number % len(cuts)], number + 1
    parts.append(raiser.finish())
    return np.concatenate(parts, 1), raiser.within(0, -(-x.shape[1] // SIZE)), raiser


# What is found


@pytest.mark.parametrize("k", [5, 6, 9, 40, 1000, 1763, SEGMENT_BLOCKS])
def test_an_attack_out_of_quiet_is_found_where_it_is(k: int) -> None:
    reach = min(k, LOOKBACK)
    assert find_stretches(powers((k, LOUD))) == [(k - reach, reach, LOUDEST, slow_rise(reach))]


@pytest.mark.parametrize("k", [1, 2, 3, 4, SEGMENT_BLOCKS + 1, SEGMENT_BLOCKS + 3])
def test_there_is_no_room_before_a_segments_first_blocks_and_none_behind_its_end(k: int) -> None:
    assert find_stretches(powers((k, LOUD))) == []


def test_steady_sound_has_no_attack() -> None:
    assert find_stretches(powers()) == find_stretches(powers((0, LOUD))) == find_stretches(np.zeros(SEGMENT_BLOCKS + LOOKAHEAD)) == []
    for seed in range(20):
        noise = np.random.default_rng(seed).standard_normal((SEGMENT_BLOCKS + LOOKAHEAD, GAIN_BLOCK)) * 0.1
        assert find_stretches((noise**2).mean(1)) == []
    assert find_stretches(powers((500, QUIET - 40))) == []  # an end is no attack


def test_digital_silence_is_not_raised() -> None:
    power = powers((600, LOUD))
    power[:600] = 0
    assert find_stretches(power) == []
    power[:600] = 10 ** ((gain_control.SILENT - 1) / 10)
    assert find_stretches(power) == []
    power[:600] = 10 ** ((gain_control.SILENT + 1) / 10)
    assert len(find_stretches(power)) == 1


@pytest.mark.parametrize(("rise", "level"), [(17.5, 0), (18.2, 3), (24.0, 3), (24.2, 4), (60, 4)])
def test_the_height_makes_the_level(rise: float, level: int) -> None:
    assert [stretch[2] for stretch in find_stretches(powers((600, QUIET + rise)))] == [level] * (level > 0)


def test_what_swells_is_no_attack() -> None:
    """Five decibels a block, under JUMP, though it rises by 50."""
    swell = [(600 + i, QUIET + (JUMP - 1) * (i + 1)) for i in range(10)]
    assert find_stretches(powers(*swell)) == []


def test_an_attack_may_take_a_few_blocks_to_its_height() -> None:
    foot, top = QUIET + JUMP + 3, QUIET + HEIGHT + 7
    assert find_stretches(powers((600, foot), (600 + LOOKAHEAD - 1, top))) == [(600 - LOOKBACK, LOOKBACK, 4, GAIN_RISE)]
    assert find_stretches(powers((600, foot), (600 + LOOKAHEAD, top))) == []


def test_louder_blocks_before_an_attack_are_left_out() -> None:
    """The stretch is the one of most decibels times blocks."""
    power = powers((600, LOUD))
    power[588] = 10 ** (LOUD / 10)
    got = find_stretches(power)
    assert got[-1] == (589, 11, LOUDEST, 10)
    power = powers((600, QUIET + 24.5))
    power[:590] = 10 ** ((QUIET + 6) / 10)
    assert find_stretches(power) == [(600 - LOOKBACK, LOOKBACK, 3, GAIN_RISE)]  # 90 blocks by 3 are more than 10 by 4


def test_two_attacks_close_together_share_no_block() -> None:
    power = powers()
    power[600:603] = power[620:] = 10 ** (LOUD / 10)
    assert find_stretches(power) == [(510, 90, LOUDEST, 60), (603, 17, LOUDEST, 16)]
    power = powers()
    power[600:603] = power[607:] = 10 ** (LOUD / 10)
    assert find_stretches(power) == [(510, 90, LOUDEST, 60)]  # four blocks between are too few


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.floats(5, 60))
def test_stretches_lie_in_the_segment_one_after_another(seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    decibels = np.repeat(rng.uniform(-60 - spread, 0, 200), rng.integers(1, 30, 200))
    end = 0
    for start, blocks, level, rise in find_stretches(10 ** (np.resize(decibels, SEGMENT_BLOCKS + LOOKAHEAD) / 10)):
        assert start >= end and SHORTEST <= blocks <= LOOKBACK and 3 <= level <= LOUDEST and rise == slow_rise(blocks)
        end = start + blocks
    assert end <= SEGMENT_BLOCKS


# Raising and lowering


@pytest.mark.parametrize("level", [1, 3, 4, 7])
@pytest.mark.parametrize("rise", [FAST_RISE, 9, GAIN_RISE])
@pytest.mark.parametrize("blocks", [1, 2, 4, 5, 6, 30, 90])
def test_exponents_are_a_rise_and_a_fall(blocks: int, level: int, rise: int) -> None:
    got = gain_exponents(blocks, level, rise)
    count = blocks * GAIN_BLOCK
    wanted = [level * min((i + 0.5) / (50 * rise), (count - i - 0.5) / 50, 1) for i in range(count)]
    assert got.dtype == np.float32 and got.shape == (count,)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)
    assert got[0] == pytest.approx(level / (100 * rise)) and got[-1] == pytest.approx(level / 100)
    if blocks > rise + 1:
        assert got.max() == level


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.integers(300, 90_000), min_size=1, max_size=4),
    st.lists(st.integers(300, 90_000), min_size=1, max_size=4),
    st.lists(st.integers(3000, 250_000), max_size=5),
    st.integers(1, 260_000),
)
def test_lowering_undoes_raising_whatever_the_blocks(
    cuts: list[int], pieces: list[int], onsets: list[int], samples: int
) -> None:
    x = hits(*onsets, samples=samples)
    got, stretches, _ = raised(x, cuts)
    whole, same, _ = raised(x, [samples])
    assert got.shape == x.shape
    assert np.array_equal(got, whole) and np.array_equal(stretches, same)
    lowerer, at = InverseGainControl(0), 0
    back: list[Array] = []
    lowerer.add(0, stretches)
    while at < samples:
        size = pieces[len(back) % len(pieces)]
        back.append(lowerer.apply(got[:, at : at + size].copy()))
        at += size
    np.testing.assert_allclose(np.concatenate(back, 1), x, atol=1e-6)


def test_attacks_are_raised_where_they_are_listed_and_nowhere_else() -> None:
    x = hits(30_000, 150_000, samples=3 * SIZE)
    got, stretches, _ = raised(x, [65_536])
    assert len(stretches) == 2 and (stretches[:, 2] == LOUDEST).all()
    ends = (stretches[:, 0] + stretches[:, 1]) * GAIN_BLOCK
    assert (np.abs(ends - [30_000, 150_000]) <= GAIN_BLOCK).all()
    factor = np.ones(x.shape[1])
    for start, blocks, level, rise in stretches.tolist():
        at = start * GAIN_BLOCK
        factor[at : at + blocks * GAIN_BLOCK] = 2.0 ** gain_exponents(blocks, level, rise)
    np.testing.assert_allclose(got, x * factor, rtol=1e-5)
    assert factor.max() == 16


def test_quiet_streams_pass_unchanged() -> None:
    x = np.random.default_rng(0).standard_normal((2, SIZE + 7)).astype(np.float32) * 0.1
    got, stretches, _ = raised(x, [5000])
    assert np.array_equal(got, x) and stretches.shape == (0, 4)
    empty = GainControl()
    assert empty.finish().shape == (2, 0)
    assert empty.within(0, 5).shape == (0, 4)


@pytest.mark.parametrize("onset", [SIZE - 50, SIZE - 25, SIZE, SIZE + 10, SIZE + 60, SIZE + 225, SIZE + 250])
def test_stretches_never_leave_a_segment(onset: int) -> None:
    x = hits(onset, samples=2 * SIZE)
    _, stretches, _ = raised(x, [40_000])
    for start, blocks, *_ in stretches.tolist():
        assert start // SEGMENT_BLOCKS == (start + blocks - 1) // SEGMENT_BLOCKS
    # None before an attack in a segment's second to fifth block.
    assert len(stretches) == (onset < SIZE + GAIN_BLOCK or onset >= SIZE + SHORTEST * GAIN_BLOCK)


def test_segments_are_asked_for_one_chunk_after_another() -> None:
    onsets = [number * SIZE + 40_000 for number in range(5)]
    x = hits(*onsets, samples=5 * SIZE)
    _, every, _ = raised(x, [SIZE])
    raiser = GainControl()
    raiser.push(x)
    raiser.finish()
    first, second, last = raiser.within(0, 2), raiser.within(2, 4), raiser.within(4, 6)
    assert [len(part) for part in (first, second, last)] == [2, 2, 1]
    moved = [part + np.array([at * SEGMENT_BLOCKS, 0, 0, 0]) for at, part in ((0, first), (2, second), (4, last))]
    assert np.array_equal(np.concatenate(moved), every)


def test_lowering_may_begin_and_end_inside_a_stretch() -> None:
    stretches = np.array([[10, 20, 4, FAST_RISE]], np.int64)
    whole = InverseGainControl(0)
    whole.add(0, stretches)
    wanted = whole.apply(np.ones((2, 3000), np.float32))
    np.testing.assert_allclose(wanted[0, 500:1500], 2.0 ** -gain_exponents(20, 4, FAST_RISE), rtol=1e-6)
    assert (wanted[:, :500] == 1).all() and (wanted[:, 1500:] == 1).all()
    late = InverseGainControl(700)
    late.add(0, stretches)
    assert np.array_equal(late.apply(np.ones((2, 300), np.float32)), wanted[:, 700:1000])
    assert np.array_equal(late.apply(np.ones((2, 2000), np.float32)), wanted[:, 1000:3000])
    before = InverseGainControl(-700)  # the first block of a song begins before it
    before.add(0, stretches)
    assert np.array_equal(before.apply(np.ones((2, 3700), np.float32))[:, 700:], wanted)


# Through whole files


def listed(data: bytes) -> list[tuple[int, int, int, int]]:
    """Stretches of a whole file, in blocks from its start."""
    reader, found = Reader(BytesIO(data)), []
    model = models.by_id(reader.header.model)
    for chunk in reader:
        for start, *stretch in unpack(reader.header, chunk, model).attacks.tolist():
            found.append((chunk.first_frame * HOP // GAIN_BLOCK + start, *stretch))
    return found


def integers(data: bytes) -> list[Array]:
    """Hyper and main latents and turns of a whole file."""
    reader = Reader(BytesIO(data))
    model = models.by_id(reader.header.model)
    parts = [unpack(reader.header, chunk, model) for chunk in reader]
    none = np.zeros((reader.header.chunk_frames // SEGMENT, BANDS), np.uint8)  # what a chunk without turns stands for
    turns = [part.turns if len(part.turns) else none[: -(-len(part.main) // SEGMENT)] for part in parts]
    return [*(np.concatenate([getattr(part, name) for part in parts]) for name in ("hyper", "main")),
            np.concatenate(turns)]  # fmt: skip


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


def test_chunks_of_any_length_list_the_same(files: dict[int, bytes]) -> None:
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
def test_a_bitrate_and_a_coder_keep_the_lists(tiny: SimpleNamespace, sound: Array, coder: str) -> None:
    x = sound[:, : 5 * SECOND]
    plain = encoded(x, latent=64, coder=coder)
    assert listed(encoded(x, bitrate=24.0, coder=coder)) == listed(plain) != []


@pytest.mark.parametrize("start", [0.6, 1.99, 2.0, 2.001, 4.0, 9.99, 10.0, 11.0])
def test_seeking_among_attacks_is_a_slice_of_the_whole(files: dict[int, bytes], start: float) -> None:
    for count in (1, 5):
        whole = decoded(files[count])
        low = round(start * SECOND)
        for duration in (0.02, 2.5):
            got = decoded(files[count], start=start, duration=duration)
            wanted = whole[:, low : low + round(duration * SECOND)]
            np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_peeling_keeps_the_attacks(files: dict[int, bytes]) -> None:
    out = BytesIO()
    peel(BytesIO(files[1]), out, 32)
    assert listed(out.getvalue()) == listed(files[1])


def test_peeling_an_older_file_keeps_its_fast_rises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEZ_MODELS", raising=False)
    data = (Path(__file__).parent / "golden" / "v3-music5-range.aez").read_bytes()
    out = BytesIO()
    peel(BytesIO(data), out, 32)
    assert out.getvalue()[8] == VERSION > data[8] == 3
    assert listed(out.getvalue()) == listed(data) == [(1954, 30, 4, 4), (2439, 30, 3, 4)]


@pytest.mark.parametrize("number", range(7))
def test_what_is_left_of_a_damaged_file_is_lowered_as_before(files: dict[int, bytes], number: int) -> None:
    data, whole = bytearray(files[1]), decoded(files[1])
    data[Reader(BytesIO(files[1])).offsets[number] + 40] ^= 4
    got = decoded(bytes(data), salvage=True)
    assert got.shape == whole.shape
    low, high = (number * SIZE - 9 * HOP, (number + 1) * SIZE + 9 * HOP)  # as far as a lost neighbour is heard
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


def test_less_is_heard_before_an_onset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the shipped model: energy in the 10 ms before hits out of quiet noise, with and without the tool."""
    monkeypatch.delenv("AEZ_MODELS", raising=False)
    onsets = [20_000, 50_030, 77_700, 110_000]
    mid, side = hits(*onsets, samples=3 * SECOND)
    x = np.stack([mid + side, mid - side]).clip(-1, 1)
    before = {}
    for height in (HEIGHT, 1e9):
        monkeypatch.setattr(gain_control, "HEIGHT", height)
        y = decoded(encoded(x, model="music6", latent=128, device="cpu"), device="cpu")
        parts = np.concatenate([y[:, onset - 490 : onset - 50] for onset in onsets], 1)
        before[height] = 10 * np.log10((parts.astype(float) ** 2).mean())
    assert before[1e9] - before[HEIGHT] > 14
