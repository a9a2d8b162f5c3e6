"""Small files made of plain text instead of music, and ways to open, damage and read them."""

import io
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any, BinaryIO

import google_crc32c

from formats import Chunk, Coder, Header, Metadata, Picture, Reader, Writer
from formats.container.checksum import stored_crc
from formats.container.chunk import pack_chunk_head
from formats.container.header import pack_header
from formats.container.layout import HEADER_SIZE
from formats.container.metadata import pack_metadata
from formats.container.trailer import Trailer, pack_trailer
from formats.errors import FormatError

HEADER = Header(
    sample_rate=48_000,
    channels=2,
    samples=97_000,
    latent=128,
    hop=700,
    chunk_frames=126,
    gain=-5,
    coder=Coder.RANGE,
    bitstream=bytes(range(8)),
    encoder_version="1.0.0",
    file_id=0x12345678,
)
METADATA = Metadata({"TITLE": ("Ode",), "ARTIST": ("Zoë", "Max")}, (Picture(b"\xff\xd8\xff", "image/jpeg", 3, "é"),))
CHUNKS = [Chunk(0, 0, 126, b"first payload"), Chunk(1, 126, 3, b"last")]
GOLDEN = bytes.fromhex(
    """
    89 41 45 5a 0d 0a 1a 0a 01 00 00 00 80 bb 00 00 e8 7a 01 00 00 00 00 00 00 01 02 03 04 05 06 07
    80 00 bc 02 7e 00 fb ff 02 02 01 00 00 78 56 34 12 79 48 ec 11 32 00 00 00 17 00 00 00 28 b5 2f
    fd 20 29 49 01 00 7b 22 54 49 54 4c 45 22 3a 5b 22 4f 64 65 22 5d 2c 22 41 52 54 49 53 54 22 3a
    5b 22 5a 6f c3 ab 22 2c 22 4d 61 78 22 5d 7d b7 48 74 b6 03 00 00 00 03 0a 02 00 69 6d 61 67 65
    2f 6a 70 65 67 c3 a9 ff d8 ff 21 d8 20 cc f5 41 5a 43 00 00 00 00 00 00 00 00 7e 00 0d 00 00 00
    82 17 f4 bd 66 69 72 73 74 20 70 61 79 6c 6f 61 64 f5 41 5a 43 01 00 00 00 7e 00 00 00 03 00 04
    00 00 00 64 30 37 7f 6c 61 73 74 f5 41 5a 54 02 00 00 00 81 00 00 00 e8 7a 01 00 00 00 00 00 0d
    00 00 00 04 00 00 00 f4 6a c9 df 20 00 00 00 5a 45 41 1a
    """
)


class Pipe(io.RawIOBase):
    """Reads or takes a few bytes at a time, cannot seek, and counts what it was asked for."""

    def __init__(self, data: bytes = b"", step: int = 7) -> None:
        self.inner, self.step, self.most = io.BytesIO(data), step, 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "an unbounded read"
        self.most = max(self.most, size)
        return self.inner.read(min(size, self.step))

    def write(self, data: Any) -> int:
        return self.inner.write(bytes(data[: self.step]))


OPENERS: dict[str, Callable[[bytes], BinaryIO]] = {"file": io.BytesIO, "pipe": Pipe}  # type: ignore[dict-item]


def samples_for(frames: int, header: Header = HEADER) -> int:
    """A number of samples that takes this many frames."""
    if frames < 2:
        return 0
    samples = (frames - 1) * 700 * header.sample_rate // 44_100
    assert header.frames_for(samples) == frames
    return samples


def song(payloads: list[bytes], last: int = 126, frames: int = 126) -> list[Chunk]:
    """Chunks of these payloads, `frames` frames each and `last` in the last one."""
    whole = [Chunk(index, index * frames, frames, data) for index, data in enumerate(payloads)]
    return [*whole[:-1], replace(whole[-1], frames=last)] if whole else []


def pack(
    header: Header = HEADER, metadata: Metadata = METADATA, chunks: list[Chunk] = CHUNKS, samples: int | None = None
) -> bytes:
    """A file of these chunks, of `samples` samples or as many as fit."""
    out = io.BytesIO()
    writer = Writer(out, header, metadata)
    for chunk in chunks:
        writer.write(chunk)
    if samples is None:
        samples = samples_for(writer.frames, header) if header.samples is None else header.samples
    writer.finish(samples)
    assert writer.coded_size == len(out.getvalue())
    assert (writer.chunk_count, writer.frames) == (len(chunks), sum(chunk.frames for chunk in chunks))
    return out.getvalue()


def assembled(header: Header, chunks: list[Chunk], frames: int, samples: int, metadata: Metadata = METADATA) -> bytes:
    """A file whose checksums are right and whose totals are what the caller says, right or wrong."""
    head = pack_header(header)
    crc = stored_crc(head)
    body = b"".join(pack_chunk_head(chunk, crc) + chunk.payload for chunk in chunks)
    trailer = Trailer(frames, samples, tuple(len(chunk.payload) for chunk in chunks))
    return head + pack_metadata(metadata, crc) + body + pack_trailer(trailer, crc)


def sealed(data: bytes, header: bytes = b"") -> bytes:
    """A part of a file with its checksum, which continues that of the header's bytes; no header: it is one itself."""
    return data + struct.pack("<I", google_crc32c.value(header[: HEADER_SIZE - 4] + data))


def metadata_block(stored: bytes, pictures: bytes, header: bytes) -> bytes:
    """A metadata block of tags as they are stored and of pictures with their heads, whose checksums are right."""
    lengths = struct.pack("<II", len(stored), len(pictures))
    return sealed(lengths + stored, header) + sealed(pictures, header)


def patched(offset: int, data: bytes, whole: bytes = GOLDEN, crc_of: tuple[int, int] | None = None) -> bytes:
    """The file with some bytes replaced and, where a span is named, the checksum behind the span made right."""
    raw = bytearray(whole)
    raw[offset : offset + len(data)] = data
    if crc_of:
        start, end = crc_of
        raw[start : end + 4] = sealed(bytes(raw[start:end]), whole if start else b"")
    return bytes(raw)


def outcome(opener: Callable[[bytes], BinaryIO], data: bytes) -> tuple[list[Chunk], str | FormatError]:
    """The chunks that iterating gave, and how it ended."""
    chunks: list[Chunk] = []
    try:
        reader = Reader(opener(data))
        chunks.extend(reader)  # keeps what came before an error
        return chunks, "whole" if reader.complete else "cut"
    except FormatError as error:
        assert "\n" not in str(error)
        return chunks, error


def salvaged(opener: Callable[[bytes], BinaryIO], data: bytes) -> tuple[list[Chunk], list[FormatError]]:
    """The chunks that `salvage` gave, and what it said was lost."""
    lost: list[FormatError] = []
    return list(Reader(opener(data)).salvage(lost.append)), lost


PAYLOADS = [bytes([65 + i]) * (20 + i) for i in range(6)]
SIX = song(PAYLOADS, last=50)
LONG = pack(replace(HEADER, samples=None), chunks=SIX)
