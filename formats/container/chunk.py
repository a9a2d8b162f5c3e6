"""A chunk of an .aez file, and the head before its payload."""

from __future__ import annotations

from dataclasses import dataclass

from formats.container.checksum import crc32c, stored_crc
from formats.container.header import Header
from formats.container.layout import CHUNK, CRC


@dataclass(frozen=True)
class Chunk:
    """One chunk: `frames` frames from `first_frame` on, coded as a `payload` that can be decoded by itself."""

    index: int
    first_frame: int
    frames: int
    payload: bytes


@dataclass(frozen=True)
class ChunkHead:
    """The head before a payload: as `Chunk`, with the payload's length in bytes, and the checksum of both."""

    index: int
    first_frame: int
    frames: int
    length: int
    crc: int


def pack_chunk_head(chunk: Chunk, header_crc: int) -> bytes:
    """The bytes before a chunk's payload; their checksum covers both and continues the header's."""
    numbers = {"index": chunk.index, "first_frame": chunk.first_frame, "frames": chunk.frames}
    head = CHUNK.build(numbers | {"length": len(chunk.payload)})
    return head + CRC.build(crc32c(head, chunk.payload, start=header_crc))


def unpack_chunk_head(data: bytes) -> ChunkHead:
    """Head from `CHUNK_SIZE` bytes that begin with the sync word; its numbers are checked by `chunk_fault`."""
    fields = CHUNK.parse(data)
    return ChunkHead(fields.index, fields.first_frame, fields.frames, fields.length, stored_crc(data))


def chunk_fault(header: Header, index: int, first_frame: int, frames: int, length: int) -> str | None:
    """What is wrong with a chunk's numbers, in words; None where nothing is."""
    if first_frame != header.chunk_start(index):
        return f"it begins at frame {first_frame}"
    if not 0 < frames <= header.chunk_length(index):
        return f"it has {frames} frames"
    if not 0 <= length <= header.payload_limit:
        return f"it has {length} bytes"
    return None
