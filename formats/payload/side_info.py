"""The lists at the head of a payload: digital silence, stretches raised before attacks, turned bands, long blocks.

A few bytes each, as variable-length integers. Payloads of format version 1 have the first one only, those of version 2
have no long blocks, those of version 3 no slow rises; what is empty takes no byte.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formats.errors import DamagedError
from formats.grid import (
    BANDS,
    FAST_RISE,
    GAIN_BLOCK,
    GAIN_EXPONENTS,
    GAIN_RISE,
    HOP,
    ROTATION_ANGLES,
    SEGMENT,
    WINDOW_UNITS,
    segment_count,
)
from formats.payload import bits
from formats.payload.bits import Cursor

SILENCE_LIMIT = 4096
"""Most silent stretches a chunk may list."""

MORE = 1 << 13
"""Added to the number of silent stretches where the lists of attacks and turns follow."""

LONG = 1 << 14
"""Added to the number of silent stretches where the list of long blocks follows."""

SLOW = 1 << 15
"""Added to the number of silent stretches where the listed attacks rise slowly."""

PER_FRAME = HOP // GAIN_BLOCK
"""Blocks of attacks in a frame."""


class SideInfo(NamedTuple):
    """What a chunk lists.

    Attributes:
        silence: int64 [n, 2], stretches (start, length) of digital silence in source samples from the chunk's start.
        attacks: int64 [n, 4], stretches (first block, blocks, level, rise) raised by a factor of 2**level, which they
            reach in `rise` blocks; blocks are of 50 samples and counted from the chunk's start.
        turns: uint8 [S, 24], 0...7 times 22.5 degrees that each band of each segment is turned by; [0, 24]: none is.
        long: bool [S, 7], which units of 18 frames of each segment have long blocks; [0, 7]: none has.
    """

    silence: NDArray[np.int64]
    attacks: NDArray[np.int64]
    turns: NDArray[np.uint8]
    long: NDArray[np.bool_]


NO_ATTACKS = np.zeros((0, 4), np.int64)
NO_TURNS = np.zeros((0, BANDS), np.uint8)
NO_LONG = np.zeros((0, WINDOW_UNITS), np.bool_)


def slow_rise(blocks: int) -> int:
    """Blocks in which a stretch of so many rises, from format version 4 on: all but the one in which it falls."""
    return max(1, min(GAIN_RISE, blocks - 1))


def pack(lists: SideInfo) -> bytes:
    """The bytes that `read` takes; the stretches of a chunk rise slowly all, or none does."""
    more = bool(len(lists.attacks) or lists.turns.any())
    slow = bool((lists.attacks[:, 3] != FAST_RISE).any())
    numbers = [len(lists.silence) + MORE * more + LONG * bool(lists.long.any()) + SLOW * slow]
    end = 0
    for start, length in lists.silence.tolist():
        numbers += [start - end, length]
        end = start + length
    if more:
        numbers.append(len(lists.attacks))
        end = 0
        for start, blocks, level, _ in lists.attacks.tolist():
            numbers += [start - end, blocks * GAIN_EXPONENTS + level]
            end = start + blocks
        flat = lists.turns.T.ravel()  # band by band: a turned instrument stays where it is
        places = np.flatnonzero(flat)
        gaps = np.diff(places, prepend=-1) - 1
        numbers += [len(places), *(gaps * ROTATION_ANGLES + flat[places]).tolist()]
    if lists.long.any():
        numbers += (lists.long @ (1 << np.arange(WINDOW_UNITS))).tolist()
    return bits.varints(numbers)


def read(cursor: Cursor, frames: int) -> SideInfo:
    """The lists of a chunk of `frames` frames.

    Raises:
        DamagedError: they list what lies beyond the chunk, or more than it can hold.
    """
    count = cursor.varint()
    more, long, slow, count = count & MORE, count & LONG, bool(count & SLOW), count & ~(MORE | LONG | SLOW)
    if count > SILENCE_LIMIT:
        raise DamagedError("a chunk lists more silence than a chunk can hold")
    silence = _silence(cursor, count)
    attacks, turns = (_attacks(cursor, frames, slow), _turns(cursor, frames)) if more else (NO_ATTACKS, NO_TURNS)
    return SideInfo(silence, attacks, turns, _long(cursor, frames) if long else NO_LONG)


def _silence(cursor: Cursor, count: int) -> NDArray[np.int64]:
    out, end = np.zeros((count, 2), np.int64), 0
    for row in out:
        row[0] = end + cursor.varint()
        row[1] = cursor.varint()
        end = int(row.sum())
        if end >= 1 << 40:
            raise DamagedError("a chunk lists silence beyond its end")
    return out


def _attacks(cursor: Cursor, frames: int, slow: bool) -> NDArray[np.int64]:
    count = cursor.varint()
    if count > frames * PER_FRAME:
        raise DamagedError("a chunk lists more attacks than a chunk can hold")
    out, end = np.zeros((count, 4), np.int64), 0
    for row in out:
        start = end + cursor.varint()
        blocks, level = divmod(cursor.varint(), GAIN_EXPONENTS)
        end = start + blocks
        if not blocks or not level or end > frames * PER_FRAME:
            raise DamagedError("a chunk lists an attack that it cannot hold")
        row[:] = start, blocks, level, slow_rise(blocks) if slow else FAST_RISE
    return out


def _turns(cursor: Cursor, frames: int) -> NDArray[np.uint8]:
    segments = segment_count(frames)
    flat, count, place = np.zeros(segments * BANDS, np.uint8), cursor.varint(), -1
    if count > len(flat):
        raise DamagedError("a chunk turns more bands than it has")
    for _ in range(count):
        gap, turn = divmod(cursor.varint(), ROTATION_ANGLES)
        place += gap + 1
        if place >= len(flat) or not turn:
            raise DamagedError("a chunk turns a band that it does not have")
        flat[place] = turn
    return np.ascontiguousarray(flat.reshape(BANDS, segments).T)


def _long(cursor: Cursor, frames: int) -> NDArray[np.bool_]:
    masks = np.array([cursor.varint() for _ in range(segment_count(frames))])
    if not masks.any() or masks.max() >> WINDOW_UNITS or masks[frames // SEGMENT :].any():
        raise DamagedError("a chunk has long blocks where it cannot have them")
    return (masks[:, None] >> np.arange(WINDOW_UNITS) & 1).astype(np.bool_)
