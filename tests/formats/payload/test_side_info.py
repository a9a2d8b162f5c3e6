"""Side information at a payload's head: what is packed is read, in exactly the specified bytes, and damage is told."""

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
from formats.grid import BANDS, GAIN_EXPONENTS, ROTATION_ANGLES, SEGMENT, WINDOW_UNITS
from formats.payload import bits
from formats.payload.bits import Cursor
from formats.payload.side_info import (
    GAIN_BLOCKS_PER_FRAME,
    GAIN_CONTROL,
    LONG_WINDOWS,
    ROTATION,
    SILENCE,
    SILENCE_END,
    SILENCE_LIMIT,
    SideInfo,
    gain_rise,
    pack,
    read,
)
from tests.support import slow_decoder
from tests.support.payloads import same_side_info

SPEC = (Path(formats.__file__).parent / "SPEC.md").read_text("utf-8")

frame_counts = st.integers(1, 2520)


@st.composite
def silences(draw: st.DrawFn) -> NDArray[np.int64]:
    """Stretches one after another; nothing says that they must not touch."""
    rows, end = [], 0
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(1, 1 << 20)), max_size=8)):
        rows.append((end + gap, length))
        end += gap + length
    return np.array(rows, np.int64).reshape(-1, 2)


@st.composite
def gain_controls(draw: st.DrawFn, frames: int) -> NDArray[np.int64]:
    """Stretches inside a chunk of `frames` frames."""
    rows, end, room = [], 0, frames * GAIN_BLOCKS_PER_FRAME
    for _ in range(draw(st.integers(0, 8))):
        if end == room:
            break
        start = draw(st.integers(end, room - 1))
        blocks = draw(st.integers(1, room - start))
        rows.append((start, blocks, draw(st.integers(1, GAIN_EXPONENTS - 1))))
        end = start + blocks
    return np.array(rows, np.int64).reshape(-1, 3)


@st.composite
def side_infos(draw: st.DrawFn, frames: int) -> SideInfo:
    """Any side information of a chunk of `frames` frames: none of a kind, some of it, or as much as there can be."""
    rng, shares = np.random.default_rng(draw(st.integers(0, 1000))), st.sampled_from([0.0, 0.05, 0.5, 1.0])
    out = SideInfo.empty(frames)
    rotated = rng.random(out.rotation.shape) < draw(shares)
    out.rotation[:] = rotated * rng.integers(1, ROTATION_ANGLES, rotated.shape)
    whole = out.long_windows[: frames // SEGMENT]
    whole[:] = rng.random(whole.shape) < draw(shares)
    return out._replace(silence=draw(silences()), gain_control=draw(gain_controls(frames)))


@st.composite
def chunks(draw: st.DrawFn) -> tuple[SideInfo, int]:
    frames = draw(frame_counts)
    return draw(side_infos(frames)), frames


@settings(deadline=None)
@given(chunks(), st.binary(max_size=5))
def test_what_is_packed_is_read(chunk: tuple[SideInfo, int], behind: bytes) -> None:
    wanted, frames = chunk
    cursor = Cursor(pack(wanted) + behind)
    got = read(cursor, frames)
    assert cursor.rest() == behind
    assert same_side_info(got, wanted)
    assert pack(got) == pack(wanted)


@settings(deadline=None)
@given(data=st.data(), frames=frame_counts)
def test_the_decoder_from_the_specification_reads_the_same(data: st.DataObject, frames: int) -> None:
    wanted = data.draw(side_infos(frames))
    source = slow_decoder.Bytes(pack(wanted))
    got = slow_decoder.read_side_info(source, frames)
    assert source.at == len(source.data)
    assert (got.silence, got.gain_control) == (wanted.silence.tolist(), wanted.gain_control.tolist())
    assert got.rotation == {where: angle for where, angle in np.ndenumerate(wanted.rotation) if angle}
    assert got.long_windows == {where for where, one in np.ndenumerate(wanted.long_windows) if one}


@pytest.mark.parametrize("frames", [0, 1, 126, 127, 2520])
def test_no_side_information_is_one_byte(frames: int) -> None:
    empty = SideInfo.empty(frames)
    segments = -(-frames // SEGMENT)
    assert [array.shape for array in empty] == [(0, 2), (0, 3), (segments, BANDS), (segments, WINDOW_UNITS)]
    assert pack(empty) == b"\0"
    assert same_side_info(read(Cursor(b"\0"), frames), empty)


@settings(deadline=None)
@given(chunks())
def test_each_list_is_there_only_if_its_flag_is_set(chunk: tuple[SideInfo, int]) -> None:
    side_info, frames = chunk
    empty = SideInfo.empty(frames)
    parts = b""
    flags = 0
    for flag, name in ((SILENCE, "silence"), (GAIN_CONTROL, "gain_control"), (ROTATION, "rotation"),
                       (LONG_WINDOWS, "long_windows")):  # fmt: skip
        alone = pack(empty._replace(**{name: getattr(side_info, name)}))
        assert alone[0] in (0, flag)
        assert (len(alone) > 1) == bool(alone[0])
        flags |= alone[0]
        parts += alone[1:]
    assert pack(side_info) == bytes([flags]) + parts


def test_bytes_are_as_specified() -> None:
    """An example by hand: one silence, one stretch of gain control, band 2 of both segments and band 3 rotated."""
    side_info = SideInfo.empty(252)
    side_info.rotation[:, 2], side_info.rotation[0, 3] = (5, 6), 1
    side_info = side_info._replace(silence=np.array([[3, 200]]), gain_control=np.array([[10, 30, 9]]))
    # one silence: 3, 200; one stretch: 10, 30 * 16 + 9; three rotated bands: 4 * 8 + 5, 6, 1
    rest = bytes([1, 3, 0xC8, 1, 1, 10, 0xE9, 3, 3, 37, 6, 1])
    assert pack(side_info) == bytes([7]) + rest
    side_info.long_windows[0, [0, 2, 3]] = side_info.long_windows[1, 6] = True
    assert pack(side_info) == bytes([15]) + rest + bytes([1 + 4 + 8, 64])


def test_long_windows_take_a_byte_per_segment() -> None:
    side_info = SideInfo.empty(700)
    side_info.long_windows[0, 0] = side_info.long_windows[2, 1:3] = side_info.long_windows[4] = True
    assert pack(side_info) == bytes([8, 1, 0, 6, 0, 127, 0])


def test_the_specification_s_example() -> None:
    section = SPEC[SPEC.index("## Side information, whole") : SPEC.index("## Test vector")]
    (block,) = re.findall(r"```\n(.*?)```", section, re.DOTALL)
    coded = bytes.fromhex("".join(line.split("|")[0] for line in block.splitlines()))
    example = SideInfo.empty(300)
    example.rotation[:2, 3], example.rotation[2, 20] = 2, 6
    example.long_windows[0, :4] = example.long_windows[1, 5:] = True
    gain_control = np.array([[130, 20, 8], [400, 9, 6]])
    example = example._replace(silence=np.array([[1000, 500]]), gain_control=gain_control)
    assert pack(example) == coded
    assert same_side_info(read(Cursor(coded), 300), example)


def test_arrays_of_empty_side_information_are_not_shared() -> None:
    first, second = SideInfo.empty(126), SideInfo.empty(126)
    assert not any(np.shares_memory(a, b) for a, b in zip(first, second, strict=True))
    first.rotation[:] = 1
    assert not SideInfo.empty(126).rotation.any()


def test_a_gain_rises_over_all_blocks_but_the_last_and_over_sixty_at_most() -> None:
    assert [gain_rise(blocks) for blocks in (1, 2, 3, 60, 61, 62, 8820)] == [1, 1, 2, 59, 60, 60, 60]


# Damage


GAIN = "a stretch of gain control that it cannot have"
BAND = "a rotated band that it cannot have"
LONG = "long windows where it cannot have them"
DAMAGE: dict[str, tuple[int, list[int], int, str]] = {
    "an unknown flag": (16, [], 126, "unknown kind"),
    "an unknown flag among others": (128 + SILENCE, [1, 5, 5], 126, "unknown kind"),
    "no silence": (SILENCE, [0], 126, "lists 0 silent stretches"),
    "too much silence": (SILENCE, [SILENCE_LIMIT + 1], 126, "lists 4097 silent stretches"),
    "silence of no sample": (SILENCE, [2, 5, 5, 0, 0], 126, "lasts for no sample"),
    "silence too late": (SILENCE, [1, SILENCE_END, 1], 126, "silence beyond its end"),
    "silence far too late": (SILENCE, [1, 1 << 41, 1 << 41], 126, "silence beyond its end"),
    "no gain control": (GAIN_CONTROL, [0], 126, "lists 0 stretches"),
    "too many stretches": (GAIN_CONTROL, [126 * GAIN_BLOCKS_PER_FRAME + 1], 126, "lists 1765 stretches"),
    "a stretch past the end": (GAIN_CONTROL, [1, 126 * GAIN_BLOCKS_PER_FRAME - 4, 5 * 16 + 3], 126, GAIN),
    "a second stretch past the end": (GAIN_CONTROL, [2, 0, 10 * 16 + 3, 0, 5 * 16 + 3], 1, GAIN),
    "a stretch far past the end": (GAIN_CONTROL, [1, 1 << 41, 5 * 16 + 3], 126, GAIN),
    "a stretch of no blocks": (GAIN_CONTROL, [1, 40, 15], 126, GAIN),
    "a stretch of no gain": (GAIN_CONTROL, [1, 40, 5 * 16], 126, GAIN),
    "no rotation": (ROTATION, [0], 126, "lists 0 rotated bands"),
    "too many rotated bands": (ROTATION, [2 * BANDS + 1], 127, "lists 49 rotated bands"),
    "a band beyond the last": (ROTATION, [1, 24 * 8 + 1], 126, BAND),
    "a second band beyond the last": (ROTATION, [2, 22 * 8 + 1, 1 * 8 + 1], 126, BAND),
    "a band far beyond": (ROTATION, [1, (1 << 41) + 1], 126, BAND),
    "rotation by nothing": (ROTATION, [1, 3 * 8], 126, BAND),
    "no count of silence": (SILENCE, [], 126, "ends early"),
    "half a silence": (SILENCE, [1, 40], 126, "ends early"),
    "no count of stretches": (GAIN_CONTROL, [], 126, "ends early"),
    "half a stretch": (GAIN_CONTROL, [1, 40], 126, "ends early"),
    "no rotation after gain control": (GAIN_CONTROL + ROTATION, [1, 40, 5 * 16 + 3], 126, "ends early"),
    "rotated bands that are not there": (ROTATION, [2, 9], 126, "ends early"),
    "no unit long": (LONG_WINDOWS, [0, 0], 252, LONG),
    "an eighth unit": (LONG_WINDOWS, [1 << 7], 126, LONG),
    "an eighth unit among others": (LONG_WINDOWS, [3, 255], 252, LONG),
    "a unit far beyond": (LONG_WINDOWS, [1 << 41], 126, LONG),
    "long windows in a segment that is not whole": (LONG_WINDOWS, [1, 1], 251, LONG),
    "long windows in the only segment, not whole": (LONG_WINDOWS, [1], 125, LONG),
    "no masks": (LONG_WINDOWS, [], 126, "ends early"),
    "a mask too few": (LONG_WINDOWS, [127], 127, "ends early"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_told(kind: str) -> None:
    flags, numbers, frames, message = DAMAGE[kind]
    with pytest.raises(DamagedError, match=message):
        read(Cursor(bytes([flags]) + bits.varints(numbers)), frames)


def test_what_lies_at_the_very_end_is_no_damage() -> None:
    last_blocks = bits.varints([1, 126 * GAIN_BLOCKS_PER_FRAME - 5, 5 * 16 + 15])
    got = read(Cursor(bytes([GAIN_CONTROL + ROTATION]) + last_blocks + bits.varints([1, 23 * 8 + 7])), 126)
    assert got.gain_control.tolist() == [[1759, 5, 15]]
    assert got.rotation[0, 23] == 7 and np.count_nonzero(got.rotation) == 1
    got = read(Cursor(bytes([LONG_WINDOWS]) + bits.varints([0, 64, 0])), 377)
    assert got.long_windows[1, 6] and np.count_nonzero(got.long_windows) == 1
    got = read(Cursor(bytes([SILENCE]) + bits.varints([1, 5, SILENCE_END - 5])), 2520)
    assert got.silence.tolist() == [[5, 40_000_000 - 5]]


def test_side_information_that_is_cut_anywhere_is_damaged() -> None:
    side_info = SideInfo.empty(126)
    side_info.rotation[:] = 3
    side_info.long_windows[:] = True
    gain_control = np.array([[40, 20, 8], [90, 30, 15]], np.int64)
    whole = pack(side_info._replace(silence=np.array([[9, 300]], np.int64), gain_control=gain_control))
    for size in range(len(whole)):
        with pytest.raises(DamagedError):
            read(Cursor(whole[:size]), 126)


FLAGS = st.integers(1, 15)


def flagged(rest: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.builds(lambda flags, data: bytes([flags]) + data, FLAGS, rest)


def small(limit: int) -> st.SearchStrategy[bytes]:
    """Small numbers, which get further than bytes do."""
    return flagged(st.lists(st.integers(0, limit), max_size=40).map(bits.varints))


@settings(deadline=None, max_examples=400)
@given(st.one_of(st.binary(max_size=60), flagged(st.binary(max_size=60)), small(12), small(300)), frame_counts)
def test_whatever_the_bytes_only_damage_is_raised(data: bytes, frames: int) -> None:
    cursor = Cursor(data)
    try:
        got: Any = read(cursor, frames)
    except DamagedError as error:
        assert "\n" not in str(error)
        return
    starts, blocks, exponents = got.gain_control.T
    assert (np.diff(starts) >= blocks[:-1]).all() and (starts + blocks <= frames * GAIN_BLOCKS_PER_FRAME).all()
    assert ((exponents > 0) & (exponents < GAIN_EXPONENTS) & (blocks > 0)).all()
    assert (got.rotation < ROTATION_ANGLES).all() and not got.long_windows[frames // SEGMENT :].any()
    assert [array.shape for array in got[2:]] == [array.shape for array in SideInfo.empty(frames)[2:]]
    # There is one way to write a thing: what was read is written with the same bytes.
    assert pack(got) == data[: len(data) - len(cursor.rest())]
