"""MP4 (ISO 14496-12): its atoms, and the exact length that they state for a track of audio.

AAC comes in frames of 1024 samples, after an encoder's delay. An edit list says where the music begins in them, which
ffmpeg follows, and the length of the track or iTunes' own note says where it ends.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

MOST_MOOV = 1 << 26
"""Most bytes of moov that are read: longer ones are damaged, or the work of somebody who means harm."""

_MOST = 100_000
_NOTED = re.compile(rb"iTunSMPB.{4}data.{8}(?: [0-9A-Fa-f]{8}){3} ([0-9A-Fa-f]{16})", re.DOTALL)
"""iTunes' note: 0, samples before the music, samples behind it, and samples of the music."""


def find_moov(file: BinaryIO) -> tuple[int, int] | None:
    """Where the content of moov begins and ends; None if there is none that makes sense."""
    end, at = file.seek(0, 2), 0
    for _ in range(_MOST):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return None
        size, skip = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, skip = int.from_bytes(head[8:16], "big"), 16
        size = size or end - at
        if size < skip or at + size > end:
            return None
        if head[4:8] == b"moov":
            return (at + skip, at + size) if skip == 8 and size <= MOST_MOOV else None
        at += size
    return None


def read_moov(file: BinaryIO) -> bytes:
    """The content of moov; nothing if there is none that makes sense."""
    start, end = find_moov(file) or (0, 0)
    file.seek(start)
    return file.read(end - start)


def atoms(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of atoms that follow one another."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + size > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def exact_length(file: BinaryIO, sample_rate: int) -> int | None:
    """Samples of the only track of sound, as the file states them to the sample; None if it does not.

    Args:
        file: able to seek.
        sample_rate: of the decoded audio, Hz; a track that counts in other units is not exact.

    Raises:
        OSError: the file cannot be read.
    """
    file.seek(4)
    if file.read(4) != b"ftyp":
        return None
    data = read_moov(file)
    try:
        return _length(data, sample_rate)
    except (struct.error, IndexError, KeyError):
        return None  # damaged


def stated_seconds(file: BinaryIO) -> float | None:
    """Duration in seconds of the first track of sound; None if the file states none.

    Args:
        file: able to seek.

    Raises:
        OSError: the file cannot be read.
    """
    data = read_moov(file)
    try:
        track = next(content for name, content in atoms(data) if name == b"trak" and _is_sound(content))
        scale, length = _clock(_find(track, b"mdia", b"mdhd") or b"")
        samples = _length(data, scale) or length
    except (StopIteration, struct.error, IndexError, KeyError):
        return None  # damaged
    return samples / scale if 0 < samples < 0xFFFFFFFF else None


def _length(moov: bytes, sample_rate: int) -> int | None:
    tracks = [content for name, content in atoms(moov) if name == b"trak" and _is_sound(content)]
    if len(tracks) != 1:
        return None  # which one will be read is ffmpeg's choice
    scale, length = _clock(_find(tracks[0], b"mdia", b"mdhd") or b"")
    if scale != sample_rate or length in (0, 0xFFFFFFFF):
        return None
    if noted := _NOTED.search(moov):
        samples = int(noted[1], 16)
        return samples if 0 < samples <= length else None
    edits = _find(tracks[0], b"edts", b"elst") or bytes(8)
    count, version = int.from_bytes(edits[4:8], "big"), edits[0]
    if count == 0:
        return length
    shown, begin = struct.unpack_from(">Qq" if version else ">Ii", edits, 8)
    if count > 1 or begin < 0:
        return None
    ticks, _ = _clock(_find(moov, b"mvhd") or b"")
    # An edit in milliseconds is exact to the millisecond; the track's own length is to the sample.
    longest = shown * scale // ticks if ticks % scale == 0 else (shown + 1) * scale // ticks
    return max(0, min(length - begin, longest)) or None


def _is_sound(track: bytes) -> bool:
    return (_find(track, b"mdia", b"hdlr") or b"")[8:12] == b"soun"


def _find(data: bytes, *path: bytes) -> bytes | None:
    """The content of the first atom of a name, in the first of the name before it; None if there is none."""
    found: bytes | None = data
    for name in path:
        found = next((content for kind, content in atoms(found or b"") if kind == name), None)
    return found


def _clock(content: bytes) -> tuple[int, int]:
    """Units a second, and the length in them, of mvhd or mdhd."""
    ticks, length = struct.unpack_from(">IQ" if content[0] else ">II", content, 20 if content[0] else 12)
    if not ticks:
        raise KeyError("a clock that stands still")
    return ticks, length
