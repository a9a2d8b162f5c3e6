"""The layout of an .aez file, declared once: every size, offset and byte order of the format is here.

    header | metadata | chunk | chunk | ... | trailer

All integers are little-endian. Every checksum behind the header continues the header's, so that parts of other files
are noticed. SPEC.md describes the same bytes for people who write a reader in another language. The construct
declarations stay private to `formats`; callers get the dataclasses of `header`, `chunk`, `trailer` and `metadata`.
"""

from __future__ import annotations

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
