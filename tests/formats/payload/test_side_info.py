"""The lists at a payload's head: what is packed is read, older versions' bytes stay, and damage is told."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import formats
from formats.errors import DamagedError
from formats.grid import BANDS, FAST_RISE, GAIN_EXPONENTS, ROTATION_ANGLES, SEGMENT, WINDOW_UNITS
from formats.payload import bits
from formats.payload.bits import Cursor
from formats.payload.side_info import (
    LONG,
    MORE,
    NO_ATTACKS,
    NO_LONG,
    NO_TURNS,
    PER_FRAME,
    SILENCE_LIMIT,
    SLOW,
    SideInfo,
    pack,
    read,
    slow_rise,
)
from tests.support import slow_decoder

NO_SILENCE = np.zeros((0, 2), np.int64)

frame_counts = st.integers(1, 2520)


@st.composite
def silences(draw: st.DrawFn) -> NDArray[np.int64]:
    """Stretches one after another; nothing says that they must not touch."""
    rows, end = [], 0
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 1 << 20)), max_size=8)):
        rows.append((end + gap, length))
        end += gap + length
    return np.array(rows, np.int64).reshape(-1, 2)


@st.composite
def attacks(draw: st.DrawFn, frames: int) -> NDArray[np.int64]:
    """Stretches inside a chunk of `frames` frames."""
    rows, end, room, slow = [], 0, frames * PER_FRAME, draw(st.booleans())
    for _ in range(draw(st.integers(0, 8))):
        if end == room:
            break
        start = draw(st.integers(end, room - 1))
        blocks = draw(st.integers(1, room - start))
        rows.append((start, blocks, draw(st.integers(1, GAIN_EXPONENTS - 1)), slow_rise(blocks) if slow else FAST_RISE))
        end = start + blocks
    return np.array(rows, np.int64).reshape(-1, 4)


@st.composite
def turns(draw: st.DrawFn, frames: int) -> NDArray[np.uint8]:
    """None, none turned, or some turned, up to all of them."""
    segments = -(-frames // SEGMENT)
    share = draw(st.sampled_from([None, 0.0, 0.05, 0.5, 1.0]))
    if share is None:
        return NO_TURNS
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    angles = rng.integers(1, ROTATION_ANGLES, (segments, BANDS))
    return np.asarray(angles * (rng.random(angles.shape) < share), np.uint8)


@st.composite
def longs(draw: st.DrawFn, frames: int) -> NDArray[np.bool_]:
    """None, none long, or some long, up to all units of whole segments."""
    share = draw(st.sampled_from([None, 0.0, 0.05, 0.5, 1.0]))
    if share is None:
        return NO_LONG
    long = np.random.default_rng(draw(st.integers(0, 1000))).random((-(-frames // SEGMENT), WINDOW_UNITS)) < share
    long[frames // SEGMENT :] = False
    return np.asarray(long)


def any_lists(frames: int) -> st.SearchStrategy[SideInfo]:
    return st.builds(SideInfo, silences(), attacks(frames), turns(frames), longs(frames))


@st.composite
def chunks(draw: st.DrawFn) -> tuple[SideInfo, int]:
    frames = draw(frame_counts)
    return draw(any_lists(frames)), frames


def padded(rows: NDArray[Any], frames: int) -> NDArray[Any]:
    """Angles or units of every segment, zeros where none is listed."""
    return rows if len(rows) else np.zeros((-(-frames // SEGMENT), rows.shape[1]), rows.dtype)


def same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.dtype == b.dtype and np.array_equal(a, b)


@settings(deadline=None)
@given(chunks(), st.binary(max_size=5))
def test_what_is_packed_is_read(chunk: tuple[SideInfo, int], behind: bytes) -> None:
    lists, frames = chunk
    cursor = Cursor(pack(lists) + behind)
    got = read(cursor, frames)
    assert cursor.rest() == behind
    assert same(got.silence, lists.silence)
    assert same(got.attacks, lists.attacks)
    assert same(padded(got.turns, frames), padded(lists.turns, frames))
    assert same(padded(got.long, frames), padded(lists.long, frames))
    assert pack(got) == pack(lists)


def test_a_chunk_of_nothing_but_turns_or_attacks() -> None:
    angles = np.zeros((5, BANDS), np.uint8)
    angles[4, 23], angles[0, 0] = 7, 1
    raised = np.array([[0, 6, 4, 5], [6, 5, 3, 4], [8600, 220, 7, 60]], np.int64)
    got = read(Cursor(pack(SideInfo(NO_SILENCE, NO_ATTACKS, angles, NO_LONG))), 630)
    assert np.array_equal(got.turns, angles) and got.attacks.shape == (0, 4)
    got = read(Cursor(pack(SideInfo(NO_SILENCE, raised, NO_TURNS, NO_LONG))), 630)
    assert np.array_equal(got.attacks, raised) and not got.turns.any()


def test_a_chunk_of_nothing_but_long_blocks() -> None:
    """Three bytes of 16384, and a byte a segment."""
    long = np.zeros((6, WINDOW_UNITS), np.bool_)
    long[0, 0] = long[2, 1:3] = long[4] = True
    data = pack(SideInfo(NO_SILENCE, NO_ATTACKS, NO_TURNS, long))
    assert data == bytes([0x80, 0x80, 1, 1, 0, 6, 0, 127, 0])
    got = read(Cursor(data), 700)
    assert same(got.long, long) and not got.turns.any() and got.attacks.shape == (0, 4)


@settings(deadline=None)
@given(silences(), st.integers(0, 5))
def test_silence_alone_is_version_1s_head(silence: NDArray[np.int64], segments: int) -> None:
    numbers, end = [len(silence)], 0
    for start, length in silence.tolist():
        numbers += [start - end, length]
        end = start + length
    wanted = bits.varints(numbers)
    nothing = np.zeros((segments, BANDS), np.uint8), np.zeros((segments, WINDOW_UNITS), np.bool_)
    assert pack(SideInfo(silence, NO_ATTACKS, *nothing)) == wanted
    got = read(Cursor(wanted), 630)
    assert np.array_equal(got.silence, silence)
    assert got.attacks.shape == (0, 4) and got.turns.shape == (0, BANDS) and got.long.shape == (0, WINDOW_UNITS)


def test_bytes_are_as_specified() -> None:
    """The example by hand: one silence, one attack, band 2 of both segments and band 3 of the first turned."""
    angles = np.zeros((2, BANDS), np.uint8)
    angles[:, 2], angles[0, 3] = (5, 6), 1
    lists = SideInfo(np.array([[3, 200]], np.int64), np.array([[10, 30, 4, 4]], np.int64), angles, NO_LONG)
    # 8193 in two bytes; 3, 200; one attack: 10, 30 * 8 + 4; three turns: 4 * 8 + 5, 6, 1.
    rest = bytes([3, 0xC8, 1, 1, 10, 0xF4, 1, 3, 37, 6, 1])
    assert pack(lists) == bytes([0x81, 0x40]) + rest
    long = np.zeros((2, WINDOW_UNITS), np.bool_)
    long[0, [0, 2, 3]] = long[1, 6] = True
    # 8193 + 16384 in three bytes; behind the others 1 + 4 + 8 and 64.
    assert pack(lists._replace(long=long)) == bytes([0x81, 0xC0, 1]) + rest + bytes([13, 64])
    slow = lists._replace(long=long, attacks=np.array([[10, 30, 4, 29]], np.int64))
    # and 32768.
    assert pack(slow) == bytes([0x81, 0xC0, 3]) + rest + bytes([13, 64])
    assert read(Cursor(pack(slow)), 252).attacks.tolist() == [[10, 30, 4, 29]]


def test_memory_of_the_defaults_is_not_shared() -> None:
    """A list that a reader gives may be written to without harm to the next one's."""
    from formats.payload.chunk import Latents

    first, second = (Latents(np.zeros((1, 48), np.int8), np.zeros((3, 16), np.int32), NO_SILENCE) for _ in range(2))
    assert first.attacks is not second.attacks and first.turns is not second.turns and first.long is not second.long


ATTACK, TURN = "a chunk lists an attack that it cannot hold", "a chunk turns a band that it does not have"
BLOCKS = "a chunk has long blocks where it cannot have them"
DAMAGE: dict[str, tuple[list[int], int, str]] = {
    "too much silence": ([SILENCE_LIMIT + 1], 126, "more silence"),
    "too much silence, and more": ([MORE + SILENCE_LIMIT + 1], 126, "more silence"),
    "too much silence, and long blocks": ([LONG + SILENCE_LIMIT + 1], 126, "more silence"),
    "a bit above": ([2 * SLOW], 126, "more silence"),
    "silence too late": ([1, 1 << 40, 5], 126, "silence beyond its end"),
    "too many attacks": ([MORE, 126 * PER_FRAME + 1], 126, "more attacks"),
    "attack past the end": ([MORE, 1, 126 * PER_FRAME - 4, 5 * 8 + 3, 0], 126, ATTACK),
    "second attack past the end": ([MORE, 2, 0, 10 * 8 + 3, 0, 5 * 8 + 3, 0], 1, ATTACK),
    "attack far past the end": ([MORE, 1, 1 << 41, 5 * 8 + 3, 0], 126, ATTACK),
    "attack of no blocks": ([MORE, 1, 40, 3, 0], 126, ATTACK),
    "attack of no level": ([MORE, 1, 40, 5 * 8, 0], 126, ATTACK),
    "too many turns": ([MORE, 0, 2 * BANDS + 1], 127, "turns more bands"),
    "band beyond the last": ([MORE, 0, 1, 24 * 8 + 1], 126, TURN),
    "second band beyond the last": ([MORE, 0, 2, 22 * 8 + 1, 1 * 8 + 1], 126, TURN),
    "band far beyond": ([MORE, 0, 1, (1 << 41) + 1], 126, TURN),
    "turn by nothing": ([MORE, 0, 1, 3 * 8], 126, TURN),
    "no count of attacks": ([MORE], 126, "ends early"),
    "no turns": ([MORE, 0], 126, "ends early"),
    "half an attack": ([MORE, 1, 40], 126, "ends early"),
    "turns that are not there": ([MORE, 0, 2, 9], 126, "ends early"),
    "no unit long": ([LONG, 0, 0], 252, BLOCKS),
    "an eighth unit": ([LONG, 1 << 7], 126, BLOCKS),
    "an eighth unit among others": ([LONG, 3, 255], 252, BLOCKS),
    "a unit far beyond": ([LONG, 1 << 41], 126, BLOCKS),
    "long blocks in a segment that is not whole": ([LONG, 1, 1], 251, BLOCKS),
    "long blocks in the only segment, not whole": ([LONG, 1], 125, BLOCKS),
    "no masks": ([LONG], 126, "ends early"),
    "a mask too few": ([LONG, 127], 127, "ends early"),
    "turns where masks should be": ([MORE + LONG, 0, 0], 126, "ends early"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_told(kind: str) -> None:
    numbers, frames, message = DAMAGE[kind]
    with pytest.raises(DamagedError, match=message):
        read(Cursor(bits.varints(numbers)), frames)


def test_what_lies_at_the_very_end_is_no_damage() -> None:
    got = read(Cursor(bits.varints([MORE, 1, 126 * PER_FRAME - 5, 5 * 8 + 3, 1, 23 * 8 + 7])), 126)
    assert got.attacks.tolist() == [[1759, 5, 3, 4]]
    assert got.turns[0, 23] == 7 and np.count_nonzero(got.turns) == 1
    got = read(Cursor(bits.varints([LONG, 0, 64, 0])), 377)
    assert got.long[1, 6] and np.count_nonzero(got.long) == 1


def test_lists_cut_anywhere_are_damaged() -> None:
    angles = np.full((1, BANDS), 3, np.uint8)
    raised = np.array([[40, 20, 4, 19], [90, 30, 3, 29]], np.int64)
    whole = pack(SideInfo(np.array([[9, 300]], np.int64), raised, angles, np.ones((1, WINDOW_UNITS), np.bool_)))
    for size in range(len(whole)):
        with pytest.raises(DamagedError):
            read(Cursor(whole[:size]), 126)


FLAGS = st.sampled_from([MORE, LONG, MORE + LONG, MORE + SLOW, MORE + LONG + SLOW])


def heads() -> st.SearchStrategy[bytes]:
    """Random bytes behind a head that leads to the lists behind silence."""
    return st.builds(lambda flags, data: bits.varints([flags]) + data, FLAGS, st.binary(max_size=60))


def small(limit: int) -> st.SearchStrategy[bytes]:
    """Small numbers, which get further than bytes do."""
    numbers = st.lists(st.integers(0, limit), max_size=40)
    return st.builds(lambda flags, few: bits.varints([flags, *few]), FLAGS, numbers)


@settings(deadline=None, max_examples=400)
@given(st.one_of(st.binary(max_size=60), heads(), small(12), small(300)), frame_counts)
def test_whatever_the_bytes_only_damage_is_raised(data: bytes, frames: int) -> None:
    try:
        got: Any = read(Cursor(data), frames)
    except DamagedError as error:
        assert "\n" not in str(error)
        return
    starts, blocks, level, rise = got.attacks.T
    assert (np.diff(starts) >= blocks[:-1]).all() and (starts + blocks <= frames * PER_FRAME).all()
    assert ((level > 0) & (level < GAIN_EXPONENTS) & (blocks > 0)).all()
    assert (rise == FAST_RISE).all() or (rise == np.minimum(60, np.maximum(blocks - 1, 1))).all()
    assert (got.turns < ROTATION_ANGLES).all() and got.turns.shape[0] in (0, -(-frames // SEGMENT))
    assert got.long.shape in ((0, WINDOW_UNITS), (-(-frames // SEGMENT), WINDOW_UNITS)) and not got.long[frames // SEGMENT :].any()
    assert got.long.any() == bool(len(got.long))
    again = read(Cursor(pack(got)), frames)
    assert all(np.array_equal(a, b) for a, b in zip(again[:2], got[:2], strict=True))
    assert np.array_equal(padded(again.turns, frames), padded(got.turns, frames))
    assert same(again.long, got.long)


@settings(deadline=None)
@given(data=st.data(), frames=frame_counts)
def test_the_decoder_from_the_specification_reads_the_same(data: st.DataObject, frames: int) -> None:
    wanted = data.draw(any_lists(frames))
    source = slow_decoder.Bytes(pack(wanted))
    silence, raised, turned, long = slow_decoder.read_lists(source, frames)
    assert source.at == len(source.data)
    assert (silence, raised) == (wanted.silence.tolist(), wanted.attacks.tolist())
    assert turned == {(s, b): turn for (s, b), turn in np.ndenumerate(wanted.turns) if turn}
    assert long == {place for place, one in np.ndenumerate(wanted.long) if one}


def test_the_specification_s_example() -> None:
    text = (Path(formats.__file__).parent / "SPEC.md").read_text("utf-8")
    (block,) = re.findall(
        r"```\n(.*?)```", text[text.index("### SideInfo, whole") : text.index("## Test vector")], re.DOTALL
    )
    coded = bytes.fromhex("".join(line.split("|")[0] for line in block.splitlines()))
    angles = np.zeros((3, BANDS), np.uint8)
    angles[:2, 3], angles[2, 20] = 2, 6
    long = np.zeros((3, WINDOW_UNITS), np.bool_)
    long[0, :4] = long[1, 5:] = True
    example = SideInfo(np.array([[1000, 500]]), np.array([[130, 20, 4, 19], [400, 9, 3, 8]]), angles, long)
    assert pack(example) == coded
    got = read(Cursor(coded), 300)
    assert all(np.array_equal(a, b) for a, b in zip(got, example, strict=True))
