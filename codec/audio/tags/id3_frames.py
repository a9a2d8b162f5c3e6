"""ID3v2.4: from tags to bytes, in UTF-8, with several values of a frame after one another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from codec.audio.tags.gather import image_type
from codec.audio.tags.names import (
    DESCRIPTIONS,
    ID3_NUMBERS,
    ID3_OWN,
    ID3_ROLES,
    ID3_TEXT,
    ID3_URLS,
    MUSICBRAINZ_OWNER,
    standing_in,
)
from formats import Metadata, Picture

_LARGEST = (1 << 28) - 1
_FRAMES = {key: name for name, key in ID3_TEXT.items()} | {name: name for name in ID3_OWN}
_URLS = {key: name for name, key in ID3_URLS.items()}
_ROLES = {key: role for role, key in ID3_ROLES.items()}


def write_id3(metadata: Metadata, left_out: list[str]) -> bytes:
    """An ID3v2.4 tag; empty if there is nothing to write.

    Args:
        metadata: tags by the keys of Vorbis comments, and pictures.
        left_out: gets what cannot be written, in words.
    """
    frames = b"".join(_tag_frames(metadata))
    for picture in metadata.pictures:
        frame = _picture(picture)
        if len(frames) + len(frame) > _LARGEST:
            left_out.append(f"a picture of {len(picture.data)} bytes")
        else:
            frames += frame
    return b"ID3\4\0\0" + _synchsafe(len(frames)) + frames if frames else b""


def _tag_frames(metadata: Metadata) -> Iterator[bytes]:
    tags = standing_in(metadata.tags, DESCRIPTION="COMMENT")
    for name, (key, total) in ID3_NUMBERS.items():
        number = next(iter(tags.get(key, ())), "")
        totals = tags.pop(total, ())
        if number or totals:
            tags.pop(key, None)
            both = f"{number or 0}/{totals[0]}" if totals and "/" not in number else number
            yield _frame(name, _text([both]))
    pairs = [text for key, role in _ROLES.items() for name in tags.pop(key, ()) for text in (role, name)]
    if pairs:
        yield _frame("TIPL", _text(pairs))
    if performers := tags.pop("PERFORMER", ()):
        yield _frame("TMCL", _text(text for name in performers for text in _performer(name)))
    for key, values in tags.items():
        yield from _one(key, values)


def _one(key: str, values: tuple[str, ...]) -> Iterator[bytes]:
    """The frames of one tag."""
    if key in _FRAMES:
        yield _frame(_FRAMES[key], _text(values))
    elif key == "COMMENT" or key.startswith("COMMENT:"):
        for value in values:
            yield _frame("COMM", b"\3XXX" + key[8:].encode() + b"\0" + value.encode())
    elif key == "LYRICS":
        for value in values:
            yield _frame("USLT", b"\3XXX\0" + value.encode())
    elif key == "MUSICBRAINZ_TRACKID" and all(value.isascii() for value in values):
        yield _frame("UFID", MUSICBRAINZ_OWNER.encode() + b"\0" + values[0].encode())
        if len(values) > 1:
            yield _described(key, values[1:])
    elif key in _URLS and all(re.match(r"[a-z]+:[\x21-\x7e]*$", value) for value in values):
        for value in values:
            yield _frame(_URLS[key], value.encode())
    else:
        yield _described(key, values)


def _described(key: str, values: Iterable[str]) -> bytes:
    return _frame("TXXX", b"\3" + DESCRIPTIONS.get(key, key).encode() + b"\0" + _text(values)[1:])


def _performer(text: str) -> tuple[str, str]:
    """Instrument and name of a performer, who is written as "name (instrument)"."""
    match = re.fullmatch(r"(.*\S)\s*\(([^()]*)\)", text, re.DOTALL)
    return (match[2], match[1]) if match else ("", text)


def _picture(picture: Picture) -> bytes:
    mime = (picture.mime or image_type(picture.data) or "image/").encode("ascii", "replace").replace(b"\0", b"")
    kind, description = bytes([picture.type]), picture.description.encode()
    return _frame("APIC", b"\3" + mime + b"\0" + kind + description + b"\0" + picture.data)


def _text(values: Iterable[str]) -> bytes:
    return b"\3" + "\0".join(values).encode()


def _frame(name: str, content: bytes) -> bytes:
    return name.encode() + _synchsafe(len(content)) + b"\0\0" + content


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
