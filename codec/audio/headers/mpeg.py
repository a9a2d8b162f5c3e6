"""mp3: its frames are counted, from header to header, and compared with the count in its Xing or VBRI header.

An hour of audio takes a sixth of a second. Only frames go to libsndfile, because its decoder gives up after some junk,
and frames that cannot be an encoder's are silent, because it makes noise of them and says nothing.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple, Self

import numpy as np

from codec.audio.headers.extent import Extent, Part
from codec.audio.headers.layer3 import impossible_frames
from codec.audio.headers.mapped import STEP, let_go
from codec.clock import counted

RUN = 4
"""Frames in a row that cannot be an accident."""

TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN", b"3DI")
"""First bytes of tags that may lie between and behind frames."""

AT_ONCE = 1 << 13
"""Frames whose side information is looked at at once."""

_LAYER_III = 3

_SYNC = re.compile(rb"\xff(?=[\xe2-\xff])")
_RATES = (44100, 48000, 32000)
_BITRATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates by version (2 for 2.5 as well) and layer."""


@cache
def _frames() -> dict[int, tuple[int, int]]:
    """Length of a frame, and a number for its version, layer and rate, by the second and third byte of its header."""
    found = {}
    for second in range(0xE2, 0x100):
        version = {3: 1, 2: 2, 0: 4}.get(second >> 3 & 3)
        layer = 4 - (second >> 1 & 3)
        if version is None or layer == 4:
            continue
        for third in range(256):
            bits, rate_index, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
            if bits in (0, 15) or rate_index == 3:
                continue
            rate = _RATES[rate_index] // version
            bitrate = 1000 * _BITRATES[min(version, 2), layer][bits - 1]
            if layer == 1:
                length = (12 * bitrate // rate + padding) * 4
            else:
                length = (72 if layer == 3 and version > 1 else 144) * bitrate // rate + padding
            found[second << 8 | third] = length, layer << 24 | rate
    return found


def examine_mpeg(data: Any, begin: int, *, strict: bool = False) -> Extent | None:
    """Examine a file of MPEG audio.

    Args:
        data: the file, as bytes or a memory map.
        begin: where its ID3v2 tag claims to end; nothing depends on that being true.
        strict: whether nearly all of the file must be frames, because nothing else says that it is MPEG audio.

    Returns:
        None if there are no frames (or those of a free bit rate, whose length is not in their headers).
    """
    if not _is_run(data, begin):
        begin = _run(data, 0)
    if begin < 0:
        return None
    walk = _Walk(data, begin)
    if strict and sum(stop - start for start, stop in walk.pieces) < 0.9 * (len(data) - begin):
        return None
    if walk.is_mixed:
        return Extent(lost=walk.lost(), foreign=True)
    found = _by_count(data, walk)
    spans = walk.impossible(data)
    if not spans:
        return found
    damage = f"is damaged: {counted(len(spans), 'frame')} of {walk.count} cannot be decoded"
    return found._replace(links=(tuple(_zeroed(found.links[0], spans)),), lost=found.lost or damage)


def _zeroed(parts: Sequence[Part], spans: Sequence[tuple[int, int]]) -> Iterator[Part]:
    """The same pieces with zeros in place of some bytes, none of which extend beyond a piece."""
    waiting = list(reversed(spans))
    for part in parts:
        if isinstance(part, bytes):
            yield part
            continue
        begin, end = part
        while waiting and waiting[-1][0] < end:
            start, stop = waiting.pop()
            if start >= begin:
                yield begin, start
                yield bytes(stop - start)
                begin = stop
        yield begin, end


def is_free_format(head: bytes) -> bool:
    """Whether a frame of a free bit rate begins with these four bytes."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or head[2] >> 4:
        return False
    return head[1] >> 3 & 3 != 1 and head[1] >> 1 & 3 != 0 and head[2] >> 2 & 3 != 3


def _by_count(data: Any, walk: _Walk) -> Extent:
    """What libsndfile should be given, after a look at the count of frames that the first frame may hold."""
    start = walk.pieces[0][0]
    length = _frames()[data[start + 1] << 8 | data[start + 2]][0]
    first = bytearray(data[start : start + length])
    at, vbri, flags, declared = _Stated.of(first)
    rest: tuple[Part, ...] = ((start + length, walk.pieces[0][1]), *walk.pieces[1:])
    there = walk.count - 1
    if at < 0 and vbri < 0:
        return Extent((walk.pieces,), walk.lost())
    if vbri >= 0:
        return Extent((rest,), walk.lost(declared))
    if not flags & 1:
        return Extent((rest,), walk.lost())
    lost = walk.lost(declared)
    if not lost:
        first[at + 8 : at + 12] = there.to_bytes(4, "big")
    if flags & 2:
        size = sum(stop - begin for begin, stop in walk.pieces)
        first[at + 12 : at + 16] = min(size, 0xFFFFFFFF).to_bytes(4, "big")
    return Extent(((bytes(first), *rest),), lost)


class _Stated(NamedTuple):
    """Where the first frame has a Xing or Info header, and a VBRI header (-1: none), and what they state."""

    xing: int
    vbri: int
    flags: int
    frames: int

    @classmethod
    def of(cls, first: bytes | bytearray) -> Self:
        """Read them; flags are Xing's, and frames are 0 where they are not stated."""
        xing = max(first[:64].find(b"Xing"), first[:64].find(b"Info"))
        vbri = first[:64].find(b"VBRI")
        flags = int.from_bytes(first[xing + 4 : xing + 8], "big") if xing >= 0 else 0
        at = vbri + 14 if vbri >= 0 else xing + 8 if flags & 1 else len(first)
        return cls(xing, vbri, flags, int.from_bytes(first[at : at + 4], "big"))


def stated_seconds(data: bytes) -> float | None:
    """Duration in seconds that the first frame states, as Xing's, LAME's and VBRI headers do; None if it does not.

    Args:
        data: the first frames.
    """
    start = _run(data, 0)
    if start < 0:
        return None
    length, kind = _frames()[data[start + 1] << 8 | data[start + 2]]
    first = data[start : start + length]
    at, _, flags, count = _Stated.of(first)
    samples = count * (576 if first[1] >> 3 & 1 == 0 else 1152)
    lame = at + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    if at >= 0 and first[lame : lame + 4] in (b"LAME", b"Lavf", b"Lavc"):
        trimmed = int.from_bytes(first[lame + 21 : lame + 24], "big")
        samples -= (trimmed >> 12) + (trimmed & 0xFFF)
    return samples / (kind & 0xFFFFFF) if samples > 0 else None


class _Walk:
    """All frames from `begin` on.

    Attributes:
        pieces: where they lie, without what is between them.
        is_mixed: whether their sample rates, layers or versions differ.
        starts, ends: where each begins and ends.
        cut: whether the last one is cut.
        junk: bytes between them that are no tags.
    """

    def __init__(self, data: Any, begin: int) -> None:
        self.pieces: tuple[tuple[int, int], ...] = ()
        self.starts, self.ends = array("q"), array("q")
        self.junk = 0
        self.is_mixed = self.cut = False
        kind = 0
        while begin >= 0:
            stop, kind = self._follow(data, begin, kind)
            self.pieces += ((begin, stop),)
            if self.cut or stop >= len(data):
                return
            begin = _run(data, stop)
            if begin >= 0 and not bytes(data[stop : stop + 16]).startswith(TAGS):
                self.junk += begin - stop

    def _follow(self, data: Any, at: int, kind: int) -> tuple[int, int]:
        """Go from frame to frame -> where they end, and what they are."""
        size, known, passed = len(data), _frames(), at
        while at + 4 <= size and data[at] == 0xFF:
            found = known.get(data[at + 1] << 8 | data[at + 2])
            if found is None:
                break
            if at + found[0] > size:
                self.cut = True
                break
            if found[1] != kind:
                self.is_mixed = self.is_mixed or kind != 0
                kind = found[1]
            self.starts.append(at)
            at += found[0]
            self.ends.append(at)
            if at > passed + STEP:
                let_go(data)
                passed = at
        return at, kind

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.starts)

    def impossible(self, data: Any) -> list[tuple[int, int]]:
        """Where the side information lies of frames that cannot be an encoder's."""
        starts, ends = np.array(self.starts, np.int64), np.array(self.ends, np.int64)
        if not len(starts) or _frames()[data[starts[0] + 1] << 8 | data[starts[0] + 2]][1] >> 24 != _LAYER_III:
            return []
        spans = []
        for at in range(0, len(starts), AT_ONCE):
            spans += impossible_frames(data, starts[at : at + AT_ONCE], ends[at : at + AT_ONCE])
            let_go(data)
        return spans

    def lost(self, declared: int = 0) -> str:
        """What is missing, given the count in the first frame, which some encoders count as well."""
        there = self.count - 1
        if declared > there + 1 or (declared == there + 1 and self.cut):
            return f"is cut: {there} of {declared} frames are there"
        if there <= declared <= there + 1:
            return ""
        if self.junk:
            return f"is damaged: {self.junk} bytes between its frames are no audio"
        return f"is cut in its last frame, after {counted(self.count, 'frame')}" if self.cut else ""


def _run(data: Any, position: int) -> int:
    """Where the next frames in a row begin; -1 if there are none."""
    for match in _SYNC.finditer(data, position):
        if _is_run(data, match.start()):
            return match.start()
    return -1


def _is_run(data: Any, at: int) -> bool:
    """Whether frames in a row begin here: RUN of them, or fewer that end where the file, or a tag, does."""
    known, kind = _frames(), 0
    for index in range(RUN):
        head = bytes(data[at : at + 16])
        if index and (not head or head.startswith(TAGS)):
            return True
        found = known.get(head[1] << 8 | head[2]) if len(head) >= 4 and head[0] == 0xFF else None
        if found is None or kind not in (0, found[1]):
            return False
        at, kind = at + found[0], found[1]
        if at > len(data):
            return index > 0
    return True
