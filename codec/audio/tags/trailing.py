"""Tags behind the audio: ID3v1, and APEv2, which WavPack, Monkey's Audio and Musepack have instead of ID3v2."""

from __future__ import annotations

import struct
from typing import BinaryIO

from codec.audio.tags.gather import READ_LIMIT, Gathered
from codec.audio.tags.id3 import genre
from codec.audio.tags.names import APE_NUMBERS, APE_TEXT, upper

_ID3V1, _FOOTER = 128, 32
_MOST = 1000
_COVERS = {"COVER ART (FRONT)": 3, "COVER ART (BACK)": 4}


def read_trailing(file: BinaryIO, found: Gathered) -> None:
    """Take the tags behind the audio, those of APEv2 first; `found` keeps what it has."""
    end = file.seek(0, 2)
    short = Gathered()
    file.seek(max(0, end - _ID3V1))
    tag = file.read(_ID3V1)
    if len(tag) == _ID3V1 and tag[:3] == b"TAG":
        _id3v1(tag, short)
        end -= _ID3V1
    long = Gathered()
    if end >= _FOOTER:
        _ape(file, end, long)
    found.fill(long)
    found.fill(short)


def _id3v1(tag: bytes, found: Gathered) -> None:
    for key, start, end in (("TITLE", 3, 33), ("ARTIST", 33, 63), ("ALBUM", 63, 93), ("DATE", 93, 97)):
        found.add(key, tag[start:end].partition(b"\0")[0].decode("latin-1").strip())
    found.add("COMMENT", tag[97:127].partition(b"\0")[0].decode("latin-1").strip())
    if tag[125] == 0 and tag[126]:
        found.add("TRACKNUMBER", str(tag[126]))
    if (name := genre(str(tag[127]))) != str(tag[127]):
        found.add("GENRE", name)


def _ape(file: BinaryIO, end: int, found: Gathered) -> None:
    file.seek(end - _FOOTER)
    footer = file.read(_FOOTER)
    if footer[:8] != b"APETAGEX":
        return
    size, count = struct.unpack("<II", footer[12:20])
    if not _FOOTER <= size <= min(end, READ_LIMIT):
        found.left_out.append("an APE tag, which is damaged")
        return
    file.seek(end - size)
    data, at = file.read(size - _FOOTER), 0
    for _ in range(min(count, _MOST)):
        stop = data.find(b"\0", at + 8)
        if stop < 0:
            break
        length, flags = struct.unpack_from("<II", data, at)
        key, value = upper(data[at + 8 : stop].decode("latin-1")), data[stop + 1 : stop + 1 + length]
        at = stop + 1 + length
        _item(key, value, flags >> 1 & 3, found)


def _item(key: str, value: bytes, kind: int, found: Gathered) -> None:
    """Take an item: of text (0), bytes (1) or a link (2)."""
    if kind == 1:
        if key.startswith("COVER ART"):
            found.add_picture(value.partition(b"\0")[2], kind=_COVERS.get(key, 0))
        else:
            found.left_out.append(f"APE item {key[:100]}")
        return
    texts = value.decode("utf-8", "replace").split("\0")
    if key in APE_NUMBERS:
        found.add_number(APE_NUMBERS[key], texts[0])
    else:
        found.add(APE_TEXT.get(key, key), *texts)
