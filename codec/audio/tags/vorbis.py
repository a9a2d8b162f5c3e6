"""Vorbis comments, and the pictures of FLAC that also travel in them: as bytes, without the file around them."""

from __future__ import annotations

import base64
import binascii
import struct

from codec.audio.tags.gather import Gathered
from formats import Metadata, Picture

PICTURE_KEY = "METADATA_BLOCK_PICTURE"
MOST_COMMENTS = 100_000


def read_comments(data: bytes, found: Gathered) -> bytes:
    """Take the comments of a block -> the vendor's string. A block that is cut gives what it has."""
    vendor, at = _string(data, 0)
    count = int.from_bytes(data[at : at + 4], "little")
    at += 4
    for _ in range(min(count, MOST_COMMENTS)):
        if at + 4 > len(data):
            break
        comment, at = _string(data, at)
        key, equals, value = comment.partition(b"=")
        name = key.decode("utf-8", "replace")
        if not equals:
            continue
        if name.upper() in (PICTURE_KEY, "COVERART"):
            _embedded(name.upper(), value, found)
        elif name.upper() != "COVERARTMIME":
            found.add(name, value.decode("utf-8", "replace"))
    return vendor


def _embedded(name: str, value: bytes, found: Gathered) -> None:
    try:
        data = base64.b64decode(value)
    except binascii.Error:
        found.left_out.append("a picture that is damaged")
        return
    if name == PICTURE_KEY:
        read_picture(data, found)
    else:
        found.add_picture(data)


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(data[at : at + 4], "little")
    return data[at + 4 : at + 4 + size], at + 4 + size


def write_comments(metadata: Metadata, vendor: bytes, left_out: list[str], *, pictures: bool) -> bytes:
    """The bytes of a block.

    Args:
        metadata: tags by the keys of Vorbis comments, and pictures.
        vendor: the program that made the audio.
        left_out: gets what cannot be written, in words.
        pictures: whether to write pictures as comments, as Ogg has them.
    """
    comments = []
    for key, values in metadata.tags.items():
        if all(0x20 <= ord(letter) <= 0x7D and letter != "=" for letter in key):
            comments += [f"{key}={value}".encode() for value in values]
        else:
            left_out.append(f"the tag {key}, a name that Vorbis comments cannot have")
    if pictures:
        for picture in metadata.pictures:
            comments.append(f"{PICTURE_KEY}=".encode() + base64.b64encode(write_picture(picture)))
    sized = [struct.pack("<I", len(comment)) + comment for comment in comments]
    return struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(sized)) + b"".join(sized)


def read_picture(data: bytes, found: Gathered) -> None:
    """Take a picture from a FLAC block of type PICTURE."""
    try:
        kind, size = struct.unpack_from(">II", data)
        mime = data[8 : 8 + size]
        at = 8 + size
        (size,) = struct.unpack_from(">I", data, at)
        description = data[at + 4 : at + 4 + size]
        at += 4 + size
        (size,) = struct.unpack_from(">I", data, at + 16)
    except struct.error:
        found.left_out.append("a picture that is damaged")
        return
    image = data[at + 20 : at + 20 + size]
    if mime == b"-->":
        found.left_out.append("a link to a picture")
    elif len(image) < size:
        found.left_out.append("a picture that is cut")
    else:
        found.add_picture(image, mime.decode("ascii", "replace"), kind, description.decode("utf-8", "replace"))


def write_picture(picture: Picture) -> bytes:
    """A FLAC block of type PICTURE; width, height and colours are 0, which stands for unknown."""
    mime, description = picture.mime.encode("ascii", "replace"), picture.description.encode()
    head = struct.pack(">II", picture.type, len(mime)) + mime + struct.pack(">I", len(description)) + description
    return head + bytes(16) + struct.pack(">I", len(picture.data)) + picture.data
