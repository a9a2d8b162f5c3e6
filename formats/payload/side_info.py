"""Side information at the head of a payload: digital silence, gain control, stereo rotation, long windows.

    flags | silence | gain control | rotation | long windows

A byte of flags says which of the four kinds follow, each as variable-length integers. A kind that a chunk does not have
is left out, so a chunk without side information spends one byte on it. `formats/SPEC.md` ("Side information") has the
details.
"""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formats.container.layout import RATES
from formats.errors import DamagedError
from formats.grid import (
    BANDS,
    GAIN_BLOCK,
    GAIN_EXPONENTS,
    GAIN_RISE,
    HOP,
    MAX_CHUNK,
    ROTATION_ANGLES,
    SAMPLE_RATE,
    SEGMENT,
    WINDOW_UNITS,
    segment_count,
)
from formats.payload import bits
from formats.payload.bits import Cursor

SILENCE, GAIN_CONTROL, ROTATION, LONG_WINDOWS = 1, 2, 4, 8
"""Flags of the kinds of side information, in the order in which they follow."""

SILENCE_LIMIT = 4096
"""Most silent stretches that a chunk may have."""

SILENCE_END = MAX_CHUNK * HOP // SAMPLE_RATE * RATES[-1]
"""Source samples of the longest chunk at the highest sample rate; silence cannot end later."""

GAIN_BLOCKS_PER_FRAME = HOP // GAIN_BLOCK
"""Blocks of gain control in a frame."""


class SideInfo(NamedTuple):
    """The side information of a chunk of F frames and S = ceil(F / 126) segments.

    Attributes:
        silence: int64 [n, 2], stretches (start, length) of digital silence in source samples from the chunk's start.
        gain_control: int64 [n, 3], stretches (first block, blocks, exponent) whose upper octaves were amplified by up
            to 2**(exponent / 2) before coding; blocks have 50 samples and are counted from the chunk's start. See
            `gain_rise`.
        rotation: uint8 [S, 24] in 0...7, angle of each band in each segment, 22.5 degrees apart; 0 is mid and side.
        long_windows: bool [S, 7], which units of 18 frames have long windows; never those of an incomplete segment.
    """

    silence: NDArray[np.int64]
    gain_control: NDArray[np.int64]
    rotation: NDArray[np.uint8]
    long_windows: NDArray[np.bool_]

    @classmethod
    def empty(cls, frames: int) -> "SideInfo":
        """No side information for a chunk of `frames` frames, in new arrays that the caller may write to."""
        segments = segment_count(frames)
        return cls(
            silence=np.zeros((0, 2), np.int64),
            gain_control=np.zeros((0, 3), np.int64),
            rotation=np.zeros((segments, BANDS), np.uint8),
            long_windows=np.zeros((segments, WINDOW_UNITS), np.bool_),
        )


def gain_rise(blocks: int) -> int:
    """Blocks over which the gain of a stretch rises: all but the last one, in which it falls, and at most 60."""
    return max(1, min(GAIN_RISE, blocks - 1))


def pack(side_info: SideInfo) -> bytes:
    """Bytes of side information, as `read` reads them."""
    numbers = {
        SILENCE: list(_silence_numbers(side_info.silence)),
        GAIN_CONTROL: list(_gain_control_numbers(side_info.gain_control)),
        ROTATION: _rotation_numbers(side_info.rotation),
        LONG_WINDOWS: _long_windows_numbers(side_info.long_windows),
    }
    flags = sum(flag for flag, found in numbers.items() if found)
    return bytes([flags]) + bits.varints(list(chain(*numbers.values())))


def read(cursor: Cursor, frames: int) -> SideInfo:
    """The side information of a chunk of `frames` frames.

    Raises:
        DamagedError: a kind is unknown or has no entries, an entry lies outside of the chunk, or the bytes end early.
    """
    (flags,) = cursor.take(1)
    if flags >= 2 * LONG_WINDOWS:
        raise DamagedError("a chunk has side information of an unknown kind")
    side_info = SideInfo.empty(frames)
    if flags & SILENCE:
        side_info = side_info._replace(silence=_read_silence(cursor))
    if flags & GAIN_CONTROL:
        side_info = side_info._replace(gain_control=_read_gain_control(cursor, frames * GAIN_BLOCKS_PER_FRAME))
    if flags & ROTATION:
        side_info = side_info._replace(rotation=_read_rotation(cursor, segment_count(frames)))
    if flags & LONG_WINDOWS:
        side_info = side_info._replace(long_windows=_read_long_windows(cursor, frames))
    return side_info


def _silence_numbers(silence: NDArray[np.int64]) -> Iterator[int]:
    if len(silence):
        yield len(silence)
    end = 0
    for start, length in silence.tolist():
        yield from (start - end, length)
        end = start + length


def _gain_control_numbers(gain_control: NDArray[np.int64]) -> Iterator[int]:
    if len(gain_control):
        yield len(gain_control)
    end = 0
    for start, blocks, exponent in gain_control.tolist():
        yield from (start - end, blocks * GAIN_EXPONENTS + exponent)
        end = start + blocks


def _rotation_numbers(rotation: NDArray[np.uint8]) -> list[int]:
    flat = rotation.T.ravel()  # band by band, because the angle of a band rarely changes from segment to segment
    rotated = np.flatnonzero(flat)
    if not len(rotated):
        return []
    gaps = np.diff(rotated, prepend=-1) - 1
    return [len(rotated), *(gaps * ROTATION_ANGLES + flat[rotated]).tolist()]


def _long_windows_numbers(long_windows: NDArray[np.bool_]) -> list[int]:
    if not long_windows.any():
        return []
    masks: list[int] = (long_windows @ (1 << np.arange(WINDOW_UNITS))).tolist()
    return masks


def _count(cursor: Cursor, most: int, what: str) -> int:
    """The number of entries, `what` in errors, from 1 to `most`."""
    count = cursor.varint()
    if not 0 < count <= most:
        raise DamagedError(f"a chunk lists {count} {what}, which no chunk of its length can have")
    return count


def _read_silence(cursor: Cursor) -> NDArray[np.int64]:
    out, end = np.zeros((_count(cursor, SILENCE_LIMIT, "silent stretches"), 2), np.int64), 0
    for row in out:
        row[0] = end + cursor.varint()
        row[1] = cursor.varint()
        end = int(row.sum())
        if not row[1]:
            raise DamagedError("a chunk lists silence that lasts for no sample")
        if end > SILENCE_END:
            raise DamagedError("a chunk lists silence beyond its end")
    return out


def _read_gain_control(cursor: Cursor, room: int) -> NDArray[np.int64]:
    out, end = np.zeros((_count(cursor, room, "stretches of gain control"), 3), np.int64), 0
    for row in out:
        start = end + cursor.varint()
        blocks, exponent = divmod(cursor.varint(), GAIN_EXPONENTS)
        end = start + blocks
        if not blocks or not exponent or end > room:
            raise DamagedError("a chunk lists a stretch of gain control that it cannot have")
        row[:] = start, blocks, exponent
    return out


def _read_rotation(cursor: Cursor, segments: int) -> NDArray[np.uint8]:
    flat, band = np.zeros(segments * BANDS, np.uint8), -1
    for _ in range(_count(cursor, len(flat), "rotated bands")):
        gap, angle = divmod(cursor.varint(), ROTATION_ANGLES)
        band += gap + 1
        if band >= len(flat) or not angle:
            raise DamagedError("a chunk lists a rotated band that it cannot have")
        flat[band] = angle
    return np.ascontiguousarray(flat.reshape(BANDS, segments).T)


def _read_long_windows(cursor: Cursor, frames: int) -> NDArray[np.bool_]:
    masks = np.array([cursor.varint() for _ in range(segment_count(frames))], np.int64)
    if not masks.any() or masks.max() >> WINDOW_UNITS or masks[frames // SEGMENT :].any():
        raise DamagedError("a chunk has long windows where it cannot have them")
    return (masks[:, None] >> np.arange(WINDOW_UNITS) & 1).astype(np.bool_)
