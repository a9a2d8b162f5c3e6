"""Ogg Vorbis, Opus and FLAC: the comments are the second packet of the stream (RFC 3533, RFC 7845)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from codec.audio.headers.ogg import HEAD, Page, page_at
from codec.audio.tags import vorbis
from codec.audio.tags.gather import READ_LIMIT, Gathered
from codec.audio.tags.splice import splice
from formats import Metadata

_CONTINUED = 1
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_LARGEST = 255 * 255
_SKIPPED = 1 << 20
"""Most bytes of junk before the first page."""


@dataclass
class _Headers:
    """The header packets of the first stream, and where the pages that follow the first one end.

    Attributes:
        packets: the comments and, in Vorbis, the setup.
        first: the stream's first page.
        start, end: of the pages of these packets.
        pages: how many those are.
        clean: whether nothing else is on those pages.
    """

    first: Page
    packets: list[bytes]
    start: int
    end: int
    pages: int
    clean: bool


def read_ogg(file: BinaryIO, found: Gathered) -> None:
    """Take the tags of the first audio stream."""
    headers = _headers(file)
    if headers is not None:
        packet = headers.packets[0]
        vorbis.read_comments(packet[_prefix(packet) :], found)


def write_ogg(file: BinaryIO, metadata: Metadata) -> list[str]:
    """Put tags into an Ogg file of one stream, Vorbis or Opus, in place of those that it has -> what was left out."""
    headers = _headers(file)
    if headers is None or not headers.clean:
        return ["all tags, because the file has an unusual layout"]
    left_out: list[str] = []
    old = headers.packets[0]
    prefix = _prefix(old)
    vendor = vorbis.read_comments(old[prefix:], Gathered())
    ending = b"\1" if old.startswith(b"\3vorbis") else b""
    packet = old[:prefix] + vorbis.write_comments(metadata, vendor, left_out, pictures=True) + ending
    pages = _paged([packet, *headers.packets[1:]], headers.first.serial, headers.first.number + 1)
    size = sum(map(len, pages))
    splice(file, headers.start, headers.end, b"".join(pages))
    if len(pages) != headers.pages:
        _renumber(file, headers.start + size, headers.first.serial, len(pages) - headers.pages)
    return left_out


def _prefix(packet: bytes) -> int:
    """Length of what stands before the comments of a packet: in FLAC the head of a metadata block."""
    return 8 if packet.startswith(b"OpusTags") else 7 if packet.startswith(b"\3vorbis") else 4


def _headers(file: BinaryIO) -> _Headers | None:
    """The header packets of the first stream of audio; None if there are none, or they are too long."""
    file.seek(0)
    begin = file.read(_SKIPPED).find(b"OggS")
    if begin < 0:
        return None
    first: Page | None = None
    wanted, parts, packets = 1, [], []  # type: int, list[bytes], list[bytes]
    start, pages, total, clean = 0, 0, 0, True
    for page in _pages(file, begin):
        if first is None:
            file.seek(page.start + HEAD + len(page.table))
            opening = file.read(8)
            if opening.startswith((b"\1vorbis", b"OpusHead", b"\x7fFLAC")):
                first, wanted = page, 2 if opening.startswith(b"\1vorbis") else 1
            elif not page.flags & 2:
                return None
            continue
        if page.serial != first.serial:
            clean = False
            continue
        start, pages = start or page.start, pages + 1
        file.seek(page.start + HEAD + len(page.table))
        for size, ends in _pieces(page):
            total += size
            if total > READ_LIMIT:
                return None
            if len(packets) == wanted:
                clean = False
                break
            parts.append(file.read(size))
            if ends:
                packets.append(b"".join(parts))
                parts = []
        if len(packets) == wanted:
            clean = clean and not parts and first.end == start
            return _Headers(first, packets, start, page.end, pages, clean)
    return None


def _pages(file: BinaryIO, at: int) -> Iterator[Page]:
    def read(position: int, size: int) -> bytes:
        file.seek(position)
        return file.read(size)

    while page := page_at(read, at):
        yield page
        at = page.end


def _pieces(page: Page) -> Iterator[tuple[int, bool]]:
    """Sizes of the packets in a page, or of the pieces of them, with whether each packet ends here."""
    size = 0
    for lacing in page.table:
        size += lacing
        if lacing < 255:
            yield size, True
            size = 0
    if page.table and page.table[-1] == 255:
        yield size, False


def _paged(packets: list[bytes], serial: int, number: int) -> list[bytes]:
    """Pages of these packets, which end with the last of them."""
    lacing, body = bytearray(), b"".join(packets)
    for packet in packets:
        lacing += b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
    pages, at = [], 0
    for first in range(0, len(lacing), 255):
        table = bytes(lacing[first : first + 255])
        size = sum(table)
        is_continued = first > 0 and lacing[first - 1] == 255
        position = 0 if any(lacing_value < 255 for lacing_value in table) else -1
        head = struct.pack(
            "<4sBBqIIIB", b"OggS", 0, _CONTINUED if is_continued else 0, position, serial, number, 0, len(table)
        )
        pages.append(_checked(head + table + body[at : at + size]))
        at, number = at + size, number + 1
    return pages


def _renumber(file: BinaryIO, at: int, serial: int, shift: int) -> None:
    """Add to the numbers of a stream's pages."""
    for page in _pages(file, at):
        if page.serial == serial:
            file.seek(page.start)
            data = bytearray(file.read(page.end - page.start))
            data[18:22] = struct.pack("<I", (page.number + shift) % (1 << 32))
            file.seek(page.start)
            file.write(_checked(bytes(data)))


def _checked(page: bytes) -> bytes:
    """A page with its checksum. Ogg's CRC-32 is zlib's with the bits of all bytes reversed, and without inversions."""
    plain = page[:22] + bytes(4) + page[26:]
    crc = zlib.crc32(plain.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    reversed_crc = crc.to_bytes(4, "little").translate(_REVERSED)
    return plain[:22] + reversed_crc[::-1] + plain[26:]
