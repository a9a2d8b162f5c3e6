"""Examines the headers of any audio file, without decoding it."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import BinaryIO

from codec.audio.headers import chunks
from codec.audio.headers.extent import AS_IT_IS, Extent
from codec.audio.headers.flac import examine_flac
from codec.audio.headers.id3 import id3_size
from codec.audio.headers.mapped import find
from codec.audio.headers.mpeg import examine_mpeg, is_free_format
from codec.audio.headers.ogg import examine_ogg
from codec.audio.headers.voc import examine_voc

FLAC_WITHIN = 1 << 24
"""Bytes at the beginning of a file named .flac in which its stream is sought."""

_MPEG = (".mp3", ".mp2", ".mp1", ".mpga", ".mpa")
_OGG = (".ogg", ".oga", ".opus", ".spx")


def examine(path: Path) -> Extent:
    """Find the audio of a file, and whether some of it is missing.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        head = file.read(64)
        if size == 0:
            return AS_IT_IS
        found = _examine_chunks(file, size, head)
        if found is not None:
            return _within(found, file) if found.foreign and found.links else found
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _examine_streams(file, data, path.suffix.lower(), head)


def examine_unnamed(path: Path) -> Extent | None:
    """Find MPEG audio in a file that neither its name nor its first bytes announce; None if it holds none."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return examine_mpeg(data, 0, strict=True)


def _examine_chunks(file: BinaryIO, size: int, head: bytes) -> Extent | None:
    """Examine the kinds whose headers say how long the audio is; None for others."""
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return chunks.examine_wav(file, size)
    if head[:4] == b"riff" and head[24:28] == b"wave":
        return chunks.examine_w64(file, size)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return chunks.examine_aiff(file, size)
    if head[:4] == b"caff":
        return chunks.examine_caf(file, size)
    if head[:4] in (b".snd", b"dns."):
        return chunks.examine_au(file, size)
    if head[:19] == b"Creative Voice File":
        return examine_voc(file, size)
    return None


def _examine_streams(file: BinaryIO, data: mmap.mmap, suffix: str, head: bytes) -> Extent:
    """Examine the kinds whose audio comes in frames or pages."""
    behind = id3_size(head)
    if data[behind : behind + 4] == b"fLaC":
        return examine_flac(file, data, behind)
    if head[:4] == b"OggS":
        return examine_ogg(data)
    if suffix == ".flac":
        begin = data.find(b"fLaC", 0, FLAC_WITHIN)
        return examine_flac(file, data, begin) if begin >= 0 else AS_IT_IS
    if suffix in _OGG:
        return examine_ogg(data) if find(data, b"OggS") >= 0 else AS_IT_IS
    is_mpeg = suffix in _MPEG or head[:3] == b"ID3" or (head[0] == 0xFF and len(head) > 1 and head[1] >= 0xE0)
    if not is_mpeg:
        return AS_IT_IS
    # What has no frames is not for libsndfile, whose decoder would tell of its search on stderr.
    return examine_mpeg(data, behind) or Extent(foreign=not is_free_format(data[behind : behind + 4]))


def _within(found: Extent, file: BinaryIO) -> Extent:
    """MPEG audio in a file of another kind."""
    unread = Extent(lost=found.lost, foreign=True)
    first, *others = found.links[0]
    if isinstance(first, bytes) or others or first[0] >= first[1]:
        return unread
    start, end = first
    base = start - start % mmap.ALLOCATIONGRANULARITY  # where a map can begin
    with mmap.mmap(file.fileno(), end - base, access=mmap.ACCESS_READ, offset=base) as data:
        inside = examine_mpeg(data, start - base)
    if inside is None or inside.foreign:
        return unread
    moved = tuple(part if isinstance(part, bytes) else (part[0] + base, part[1] + base) for part in inside.links[0])
    return Extent((moved,), found.lost or inside.lost)
