"""The layout of an .aez file, declared once: every size, offset and byte order of the format is here.

    header | metadata | chunk | chunk | ... | trailer

All integers are little-endian. Every checksum behind the header continues the header's, so that parts of other files
are noticed. SPEC.md describes the same bytes for people who write a reader in another language. The construct
declarations stay private to `formats`; callers get the dataclasses below.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import google_crc32c
from construct import (  # type: ignore[attr-defined, unused-ignore]
    Array,
    Bytes,
    Const,
    Int8ul,
    Int16sl,
    Int16ul,
    Int32ul,
    Int64ul,
    Struct,
)

from formats import grid
from formats.errors import DamagedError, ForeignError, FormatError, UsageError, VersionError
from formats.grid import (
    COEFFICIENTS,
    GAIN_LIMIT,
    HOP,
    HYPER_PER_FRAME,
    MAX_CHUNK,
    SAMPLE_RATE,
    SEGMENT,
    frame_count,
)

# As PNG's: a high bit that 7-bit channels lose, a CR LF and a LF that text conversion breaks, a DOS end of file.
MAGIC = b"\x89AEZ\r\n\x1a\n"
VERSION = 1
"""The version of the format that is written and read."""

# 0xf5 never occurs in UTF-8 text. The last letters differ in three bits, so that no single flipped bit makes a trailer
# of a chunk.
CHUNK_SYNC = b"\xf5AZC"
TRAILER_SYNC = b"\xf5AZT"
END = b"ZEA\x1a"

UNKNOWN = 2**64 - 1
"""Sample count in the header of a file whose length was not known when it was begun; the trailer has the true one."""

RATES = range(100, 1_000_001)
"""Sample rates in Hz that a header may name; the limits bound the work that resampling can cost a reader."""

CRC = Int32ul

HEADER = Struct(
    "magic" / Const(MAGIC),
    "version" / Int16ul,
    "flags" / Int16ul,
    "sample_rate" / Int32ul,
    "samples" / Int64ul,
    "bitstream" / Bytes(8),
    "latent" / Int16ul,
    "hop" / Int16ul,
    "chunk_frames" / Int16ul,
    "gain" / Int16sl,
    "channels" / Int8ul,
    "coder" / Int8ul,
    "encoder_version" / Array(3, Int8ul),
    "file_id" / Int32ul,
)

METADATA = Struct(
    "tags_length" / Int32ul,
    "pictures_length" / Int32ul,
)

PICTURE = Struct(
    "length" / Int32ul,
    "type" / Int8ul,
    "mime_length" / Int8ul,
    "description_length" / Int16ul,
)

CHUNK = Struct(
    "sync" / Const(CHUNK_SYNC),
    "index" / Int32ul,
    "first_frame" / Int32ul,
    "frames" / Int16ul,
    "length" / Int32ul,
)

TRAILER = Struct(
    "sync" / Const(TRAILER_SYNC),
    "chunks" / Int32ul,
    "frames" / Int32ul,
    "samples" / Int64ul,
)

FOOTER = Struct(
    "trailer_length" / Int32ul,
    "end" / Const(END),
)

CRC_SIZE = CRC.sizeof()
LENGTH_SIZE = Int32ul.sizeof()
HEADER_SIZE = HEADER.sizeof() + CRC_SIZE
METADATA_SIZE = METADATA.sizeof()
PICTURE_SIZE = PICTURE.sizeof()
CHUNK_SIZE = CHUNK.sizeof() + CRC_SIZE
TRAILER_SIZE = TRAILER.sizeof()
FOOTER_SIZE = FOOTER.sizeof()


class Coder(IntEnum):
    """How the payloads of a file are coded."""

    ZSTD = 1
    RANGE = 2


@dataclass(frozen=True)
class Header:
    """What a reader must know before the first chunk.

    Attributes:
        sample_rate: Hz of the source, 100 to 1,000,000.
        channels: channels of the source, 1 or 2.
        samples: samples per channel of the source; None if they were not known when the header was written.
        latent: latents per frame, 16 to 1416.
        hop: samples per frame at 44.1 kHz: 700.
        chunk_frames: frames of the longest chunks, 126 to 2520 in whole segments of 126. The first chunk has 126, and
            each of the next twice as many as the one before, up to this; the last one may have fewer.
        gain: -512 to 512; d = 2**(-gain / 32) scales every quantizer step.
        coder: coder of the payloads.
        bitstream: 8-byte id of the tables that the payloads are coded with; see `formats.model`.
        encoder_version: "major.minor.patch", each 0 to 255.
        file_id: 32 bits, a number that is likely to differ from file to file.
        flags: 16 bits, none of which is defined.
    """

    sample_rate: int
    channels: int
    samples: int | None
    latent: int
    hop: int
    chunk_frames: int
    gain: int
    coder: Coder
    bitstream: bytes
    encoder_version: str
    file_id: int = 0
    flags: int = 0

    @property
    def payload_limit(self) -> int:
        """Most bytes of a payload of this file: four for each of its integers, and room for side information."""
        return 4 * self.chunk_frames * self.latent + 4096

    def chunk_start(self, index: int) -> int:
        """First frame of a chunk."""
        return grid.chunk_start(index, self.chunk_frames)

    def chunk_length(self, index: int) -> int:
        """Frames of a chunk that is not the last one."""
        return grid.chunk_length(index, self.chunk_frames)

    def chunk_at(self, frame: int) -> int:
        """Index of the chunk that holds a frame."""
        return grid.chunk_at(frame, self.chunk_frames)

    def chunk_count(self, frames: int) -> int:
        """Chunks of a file of `frames` frames."""
        return grid.chunk_count(frames, self.chunk_frames)

    def frames_for(self, samples: int) -> int:
        """Frames of a song of `samples` samples at the source's rate, which is resampled to 44.1 kHz first."""
        return frame_count((2 * samples * SAMPLE_RATE + self.sample_rate) // (2 * self.sample_rate))


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


class Trailer(NamedTuple):
    """Totals, and the length of every payload in bytes, from which the offsets of all chunks follow."""

    frames: int
    samples: int
    lengths: tuple[int, ...]

    @property
    def span(self) -> int:
        """Bytes from the first chunk to the trailer."""
        return sum(self.lengths) + CHUNK_SIZE * len(self.lengths)


def crc32c(*parts: bytes, start: int = 0) -> int:
    """CRC-32C (Castagnoli, as in iSCSI, RFC 3720) of the parts in a row, continuing the checksum `start`."""
    crc = start
    for part in parts:
        crc = google_crc32c.extend(crc, part)
    return int(crc)


def seal(data: bytes, start: int = 0) -> bytes:
    """Append to bytes their checksum, which continues the checksum `start`."""
    return data + CRC.build(crc32c(data, start=start))


def is_sealed(data: bytes, start: int = 0) -> bool:
    """Whether the last four bytes are the checksum of the others, continuing the checksum `start`."""
    return stored_crc(data) == crc32c(data[:-CRC_SIZE], start=start)


def stored_crc(data: bytes) -> int:
    """The checksum in the last four bytes; that of a header is continued by those of all other parts."""
    return int(CRC.parse(data[-CRC_SIZE:]))


def header_fault(header: Header) -> str | None:
    """What is wrong with a header, in words; None where nothing is."""
    rules = (
        (header.sample_rate in RATES, f"a sample rate of {header.sample_rate} Hz"),
        (header.channels in (1, 2), f"{header.channels} channels"),
        (header.samples is None or 0 <= header.samples < UNKNOWN, f"{header.samples} samples"),
        (HYPER_PER_FRAME <= header.latent <= HYPER_PER_FRAME + COEFFICIENTS, f"{header.latent} latents per frame"),
        (header.hop == HOP, f"a hop of {header.hop} samples"),
        (
            0 < header.chunk_frames <= MAX_CHUNK and header.chunk_frames % SEGMENT == 0,
            f"chunks of {header.chunk_frames} frames",
        ),
        (abs(header.gain) <= GAIN_LIMIT, f"a gain of {header.gain}"),
        (len(header.bitstream) == 8, f"a bitstream id of {len(header.bitstream)} bytes"),
        (0 <= header.file_id < 2**32, f"a file id of {header.file_id:#x}"),
        (0 <= header.flags < 2**16, f"flags {header.flags:#x}"),
    )
    return next((f"an .aez file cannot have {words}" for good, words in rules if not good), None)


_PLAIN_FIELDS = (
    "flags", "sample_rate", "bitstream", "latent", "hop", "chunk_frames", "gain", "channels", "file_id",
)  # fmt: skip
"""Header fields that the file stores without conversion."""


def pack_header(header: Header) -> bytes:
    """Bytes of a header.

    Raises:
        UsageError: a field is out of its range.
    """
    fault = header_fault(header)
    if fault:
        raise UsageError(fault)
    numbers = [int(part) for part in header.encoder_version.split(".") if re.fullmatch("[0-9]{1,3}", part)]
    if header.encoder_version != ".".join(map(str, numbers)) or len(numbers) != 3 or max(numbers) > 255:
        raise UsageError(f"an encoder version is three numbers up to 255, not {header.encoder_version!r}")
    fields = {name: getattr(header, name) for name in _PLAIN_FIELDS}
    fields |= {"version": VERSION, "coder": int(header.coder), "encoder_version": numbers}
    fields["samples"] = UNKNOWN if header.samples is None else header.samples
    return seal(HEADER.build(fields))


def unpack_header(data: bytes) -> Header:
    """Header from the first `HEADER_SIZE` bytes of a file, or from all of them if it has fewer.

    Raises:
        ForeignError: this is not an .aez file; VersionError: it has a newer format; DamagedError: the checksum does not
        match, or the header is cut.
    """
    if not data or data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise ForeignError("this is not an .aez file")
    start = len(MAGIC) + Int16ul.sizeof()
    if len(data) >= start:
        version = Int16ul.parse(data[len(MAGIC) : start])
        if version > VERSION:
            raise VersionError(
                f"the file has format version {version}, this aez reads {VERSION}: a newer aez is needed"
            )
        if version == 0:
            raise FormatError("the file has format version 0, which does not exist")
    if len(data) < HEADER_SIZE:
        raise DamagedError("the file ends in its header")
    if not is_sealed(data):
        raise DamagedError("the header is damaged: its checksum does not match, and nothing can be read without it")
    fields = HEADER.parse(data)
    try:
        coder = Coder(fields.coder)
    except ValueError:
        raise VersionError(f"the file is coded by coder {fields.coder}: a newer aez is needed") from None
    header = Header(
        **{name: fields[name] for name in _PLAIN_FIELDS},
        samples=None if fields.samples == UNKNOWN else fields.samples,
        coder=coder,
        encoder_version=".".join(map(str, fields.encoder_version)),
    )
    fault = header_fault(header)
    if fault:
        raise FormatError(fault)
    return header


def pack_chunk_head(chunk: Chunk, header_crc: int) -> bytes:
    """The bytes before a chunk's payload; their checksum covers both and continues the header's."""
    numbers = {"index": chunk.index, "first_frame": chunk.first_frame, "frames": chunk.frames}
    head = CHUNK.build(numbers | {"length": len(chunk.payload)})
    return head + CRC.build(crc32c(head, chunk.payload, start=header_crc))


def unpack_chunk_head(data: bytes) -> ChunkHead:
    """Head from `CHUNK_SIZE` bytes that begin with the sync word; its numbers are checked by `chunk_fault`."""
    fields = CHUNK.parse(data)
    return ChunkHead(fields.index, fields.first_frame, fields.frames, fields.length, stored_crc(data[:CHUNK_SIZE]))


def chunk_fault(header: Header, index: int, first_frame: int, frames: int, length: int) -> str | None:
    """What is wrong with a chunk's numbers, in words; None where nothing is."""
    if first_frame != header.chunk_start(index):
        return f"it begins at frame {first_frame}"
    if not 0 < frames <= header.chunk_length(index):
        return f"it has {frames} frames"
    if not 0 <= length <= header.payload_limit:
        return f"it has {length} bytes"
    return None


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
