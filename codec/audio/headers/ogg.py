"""Ogg: pages, and streams that follow each other in a chain (RFC 3533)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from codec.audio.headers.extent import AS_IT_IS, Extent

_BEGINS, _ENDS = 2, 4


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
    links: list[_Link] = []
    position, missing, is_cut = max(0, data.find(b"OggS")), 0, False
    while position < len(data):
        page = _page(data, position)
        if page is None:
            following = data.find(b"OggS", position + 1)
            if following < 0:
                is_cut = bytes(data[position : position + 4]) == b"OggS"
                break
            position = following
            continue
        end, flags, serial, number = page
        if flags & _BEGINS and (not links or links[-1].has_data):
            links.append(_Link())
        if not links:
            return AS_IT_IS
        link = links[-1]
        missing += _missing(link, serial, number)
        link.next[serial] = number + 1
        link.has_data = link.has_data or not flags & _BEGINS
        if flags & _ENDS:
            link.ended.add(serial)
        link.add(position, end)
        position = end
    if not links:
        return AS_IT_IS
    whole = len(links) == 1 and links[0].pieces == [(0, len(data))]
    extents = () if whole else tuple(tuple(link.pieces) for link in links)
    return Extent(extents, _lost(links, missing, is_cut))


def _page(data: Any, position: int) -> tuple[int, int, int, int] | None:
    """End, flags, serial number and page number of the page at a position; None if none is there, or it is cut."""
    head = bytes(data[position : position + 27])
    if len(head) < 27 or head[:5] != b"OggS\0":
        return None
    flags, _, serial, number, _, segments = struct.unpack("<BqIIIB", head[5:])
    table = bytes(data[position + 27 : position + 27 + segments])
    end = position + 27 + segments + sum(table)
    return (end, flags, serial, number) if len(table) == segments and end <= len(data) else None


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
