"""Tags and pictures of the source, carried in the file.

The tags are a JSON object of arrays of strings, in one zstd frame that states its size; pictures are stored unchanged.
Neither the key nor a value of a tag is empty or contains a NUL, because most other formats cannot hold such tags.
zstandard is loaded only for files that have tags.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from formats.container.checksum import is_sealed, seal
from formats.container.layout import CRC_SIZE, METADATA, METADATA_SIZE, PICTURE, PICTURE_SIZE
from formats.errors import DamagedError, FormatError, PicturesError, UsageError

TAGS_LIMIT = 2**20
"""Bytes of JSON that the tags may take, before compression."""

PICTURES_LIMIT = 2**24
"""Bytes of all pictures with their heads."""

MOST_PICTURES = 64
"""Pictures of a file."""

FRONT_COVER = 3
"""Type of the picture that players show."""

LAST_TYPE = 20
"""Types of pictures are 0 to 20, as in ID3v2 and FLAC."""

COMPRESSION = 19
"""zstd's compression level."""


@dataclass(frozen=True)
class Picture:
    """An image file.

    Attributes:
        data: bytes of the image file.
        mime: its MIME type, in ASCII, at most 255 letters; may be empty.
        type: what it shows, 0 to 20 as in ID3v2's APIC and FLAC: 3 front cover, 4 back cover, 0 other.
        description: any text, at most 65,535 bytes of UTF-8.
    """

    data: bytes = field(repr=False)
    mime: str = ""
    type: int = FRONT_COVER
    description: str = ""


@dataclass(frozen=True)
class Metadata:
    """Tags and pictures of a song.

    Attributes:
        tags: values by key, in order; keys as in Vorbis comments, in capital letters.
        pictures: in order.
    """

    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()

    @property
    def cover(self) -> Picture | None:
        """The first front cover, or else the first picture; None if there is none."""
        fronts = (picture for picture in self.pictures if picture.type == FRONT_COVER)
        return next(fronts, next(iter(self.pictures), None))

    def text(self, key: str) -> str:
        """The values of a tag in one line; empty if there is no such tag."""
        return "; ".join(self.tags.get(key, ()))


def pack_metadata(metadata: Metadata, header_crc: int) -> bytes:
    """Bytes of the metadata block.

    Raises:
        UsageError: the tags exceed `TAGS_LIMIT` or the pictures `PICTURES_LIMIT` or `MOST_PICTURES`, a tag has no
        values, a key or a value is empty or has a NUL in it, two keys are equal once broken text is replaced, or a
        field of a picture is out of its range.
    """
    tags = _pack_tags(metadata.tags) if metadata.tags else b""
    pictures = b"".join(pack_picture(picture) for picture in metadata.pictures)
    if len(metadata.pictures) > MOST_PICTURES:
        raise UsageError(f"{len(metadata.pictures)} pictures are more than the {MOST_PICTURES} that a file may hold")
    if len(pictures) > PICTURES_LIMIT:
        raise UsageError(
            f"the pictures take {len(pictures)} bytes, more than the {PICTURES_LIMIT} that a file may hold"
        )
    head = METADATA.build({"tags_length": len(tags), "pictures_length": len(pictures)})
    return seal(head + tags, header_crc) + seal(pictures, header_crc)


def pack_picture(picture: Picture) -> bytes:
    """Bytes of a picture with its head.

    Raises:
        UsageError: it has no bytes, or a field is out of its range.
    """
    return _picture_head(picture) + picture.data


def picture_size(picture: Picture) -> int:
    """Bytes that a picture takes in a file.

    Raises:
        UsageError: as `pack_picture`.
    """
    return len(_picture_head(picture)) + len(picture.data)


def _picture_head(picture: Picture) -> bytes:
    """What stands before the image file.

    Raises:
        UsageError: as `pack_picture`.
    """
    mime = picture.mime.encode("ascii", "replace")
    description = picture.description.encode("utf-8", "replace")
    if not picture.data or picture.type not in range(LAST_TYPE + 1):
        raise UsageError(f"a picture needs bytes and a type from 0 to {LAST_TYPE}")
    if len(mime) > 255 or len(description) > 65_535 or b"\0" in description:
        raise UsageError("a picture's MIME type or description is too long, or has a NUL in it")
    numbers = {"length": len(picture.data), "type": picture.type}
    numbers |= {"mime_length": len(mime), "description_length": len(description)}
    return PICTURE.build(numbers) + mime + description


def _pack_tags(tags: dict[str, tuple[str, ...]]) -> bytes:
    """A zstd frame of tags as JSON."""
    # A source's broken text (half a surrogate pair) becomes a question mark: the file is UTF-8.
    text = {_utf8(key): [_utf8(value) for value in values] for key, values in tags.items()}
    if len(text) < len(tags):
        raise UsageError("the keys of two tags are the same once letters that are no text are replaced")
    for key, values in text.items():
        if not key or not values or not all(values) or "\0" in "".join([key, *values]):
            raise UsageError(f"the tag {key!r} cannot be stored: its key or a value is empty or has a NUL in it")
    plain = tags_as_json(text)
    if len(plain) > TAGS_LIMIT:
        raise UsageError(f"the tags take {len(plain)} bytes, more than the {TAGS_LIMIT} that a file may hold")
    import zstandard

    return zstandard.ZstdCompressor(level=COMPRESSION, write_checksum=False, write_content_size=True).compress(plain)


def tags_as_json(tags: dict[str, list[str]]) -> bytes:
    """Tags as a file has them before compression."""
    return json.dumps(tags, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def metadata_rest(head: bytes) -> int:
    """Bytes of the block after its first `METADATA_SIZE`.

    Raises:
        DamagedError: they are more than a file may hold.
    """
    fields = METADATA.parse(head)
    # zstd grows what it cannot shrink by a few bytes only
    if fields.tags_length > TAGS_LIMIT + 4096 or fields.pictures_length > PICTURES_LIMIT:
        raise DamagedError("the metadata block is damaged: it claims more than a file may hold")
    return int(fields.tags_length + fields.pictures_length + 2 * CRC_SIZE)


def unpack_metadata(block: bytes, header_crc: int) -> Metadata:
    """Metadata from the whole block.

    Raises:
        DamagedError: a checksum does not match, PicturesError if it is that of the pictures alone; FormatError: the
        tags or the pictures cannot be read.
    """
    end = METADATA_SIZE + METADATA.parse(block).tags_length
    pictures = block[end + CRC_SIZE :]
    if not is_sealed(block[: end + CRC_SIZE], header_crc):
        raise DamagedError("the metadata block is damaged: its checksum does not match")
    tags = unpack_tags(block[METADATA_SIZE:end]) if end > METADATA_SIZE else {}
    if not is_sealed(pictures, header_crc):
        raise PicturesError("the metadata block is damaged: the checksum of its pictures does not match", tags)
    return Metadata(tags, tuple(picture for picture in _pictures(pictures[:-CRC_SIZE]) if picture.data))


def _pictures(data: bytes) -> Iterator[Picture]:
    """Pictures that follow one another.

    Raises:
        FormatError: they are too many, or the last one does not end where the bytes do.
    """
    at, count = 0, 0
    while at < len(data):
        count += 1
        if count > MOST_PICTURES or at + PICTURE_SIZE > len(data):
            raise FormatError("the pictures cannot be read")
        fields = PICTURE.parse(data[at : at + PICTURE_SIZE])
        at += PICTURE_SIZE
        mime, description, image = fields.mime_length, fields.description_length, fields.length
        if at + mime + description + image > len(data):
            raise FormatError("the pictures cannot be read")
        text = data[at + mime : at + mime + description].decode("utf-8", "replace").partition("\0")[0]
        kind = fields.type if fields.type <= LAST_TYPE else 0
        start = at + mime + description
        yield Picture(data[start : start + image], data[at : at + mime].decode("ascii", "replace"), kind, text)
        at = start + image


def unpack_tags(frame: bytes) -> dict[str, tuple[str, ...]]:
    """Tags from a zstd frame: values up to their first NUL, without values and tags that are then empty.

    Of equal keys the last one counts; a key with a NUL counts as empty. At most `TAGS_LIMIT` bytes are decompressed.

    Raises:
        FormatError: the frame is broken, or is not a JSON object of arrays of strings.
    """
    import zstandard

    try:
        size = zstandard.get_frame_parameters(frame).content_size
        # An unstated size reads as 2**64 - 1, so it falls here too.
        if size > TAGS_LIMIT:
            raise FormatError(f"the tags claim more than {TAGS_LIMIT} bytes")
        plain = zstandard.ZstdDecompressor().decompress(frame, allow_extra_data=False)
        tags = json.loads(plain.decode("utf-8"))
        if isinstance(tags, dict) and all(_is_strings(values) for values in tags.values()):
            # "\ud800" is legal JSON and no text: found here, not when somebody prints it.
            for key, values in tags.items():
                "".join([key, *values]).encode("utf-8")
            cut = {
                key: tuple(filter(None, (value.partition("\0")[0] for value in values)))
                for key, values in tags.items()
                if key and "\0" not in key
            }
            return {key: values for key, values in cut.items() if values}
    except (zstandard.ZstdError, ValueError, RecursionError) as error:
        raise FormatError(f"the tags cannot be read ({type(error).__name__})") from error
    raise FormatError("the tags are not an object of arrays of strings")


def _is_strings(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
