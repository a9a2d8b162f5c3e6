"""Tags and cover art of the source, carried in the file.

The tags are a JSON object of strings, in one zstd frame that states its size; the cover is stored unchanged. Neither
the key nor the value of a tag is empty or contains a NUL, because most other formats cannot hold such tags.
zstandard is loaded only for files that have tags.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from formats.container.layout import CRC_SIZE, METADATA, METADATA_SIZE, is_sealed, seal
from formats.errors import DamagedError, FormatError, UsageError

TAGS_LIMIT = 2**20
"""Bytes of JSON that the tags may take, before compression."""

COVER_LIMIT = 2**24
"""Bytes of the cover."""

COMPRESSION = 19
"""zstd's compression level."""


@dataclass(frozen=True)
class Metadata:
    """Tags by name; the cover's bytes, None where there is none, and its MIME type."""

    tags: dict[str, str] = field(default_factory=dict)
    cover: bytes | None = None
    cover_type: str = ""


def pack_metadata(metadata: Metadata, header_crc: int) -> bytes:
    """Bytes of the metadata block; they do not depend on the order of the tags.

    Raises:
        UsageError: the tags exceed `TAGS_LIMIT` or the cover `COVER_LIMIT`, a key or a value is empty or has a NUL in
        it, or two keys are equal once broken text is replaced.
    """
    tags = _pack_tags(metadata.tags) if metadata.tags else b""
    cover = metadata.cover or b""
    if len(cover) > COVER_LIMIT:
        raise UsageError(f"the cover has {len(cover)} bytes, more than the {COVER_LIMIT} that a file may hold")
    kind = metadata.cover_type.encode("ascii", "replace") if cover else b""
    if len(kind) > 255:
        raise UsageError(f"the cover's type has {len(kind)} letters, more than 255")
    numbers = {"tags_length": len(tags), "cover_length": len(cover), "type_length": len(kind)}
    return seal(METADATA.build(numbers) + kind + tags + cover, header_crc)


def _pack_tags(tags: dict[str, str]) -> bytes:
    """A zstd frame of tags as JSON."""
    # A source's broken text (half a surrogate pair) becomes a question mark: the file is UTF-8.
    text = {_utf8(key): _utf8(value) for key, value in tags.items()}
    if len(text) < len(tags):
        raise UsageError("the keys of two tags are the same once letters that are no text are replaced")
    for key, value in text.items():
        if not key or not value or "\0" in key + value:
            raise UsageError(f"the tag {key!r} cannot be stored: its key or its value is empty or has a NUL in it")
    plain = json.dumps(text, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    if len(plain) > TAGS_LIMIT:
        raise UsageError(f"the tags take {len(plain)} bytes, more than the {TAGS_LIMIT} that a file may hold")
    import zstandard

    return zstandard.ZstdCompressor(level=COMPRESSION, write_checksum=False, write_content_size=True).compress(plain)


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def metadata_rest(head: bytes) -> int:
    """Bytes of the block after its first `METADATA_SIZE`.

    Raises:
        DamagedError: they are more than a file may hold.
    """
    fields = METADATA.parse(head)
    # zstd grows what it cannot shrink by a few bytes only
    if fields.tags_length > TAGS_LIMIT + 4096 or fields.cover_length > COVER_LIMIT:
        raise DamagedError("the metadata block is damaged: it claims more than a file may hold")
    return int(fields.tags_length + fields.cover_length + fields.type_length + CRC_SIZE)


def unpack_metadata(block: bytes, header_crc: int) -> Metadata:
    """Metadata from the whole block.

    Raises:
        DamagedError: the checksum does not match; FormatError: the tags cannot be read.
    """
    if not is_sealed(block, header_crc):
        raise DamagedError("the metadata block is damaged: its checksum does not match")
    fields = METADATA.parse(block)
    start = METADATA_SIZE + fields.type_length
    end = start + fields.tags_length
    tags = unpack_tags(block[start:end]) if fields.tags_length else {}
    kind = block[METADATA_SIZE:start].decode("ascii", "replace")
    return Metadata(tags, block[end:-CRC_SIZE] or None, kind)


def unpack_tags(frame: bytes) -> dict[str, str]:
    """Tags from a zstd frame: values up to their first NUL, without tags whose key or value is then empty.

    Of equal keys the last one counts; a key with a NUL counts as empty. At most `TAGS_LIMIT` bytes are allocated.

    Raises:
        FormatError: the frame is broken, or is not a JSON object of strings.
    """
    import zstandard

    try:
        size = zstandard.get_frame_parameters(frame).content_size
        # An unstated size reads as 2**64 - 1, so it falls here too.
        if size > TAGS_LIMIT:
            raise FormatError(f"the tags claim more than {TAGS_LIMIT} bytes")
        plain = zstandard.ZstdDecompressor().decompress(frame, max_output_size=TAGS_LIMIT, allow_extra_data=False)
        tags = json.loads(plain.decode("utf-8"))
        if isinstance(tags, dict) and all(isinstance(value, str) for value in tags.values()):
            # "\ud800" is legal JSON and no text: found here, not when somebody prints it.
            "".join([*tags, *tags.values()]).encode("utf-8")
            cut = {key: value.partition("\0")[0] for key, value in tags.items() if key and "\0" not in key}
            return {key: value for key, value in cut.items() if value}
    except (zstandard.ZstdError, ValueError, RecursionError) as error:
        raise FormatError(f"the tags cannot be read ({type(error).__name__})") from error
    raise FormatError("the tags are not an object of strings")
