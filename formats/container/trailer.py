"""The trailer of an .aez file: totals, the lengths of all chunks, and behind them the footer by which it is found."""

from __future__ import annotations

import struct
from typing import NamedTuple

from construct import Int32ul

from formats.container.checksum import is_sealed, seal
from formats.container.header import Header
from formats.container.layout import (
    CHUNK_SIZE,
    CRC_SIZE,
    FOOTER,
    FOOTER_SIZE,
    LENGTH_SIZE,
    TRAILER,
    TRAILER_SIZE,
    TRAILER_SYNC,
)
from formats.errors import DamagedError


class Trailer(NamedTuple):
    """Totals, and the length of every payload in bytes, from which the offsets of all chunks follow."""

    frames: int
    samples: int
    lengths: tuple[int, ...]

    @property
    def span(self) -> int:
        """Bytes from the first chunk to the trailer."""
        return sum(self.lengths) + CHUNK_SIZE * len(self.lengths)


def trailer_fault(header: Header, trailer: Trailer) -> str | None:
    """How a trailer contradicts its header or itself, in words; None where it does not."""
    frames, samples, chunks = trailer.frames, trailer.samples, len(trailer.lengths)
    if header.chunk_count(frames) != chunks:
        return f"the trailer counts {frames} frames in {chunks} chunks"
    if header.samples not in (None, samples):
        return f"the header counts {header.samples} samples, the trailer {samples}"
    if frames != header.frames_for(samples):
        return f"the trailer counts {samples} samples in {frames} frames, where {header.frames_for(samples)} belong"
    return None


def pack_trailer(trailer: Trailer, header_crc: int) -> bytes:
    """Bytes of the trailer, whose checksum continues the header's, with its footer."""
    numbers = {"chunks": len(trailer.lengths), "frames": trailer.frames, "samples": trailer.samples}
    body = seal(TRAILER.build(numbers) + struct.pack(f"<{len(trailer.lengths)}I", *trailer.lengths), header_crc)
    return body + FOOTER.build({"trailer_length": len(body)})


def trailer_size(chunks: int) -> int:
    """Bytes of the trailer of a file of `chunks` chunks, footer included."""
    return TRAILER_SIZE + chunks * LENGTH_SIZE + CRC_SIZE + FOOTER_SIZE


def footer_length(footer: bytes) -> int:
    """Bytes of the trailer, as a footer of `FOOTER_SIZE` bytes claims; the number is not checked yet."""
    return int(Int32ul.parse(footer))


def trailer_chunks(data: bytes) -> int:
    """Number of chunks, as the first `TRAILER_SIZE` bytes of a trailer claim; the number is not checked yet."""
    return int(TRAILER.parse(data).chunks)


def unpack_trailer(data: bytes, header_crc: int) -> Trailer:
    """Trailer from exactly its bytes, sync word to end magic; its numbers are checked by `trailer_fault`.

    Raises:
        DamagedError: the checksum does not match, or the footer is wrong.
    """
    body, footer = data[:-FOOTER_SIZE], data[-FOOTER_SIZE:]
    known = len(data) >= trailer_size(0) and data.startswith(TRAILER_SYNC)
    if not known or len(data) != trailer_size(trailer_chunks(data)) or not is_sealed(body, header_crc):
        raise DamagedError("the trailer is damaged: its checksum does not match")
    if footer != FOOTER.build({"trailer_length": len(body)}):
        raise DamagedError("the footer is damaged")
    fields = TRAILER.parse(body)
    lengths = struct.unpack(f"<{fields.chunks}I", body[TRAILER_SIZE:-CRC_SIZE])
    return Trailer(fields.frames, fields.samples, lengths)
