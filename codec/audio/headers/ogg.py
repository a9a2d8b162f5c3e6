"""Ogg: pages, and streams that follow each other in a chain (RFC 3533)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from codec.audio.headers.extent import AS_IT_IS, Extent
from codec.audio.headers.mapped import STEP, find, let_go

HEAD = 27
"""Bytes of a page before its lacing values."""

_BEGINS, _ENDS = 2, 4


class Page(NamedTuple):
    """A page.

    Attributes:
        start, end: where it lies; that of a file that was cut may end behind the file.
        flags, serial, number: as its head has them.
        table: lacing values.
    """

    start: int
    end: int
    flags: int
    serial: int
    number: int
    table: bytes


@dataclass
class _Link:
    """Streams that lie side by side in the file; mostly one.

    Attributes:
        pieces: where their pages lie.
        next: number of the next page of each stream.
        ended: the streams whose last page was there.
        has_data: whether a page other than the first one of a stream was there.
    """

    pieces: list[tuple[int, int]] = field(default_factory=list)
    next: dict[int, int] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    has_data: bool = False

    def add(self, start: int, end: int) -> None:
        """Take a page."""
        if self.pieces and self.pieces[-1][1] == start:
            self.pieces[-1] = self.pieces[-1][0], end
        else:
            self.pieces.append((start, end))


def examine_ogg(data: Any) -> Extent:
    """Examine an Ogg file, as bytes or a memory map.

    libsndfile reads only the first link of a chain, and gives up where junk lies in front.
    """

    def read(at: int, count: int) -> bytes:
        return bytes(data[at : at + count])

    links: list[_Link] = []
    position, missing, is_cut = max(0, find(data, b"OggS")), 0, False
    passed = position
    while position < len(data):
        if position > passed + STEP:
            let_go(data)
            passed = position
        page = page_at(read, position)
        if page is None or page.end > len(data):
            following = find(data, b"OggS", position + 1)
            if following < 0:
                is_cut = bytes(data[position : position + 4]) == b"OggS"
                break
            position = following
            continue
        if page.flags & _BEGINS and (not links or links[-1].has_data):
            links.append(_Link())
        if not links:
            return AS_IT_IS
        link = links[-1]
        missing += _missing(link, page.serial, page.number)
        link.next[page.serial] = page.number + 1
        link.has_data = link.has_data or not page.flags & _BEGINS
        if page.flags & _ENDS:
            link.ended.add(page.serial)
        link.add(position, page.end)
        position = page.end
    if not links:
        return AS_IT_IS
    whole = len(links) == 1 and links[0].pieces == [(0, len(data))]
    extents = () if whole else tuple(tuple(link.pieces) for link in links)
    return Extent(extents, _lost(links, missing, is_cut))


def page_at(read: Callable[[int, int], bytes], position: int) -> Page | None:
    """The page at a position, which may be cut; None if none is there.

    Args:
        read: gives as many bytes from a position on as it is asked for, or fewer where the file ends.
        position: in the file.
    """
    head = read(position, HEAD)
    if len(head) < HEAD or head[:5] != b"OggS\0":
        return None
    flags, _, serial, number, _, segments = struct.unpack("<BqIIIB", head[5:])
    table = read(position + HEAD, segments)
    return Page(position, position + HEAD + segments + sum(table), flags, serial, number, table)


def _missing(link: _Link, serial: int, number: int) -> int:
    """Pages of a stream that are missing before this one."""
    return max(0, number - link.next.get(serial, number))


def _lost(links: list[_Link], missing: int, is_cut: bool) -> str:
    if missing:
        return f"is damaged: {missing} of its pages {'is' if missing == 1 else 'are'} missing"
    for link in links:
        if link.next and not link.ended:
            return "is cut: its last page is missing"
    return "is cut in its last page" if is_cut else ""
