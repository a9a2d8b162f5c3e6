"""flac: tags around the stream, and the number of samples in its header against that of its last frame (RFC 9639)."""

from __future__ import annotations

import mmap
import os
import re
from functools import cache
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from codec.audio.headers.extent import AS_IT_IS, Extent, tags_behind
from codec.audio.headers.mapped import find
from codec.clock import counted

MAGIC = b"fLaC"
"""What a stream begins with."""

TAIL = 1 << 18
"""Bytes at the end of a file among which its last frame and the tags behind it are sought."""

CANDIDATES = 8
"""How many of the last places that look like a frame are tried."""

_SYNC = re.compile(rb"\xff(?=[\xf8\xf9])")


class _Frame(NamedTuple):
    position: int
    end: int
    """Samples of the stream up to the end of this frame."""


@cache
def _crc_table(polynomial: int, bits: int) -> list[int]:
    """What each byte adds to a checksum; made when a flac file is examined, because most sources are none."""
    table = []
    for value in range(256):
        rest = value << (bits - 8)
        for _ in range(8):
            rest = (rest << 1) ^ (polynomial if rest >> (bits - 1) else 0)
        table.append(rest & ((1 << bits) - 1))
    return table


def _crc8(data: bytes) -> int:
    check, table = 0, _crc_table(0x107, 8)
    for byte in data:
        check = table[check ^ byte]
    return check


def _crc16_table() -> list[int]:
    return _crc_table(0x18005, 16)


def examine_flac(file: BinaryIO, data: mmap.mmap, begin: int) -> Extent:
    """Examine a flac file, whose stream begins at `begin`; others follow it where files were joined."""
    begins, at = [begin], _first_frame(data, begin)
    while (at := find(data, MAGIC, at)) >= 0:
        if data[at + 4 : at + 8] in (b"\0\0\0\x22", b"\x80\0\0\x22"):
            begins.append(at)
            at = _first_frame(data, at)
        else:
            at += len(MAGIC)
    pieces = [*pairwise([*begins, len(data)])]
    found = [_examine(file, *piece) for piece in pieces]
    if len(found) == 1:
        return found[0]
    links = tuple(one.links[0] if one.links else (piece,) for one, piece in zip(found, pieces, strict=True))
    return Extent(links, next((one.lost for one in found if one.lost), ""))


def _first_frame(data: mmap.mmap, begin: int) -> int:
    """Where the first frame of a stream lies, behind its metadata, which may hold anything."""
    at, is_last = begin + len(MAGIC), 0
    while at + 4 <= len(data) and not is_last:
        is_last = data[at] & 0x80
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    return at


def _examine(file: BinaryIO, begin: int, limit: int) -> Extent:
    """Examine the stream that lies between two places of a file."""
    file.seek(begin)
    head = bytearray(file.read(42))
    if len(head) < 42 or head[4] & 0x7F:
        return AS_IT_IS
    whole = 0, os.fstat(file.fileno()).st_size
    declared = (head[21] & 15) << 32 | int.from_bytes(head[22:26], "big")
    at = max(begin + 42, limit - TAIL)
    file.seek(at)
    tail = file.read(max(0, limit - at))
    end = tags_behind(tail, limit)
    frames = _frames(tail[: end - at], int.from_bytes(head[8:10], "big"))
    stop, samples, cut = _last_intact(tail, frames, end - at)
    if not frames or samples == 0:
        lost = f"is cut: 0 of {declared} samples are there" if declared else ""
        return Extent((((begin, end),),), lost) if (begin, end) != whole else Extent(lost=lost)
    lost = ""
    if samples < declared:
        lost = f"is cut: {samples} of {declared} samples are there"
    elif cut:
        lost = f"is cut in its last frame, after {counted(samples, 'sample')}"
    if samples == declared and (begin, at + stop) == whole:
        return Extent(lost=lost)
    head[21] = head[21] & 0xF0 | samples >> 32
    head[22:26] = (samples & 0xFFFFFFFF).to_bytes(4, "big")
    return Extent(((bytes(head), (begin + 42, at + stop)),), lost)


def _last_intact(tail: bytes, frames: list[_Frame], end: int) -> tuple[int, int, bool]:
    """Where the last frame that is whole ends, the samples up to there, and whether another one begins behind it."""
    for frame in reversed(frames[-CANDIDATES:]):
        if _crc16(tail[frame.position : end]) == 0:
            return end, frame.end, False  # zeros behind a frame leave its checksum as it is
    for index in range(len(frames) - 1, max(-1, len(frames) - 1 - CANDIDATES), -1):
        frame = frames[index]
        bound = frames[index + 1].position if index + 1 < len(frames) else end
        stop = _crc16_end(tail, frame.position, bound)
        if stop:
            return stop, frame.end, index + 1 < len(frames)
    return end, 0, False


def _frames(tail: bytes, block: int) -> list[_Frame]:
    """Places that look like frames; `block` is the block size of a stream in which all are alike."""
    found = []
    for match in _SYNC.finditer(tail):
        frame = _frame(tail, match.start(), block)
        if frame:
            found.append(frame)
    return found


def _frame(tail: bytes, at: int, block: int) -> _Frame | None:
    head = tail[at : at + 16]
    if len(head) < 6 or head[3] & 1 or head[3] >> 4 > 10:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 15
    if size_code == 0 or rate_code == 15:
        return None
    extra = 0
    while extra < 8 and head[4] << extra & 0x80:
        extra += 1
    if extra in (1, 8):
        return None
    number = head[4] & (0x7F >> extra)
    position = 5
    for byte in head[5 : 4 + max(extra, 1)]:
        number = number << 6 | byte & 0x3F
        position += 1
    wide = {6: 1, 7: 2}.get(size_code, 0)
    samples = int.from_bytes(head[position : position + wide], "big") + 1 if wide else _block_size(size_code)
    position += wide + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if len(head) <= position or _crc8(head[: position + 1]):
        return None
    return _Frame(at, (number if head[1] & 1 else number * block) + samples)


def _block_size(code: int) -> int:
    if code == 1:
        return 192
    return 576 << (code - 2) if code < 6 else 256 << (code - 8)


def _crc16(data: bytes) -> int:
    check, table = 0, _crc16_table()
    for byte in data:
        check = (check << 8 & 0xFFFF) ^ table[check >> 8 ^ byte]
    return check


def _crc16_end(data: bytes, begin: int, bound: int) -> int:
    """The last place at which a frame from `begin` on can end by its checksum; 0 if there is none."""
    check, found, table = 0, 0, _crc16_table()
    for at in range(begin, bound):
        check = (check << 8 & 0xFFFF) ^ table[check >> 8 ^ data[at]]
        if check == 0 and at - begin > 8:
            found = at + 1
            if at + 1 < bound and not any(data[at + 1 : bound]):
                return bound
    return found
