"""Core Audio files: the chunk of information, texts by their names (Apple Core Audio Format Specification 1.0)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from codec.audio.tags.gather import READ_LIMIT, Gathered
from codec.audio.tags.names import CAF_TEXT, canonical
from codec.audio.tags.splice import splice
from formats import Metadata

_MOST = 10_000
_HEAD, _CHUNK = 8, 12
_NAMES = {key: name for name, key in CAF_TEXT.items()}


def read_caf(file: BinaryIO, found: Gathered) -> None:
    """Take the tags of a Core Audio file."""
    for name, at, size in _chunks(file):
        if name == b"info" and size <= READ_LIMIT:
            file.seek(at)
            texts = file.read(size)[4:].decode("utf-8", "replace").split("\0")
            for key, value in zip(texts[::2], texts[1::2], strict=False):
                if key in ("track number", "track"):
                    found.add_number(("TRACKNUMBER", "TRACKTOTAL"), value)
                elif value not in found.tags.get(known := CAF_TEXT.get(key, canonical(key)), ()):
                    found.add(known, value)


def write_caf(file: BinaryIO, metadata: Metadata, *, ahead: bool = False) -> list[str]:
    """Put tags into a Core Audio file, behind the audio or ahead of it -> what was left out."""
    left_out = ["its pictures, because caf files have no place for them"] if metadata.pictures else []
    if not metadata.tags:
        return left_out
    if several := [key for key, values in metadata.tags.items() if len(values) > 1]:
        left_out.append(f"where one value ends and the next begins of {', '.join(several)}")
    pairs = [(_NAMES.get(key, key), "; ".join(values)) for key, values in metadata.tags.items()]
    texts = b"".join(f"{name}\0{value}\0".encode() for name, value in pairs)
    body = struct.pack(">I", len(pairs)) + texts
    end = file.seek(0, 2)
    audio = next((at for name, at, _ in _chunks(file) if name == b"data"), end + _CHUNK)
    place = audio - _CHUNK if ahead else end
    splice(file, place, place, b"info" + struct.pack(">q", len(body)) + body)
    return left_out


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Name, position and size of the chunks; the last one may end with the file instead of stating its size."""
    end, at = file.seek(0, 2), _HEAD
    for _ in range(_MOST):
        file.seek(at)
        head = file.read(_CHUNK)
        if len(head) < _CHUNK:
            return
        (size,) = struct.unpack(">q", head[4:])
        size = size if size >= 0 else end - at - _CHUNK
        if at + _CHUNK + size > end:
            return
        yield head[:4], at + _CHUNK, size
        at += _CHUNK + size
