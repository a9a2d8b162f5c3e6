"""FLAC: the metadata blocks VORBIS_COMMENT and PICTURE (RFC 9639)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from codec.audio.tags import vorbis
from codec.audio.tags.gather import Gathered
from codec.audio.tags.splice import splice
from formats import Metadata

_PADDING, _COMMENT, _PICTURE = 1, 4, 6
_LARGEST = (1 << 24) - 1


def read_flac(file: BinaryIO, start: int, found: Gathered) -> None:
    """Take the tags of a FLAC stream that begins at `start`."""
    for kind, at, size in _blocks(file, start):
        if kind in (_COMMENT, _PICTURE):
            file.seek(at)
            data = file.read(size)
            if kind == _COMMENT:
                vorbis.read_comments(data, found)
            else:
                vorbis.read_picture(data, found)


def write_flac(file: BinaryIO, metadata: Metadata) -> list[str]:
    """Put tags into a FLAC file in place of those that it has -> what was left out."""
    left_out: list[str] = []
    kept, vendor, end = [], b"aez", 4
    for kind, at, size in _blocks(file, 0):
        file.seek(at)
        data = file.read(size)
        end = at + size
        if kind == _COMMENT:
            vendor = vorbis.read_comments(data, Gathered()) or vendor
        elif kind not in (_PADDING, _PICTURE):
            kept.append((kind, data))
    comments = vorbis.write_comments(metadata, vendor, left_out, pictures=False)
    if len(comments) > _LARGEST:
        left_out.append(f"all tags, because they take {len(comments)} bytes")
        comments = vorbis.write_comments(Metadata(), vendor, [], pictures=False)
    kept.append((_COMMENT, comments))
    for picture in metadata.pictures:
        block = vorbis.write_picture(picture)
        if len(block) > _LARGEST:
            left_out.append(f"a picture of {len(picture.data)} bytes, more than flac takes")
        else:
            kept.append((_PICTURE, block))
    last = len(kept) - 1
    blocks = [bytes([kind | (0x80 if number == last else 0)]) + len(data).to_bytes(3, "big") + data
              for number, (kind, data) in enumerate(kept)]  # fmt: skip
    splice(file, 4, end, b"".join(blocks))
    return left_out


def _blocks(file: BinaryIO, start: int) -> Iterator[tuple[int, int, int]]:
    """Kind, position and size of the metadata blocks."""
    size = file.seek(0, 2)
    at, last = start + 4, False
    while not last:
        file.seek(at)
        head = file.read(4)
        length = int.from_bytes(head[1:4], "big")
        if len(head) < 4 or at + 4 + length > size:
            return
        last = bool(head[0] & 0x80)
        yield head[0] & 0x7F, at + 4, length
        at += 4 + length
