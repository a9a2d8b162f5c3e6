"""Chunks of wav (RIFF, RF64) and aiff files: an ID3 tag in one of them, and lists of plain texts."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Literal

from codec.audio.headers.id3 import id3_size
from codec.audio.headers.padding import next_chunk
from codec.audio.tags.gather import READ_LIMIT, Gathered
from codec.audio.tags.id3 import read_id3
from codec.audio.tags.id3_frames import write_id3
from codec.audio.tags.names import AIFF_TEXT, RIFF_INFO
from codec.audio.tags.splice import splice
from formats import Metadata

_MOST = 10_000
_ITEMS = {key: name for name, key in RIFF_INFO.items()}
_LARGEST = (1 << 32) - 1


def read_chunks(file: BinaryIO, found: Gathered) -> None:
    """Take the tags of a wav or an aiff file; those of ID3 first."""
    plain = Gathered()
    is_aiff = _magic(file) == b"FORM"
    for name, at, size in _chunks(file, "big" if is_aiff else "little"):
        if size > READ_LIMIT or name not in (b"id3 ", b"ID3 ", b"LIST", *map(str.encode, AIFF_TEXT)):
            continue
        file.seek(at)
        data = file.read(size)
        if name in (b"id3 ", b"ID3 ") and id3_size(data[:10]):
            another = Gathered()
            read_id3(data, another)
            found.fill(another)
        elif name == b"LIST" and data[:4] == b"INFO":
            _info(data, plain)
        elif is_aiff and name.decode() in AIFF_TEXT:
            plain.add(AIFF_TEXT[name.decode()], _text(data))
    found.fill(plain)


def _info(data: bytes, found: Gathered) -> None:
    """Take the items of a list INFO."""
    at = 4
    while at + 8 <= len(data):
        name, size = data[at : at + 4].decode("latin-1"), int.from_bytes(data[at + 4 : at + 8], "little")
        if name in RIFF_INFO or name in ("IPRT", "ISFT"):
            key = {"IPRT": "TRACKNUMBER", "ISFT": "ENCODER"}.get(name) or RIFF_INFO[name]
            text = _text(data[at + 8 : at + 8 + size])
            if key == "TRACKNUMBER":
                found.add_number(("TRACKNUMBER", "TRACKTOTAL"), text)
            elif key not in found.tags:
                found.add(key, text)
        at += 8 + size + size % 2


def _text(data: bytes) -> str:
    """Text in UTF-8 or, if it is none, in Windows' Western encoding."""
    plain = data.partition(b"\0")[0]
    try:
        return plain.decode()
    except UnicodeDecodeError:
        return plain.decode("cp1252", "replace")


def write_wav(file: BinaryIO, metadata: Metadata, *, ahead: bool = False) -> list[str]:
    """Put tags into a wav file: the list INFO for what players show, and all of them as ID3 -> what was left out.

    They go behind the audio or, for a reader of a pipe, ahead of it, for which all of it has to be moved.
    """
    left_out: list[str] = []
    items = b""
    for key, values in metadata.tags.items():
        if key in _ITEMS:
            items += _chunk(_ITEMS[key], "; ".join(values).encode() + b"\0", "<")
    info = _chunk("LIST", b"INFO" + items, "<") if items else b""
    return _put(file, info + _chunk("id3 ", write_id3(metadata, left_out), "<"), left_out, ahead=ahead)


def write_aiff(file: BinaryIO, metadata: Metadata, *, ahead: bool = False) -> list[str]:
    """Put tags into an aiff file as ID3, behind the audio or ahead of it -> what was left out."""
    left_out: list[str] = []
    return _put(file, _chunk("ID3 ", write_id3(metadata, left_out), ">"), left_out, ahead=ahead)


def _put(file: BinaryIO, added: bytes, left_out: list[str], *, ahead: bool) -> list[str]:
    """Put chunks behind all others, or ahead of the audio, and count them."""
    magic, size = _magic(file), file.seek(0, 2)
    order: Literal["little", "big"] = "big" if magic == b"FORM" else "little"
    audio = next((at - 8 for name, at, _ in _chunks(file, order) if name in (b"data", b"SSND")), None)
    place = audio if ahead and audio is not None else size
    added = added if place < size else bytes(size % 2) + added
    total = size + len(added) - 8
    if magic == b"RF64":
        file.seek(12)
        if file.read(4) != b"ds64":
            return ["all tags, because the file has an unusual layout"]
        file.seek(20)
        file.write(struct.pack("<Q", total))
    elif total > _LARGEST:
        return ["all tags, because the file would be too long"]
    else:
        file.seek(4)
        file.write(struct.pack(">I" if magic == b"FORM" else "<I", total))
    splice(file, place, place, added)
    return left_out


def _chunk(name: str, data: bytes, order: str) -> bytes:
    """A chunk; empty if it would have no content."""
    return name.encode() + struct.pack(f"{order}I", len(data)) + data + bytes(len(data) % 2) if data else b""


def _magic(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(4)


def _chunks(file: BinaryIO, order: Literal["little", "big"]) -> Iterator[tuple[bytes, int, int]]:
    """Name, position and size of the chunks; of RF64's audio the size that ds64 has."""
    end, at, wide = file.seek(0, 2), 12, 0
    for _ in range(_MOST):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:], order)
        if head[:4] == b"ds64":
            wide = int.from_bytes(file.read(16)[8:], "little")
        if head[:4] == b"data" and size == _LARGEST and wide:
            size = wide
        if at + 8 + size > end:
            return
        yield head[:4], at + 8, size
        at = next_chunk(file, at + 8 + size, size % 2)
