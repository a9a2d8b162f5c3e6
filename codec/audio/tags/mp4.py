"""MP4 (m4a, m4b): the atoms below moov/udta/meta/ilst, as iTunes writes them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from codec.audio.headers.mp4 import atoms, find_moov, read_moov
from codec.audio.tags.gather import Gathered, image_type
from codec.audio.tags.id3 import genre
from codec.audio.tags.names import DESCRIPTIONS, MP4_INTEGERS, MP4_NUMBERS, MP4_TEXT, described, standing_in
from codec.audio.tags.splice import splice
from formats import Metadata

_TEXT, _INTEGER = 1, 21
_IMAGES = {"image/gif": 12, "image/jpeg": 13, "image/png": 14, "image/bmp": 27}
_ATOMS = {key: name for name, key in MP4_TEXT.items()}
_ITUNES = b"com.apple.iTunes"
_HANDLER = bytes(8) + b"mdirappl" + bytes(9)


def read_mp4(file: BinaryIO, found: Gathered) -> None:
    """Take the tags of an MP4 file."""
    for name, content in _items(read_moov(file)):
        _take(name.decode("latin-1"), content, found)


def _take(name: str, content: bytes, found: Gathered) -> None:
    """Take one item of the list."""
    values = [
        (int.from_bytes(data[:4], "big") & 0xFFFFFF, data[8:]) for kind, data in atoms(content) if kind == b"data"
    ]
    if name == "----":
        parts = dict(atoms(content))
        name = described(parts.get(b"name", b"")[4:].decode("utf-8", "replace"))
        found.add(name, *(data.decode("utf-8", "replace") for kind, data in values if kind in (0, _TEXT)))
    elif name == "covr":
        for kind, data in values:
            found.add_picture(data, {number: mime for mime, number in _IMAGES.items()}.get(kind, ""))
    elif name in MP4_NUMBERS and values:
        number, total = struct.unpack(">HH", values[0][1][2:6].ljust(4, b"\0"))
        found.add_number(MP4_NUMBERS[name], f"{number}/{total}")
    elif name == "gnre" and values:
        found.add("GENRE", genre(str(int.from_bytes(values[0][1][:2], "big") - 1)))
    elif name in MP4_INTEGERS and values:
        number = int.from_bytes(values[0][1][:8], "big")
        if number:
            found.add(MP4_INTEGERS[name][0], str(number))
    else:
        found.add(
            MP4_TEXT.get(name, name), *(data.decode("utf-8", "replace") for kind, data in values if kind == _TEXT)
        )


def write_mp4(file: BinaryIO, metadata: Metadata) -> list[str]:
    """Put tags into an MP4 file, in place of those that it has -> what was left out."""
    moov = find_moov(file)
    if moov is None:
        return ["all tags, because the file has an unusual layout"]
    left_out: list[str] = []
    ilst = _atom(b"ilst", b"".join(_list(metadata, left_out)))
    meta = _atom(b"meta", bytes(4) + _atom(b"hdlr", _HANDLER) + ilst)
    start, stop = moov
    file.seek(start)
    data = file.read(stop - start)
    others = [(name, content) for name, content in atoms(data) if name not in (b"udta", b"meta")]
    udta = _atom(b"udta", meta)
    shift = sum(len(content) + 8 for _, content in others) + len(udta) - len(data)
    try:
        body = b"".join(_atom(name, _moved(content, stop, shift, name)) for name, content in others) + udta
    except (ValueError, struct.error):
        return ["all tags, because the file has an unusual layout"]
    splice(file, start - 8, stop, _atom(b"moov", body))
    return left_out


def _list(metadata: Metadata, left_out: list[str]) -> Iterator[bytes]:
    """The items of the list."""
    tags = standing_in(metadata.tags)
    for name, (key, total) in MP4_NUMBERS.items():
        number, totals = next(iter(tags.get(key, ())), ""), tags.get(total, ())
        both = number if "/" in number else "/".join([number or "0", *totals[:1]])
        first, _, second = both.partition("/")
        if (number or totals) and all(text.isdecimal() and int(text) < 1 << 16 for text in (first, second or "0")):
            yield _item(
                name, [(0, struct.pack(">HHHH", 0, int(first), int(second or 0), 0)[: 8 if name == "trkn" else 6])]
            )
            tags.pop(key, None)
            tags.pop(total, None)
    for name, (key, size) in MP4_INTEGERS.items():
        value = next(iter(tags.get(key, ())), "")
        if value.isdecimal() and value == str(int(value)) and int(value) < 1 << 8 * size and len(tags[key]) == 1:
            yield _item(name, [(_INTEGER, int(value).to_bytes(size, "big"))])
            del tags[key]
    for key, values in tags.items():
        texts = [(_TEXT, value.encode()) for value in values]
        yield _item(_ATOMS[key], texts) if key in _ATOMS else _free_form(key, texts)
    pictures = []
    for picture in metadata.pictures:
        kind = _IMAGES.get(image_type(picture.data))
        if kind:
            pictures.append((kind, picture.data))
        else:
            left_out.append(f"a picture of type {picture.mime or 'unknown'}, which m4a cannot hold")
    if pictures:
        yield _item("covr", pictures)
    others = sum(picture.type != 3 or picture.description != "" for picture in metadata.pictures)
    if others:
        left_out.append("what its pictures show and their descriptions, because m4a has covers only")


def _free_form(key: str, texts: list[tuple[int, bytes]]) -> bytes:
    name = DESCRIPTIONS.get(key, key).encode()
    head = _atom(b"mean", bytes(4) + _ITUNES) + _atom(b"name", bytes(4) + name)
    return _atom(b"----", head + b"".join(_data(kind, text) for kind, text in texts))


def _item(name: str, values: list[tuple[int, bytes]]) -> bytes:
    return _atom(name.encode("latin-1"), b"".join(_data(kind, value) for kind, value in values))


def _data(kind: int, value: bytes) -> bytes:
    return _atom(b"data", struct.pack(">II", kind, 0) + value)


def _atom(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


def _moved(content: bytes, end: int, shift: int, name: bytes) -> bytes:
    """The content of an atom of this name, with what lies behind `end` in the file moved by `shift`.

    Raises:
        ValueError: the file is fragmented, or an atom is damaged; struct.error: it would be too long.
    """
    if name in (b"mvex", b"moof"):
        raise ValueError("fragmented")
    if name in (b"trak", b"mdia", b"minf", b"stbl"):
        parts = list(atoms(content))
        if sum(len(inner) + 8 for _, inner in parts) != len(content):
            raise ValueError("damaged")
        return b"".join(_atom(kind, _moved(inner, end, shift, kind)) for kind, inner in parts)
    if name not in (b"stco", b"co64"):
        return content
    code = ">I" if name == b"stco" else ">Q"
    places = [place for (place,) in struct.iter_unpack(code, content[8:])]
    return content[:8] + b"".join(struct.pack(code, place + shift if place >= end else place) for place in places)


def _items(moov: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The items of the list, from the content of moov."""
    for name, udta in atoms(moov):
        if name == b"udta":
            for inner, meta in atoms(udta):
                if inner == b"meta":
                    for last, ilst in atoms(meta[4:]):
                        if last == b"ilst":
                            yield from atoms(ilst)
