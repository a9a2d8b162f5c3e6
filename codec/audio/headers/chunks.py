"""Headers of uncompressed files: wav (RIFF, RIFX, RF64), w64, aiff, caf and au.

A recorder writes the size of the audio when it is closed. After a crash the size is 0 or that of an empty file, a pipe
leaves the largest number there is, and a copy that was broken off is shorter than its header says.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from codec.audio.headers.extent import AS_IT_IS, Extent, Part, tags_behind

UNKNOWN = 0x7FFFF000
"""From here on, 32 bit sizes that exceed the file stand for "unknown"; ffmpeg, sox and arecord write several such."""

MPEG_TAGS = (0x50, 0x55)
"""Format tags of MPEG audio in a wav file, whose frames libsndfile counts wrongly."""

HEADER_LIMIT = 1 << 24
"""Most bytes before the audio in a file that is read with another header than its own."""

TAGS_WITHIN = 1 << 18
"""Bytes at the end of a file among which tags are sought."""

_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_METADATA = frozenset(
    (b"LIST", b"id3 ", b"ID3 ", b"bext", b"fact", b"cue ", b"JUNK", b"PAD ", b"PEAK", b"smpl", b"_PMX")
)


@dataclass(frozen=True)
class _Form:
    """How a kind of file writes its chunks.

    Attributes:
        head: bytes of a chunk's name and size.
        parse: name and payload size of a chunk, from its head.
        align: chunks begin at multiples of this.
    """

    head: int
    parse: Callable[[bytes], tuple[bytes, int]]
    align: int

    def at(self, file: BinaryIO, position: int) -> tuple[bytes, int] | None:
        """Name and payload size of the chunk at a position; None where there is none."""
        file.seek(position)
        head = file.read(self.head)
        if len(head) < self.head:
            return None
        name, size = self.parse(head)
        return (name, size) if all(0x20 <= letter < 0x7F for letter in name) else None

    def after(self, position: int, size: int) -> int:
        """Where the next chunk begins."""
        return position + self.head + -(-size // self.align) * self.align


def _w64_chunk(head: bytes) -> tuple[bytes, int]:
    size = int.from_bytes(head[16:24], "little")
    return (head[:4] if head[4:16] == _W64_TAIL else b"\0"), size - 24 if size else 0


_LITTLE = _Form(8, lambda head: (head[:4], int.from_bytes(head[4:8], "little")), 2)
_BIG = _Form(8, lambda head: (head[:4], int.from_bytes(head[4:8], "big")), 2)
_W64 = _Form(24, _w64_chunk, 8)
_CAF = _Form(12, lambda head: (head[:4], int.from_bytes(head[4:12], "big")), 1)


def examine_wav(file: BinaryIO, size: int) -> Extent:
    """Examine a RIFF, RIFX or RF64 file."""
    file.seek(0)
    magic = file.read(12)[:4]
    form, order = (_BIG, "big") if magic == b"RIFX" else (_LITTLE, "little")
    found = _find(file, form, 12, b"data")
    if found is None:
        return AS_IT_IS
    chunks, at, declared = found
    wide = magic == b"RF64" and b"ds64" in chunks
    if wide and declared == 0xFFFFFFFF:
        file.seek(chunks[b"ds64"] + 8 + 8)
        declared = int.from_bytes(file.read(8), "little")
        if declared >= 1 << 62:
            declared = -1
    tag = 0
    if b"fmt " in chunks:
        file.seek(chunks[b"fmt "] + 8)
        tag = int.from_bytes(file.read(2), order)  # type: ignore[arg-type]
    audio = _audio(file, size, form, at, 0, declared, b"data", is_unknown=declared >= UNKNOWN and not wide)
    if tag in MPEG_TAGS:
        return Extent((audio.pieces,), audio.lost, foreign=True)
    if not audio.differs:
        return Extent(lost=audio.lost)
    total = min(audio.length, 0xFFFFFFFF)
    patches = {4: struct.pack("<I" if order == "little" else ">I", min(total + at, 0xFFFFFFFF))}
    patches[at + 4] = struct.pack("<I" if order == "little" else ">I", total)
    if wide:
        where = chunks[b"ds64"] + 8
        patches = {where: struct.pack("<QQ", audio.length + at, audio.length)}
    return audio.extent(file, patches)


def examine_w64(file: BinaryIO, size: int) -> Extent:
    """Examine a w64 file of Sony's; sizes have 64 bits and count their own chunk's head."""
    found = _find(file, _W64, 40, b"data")
    if found is None:
        return AS_IT_IS
    _, at, declared = found
    audio = _audio(file, size, _W64, at, 0, declared, b"data", is_unknown=declared >= 1 << 62 or declared in (-24, -1))
    patches = {16: struct.pack("<Q", at + 24 + audio.length), at + 16: struct.pack("<Q", 24 + audio.length)}
    return audio.extent(file, patches) if audio.differs else Extent(lost=audio.lost)


def examine_aiff(file: BinaryIO, size: int) -> Extent:
    """Examine an aiff or aifc file, which counts its frames besides its bytes."""
    found = _find(file, _BIG, 12, b"SSND")
    if found is None:
        return AS_IT_IS
    chunks, at, declared = found
    file.seek(at + 8)
    offset = int.from_bytes(file.read(4), "big")
    audio = _audio(file, size, _BIG, at, 8 + offset, declared, b"SSND", is_unknown=declared >= UNKNOWN)
    patches = {
        4: struct.pack(">I", min(at + 8 + offset + audio.length, 0xFFFFFFFF)),
        at + 4: struct.pack(">I", min(8 + offset + audio.length, 0xFFFFFFFF)),
    }
    wrong_count = False
    if b"COMM" in chunks:
        where = chunks[b"COMM"] + 8
        file.seek(where)
        channels, frames, bits = struct.unpack(">HIH", file.read(8))
        file.read(10)
        coding = file.read(4)
        linear = chunks[b"COMM:size"] < 22 or coding in (b"NONE", b"sowt", b"twos", b"fl32", b"FL32", b"fl64", b"FL64")
        wide = channels * -(-bits // 8)
        if linear and wide:
            wrong_count = frames != audio.length // wide
            patches[where + 2] = struct.pack(">I", min(audio.length // wide, 0xFFFFFFFF))
    return audio.extent(file, patches) if audio.differs or wrong_count else Extent(lost=audio.lost)


def examine_caf(file: BinaryIO, size: int) -> Extent:
    """Examine a caf file; only linear audio is counted in bytes."""
    found = _find(file, _CAF, 8, b"data")
    if found is None:
        return AS_IT_IS
    chunks, at, declared = found
    audio = _audio(file, size, _CAF, at, 4, declared, b"data", is_unknown=declared >= 1 << 62)
    if not audio.differs:
        return Extent(lost=audio.lost)
    file.seek(chunks.get(b"desc", 0) + 12 + 8)
    if file.read(4) != b"lpcm":
        return Extent(lost=audio.lost, foreign=True)
    return audio.extent(file, {at + 4: struct.pack(">Q", 4 + audio.length)})


def examine_au(file: BinaryIO, size: int) -> Extent:
    """Examine an au file; as ffmpeg does, all that follows the header is taken for audio."""
    file.seek(0)
    head = file.read(12)
    if len(head) < 12:
        return AS_IT_IS
    order = ">" if head[:4] == b".snd" else "<"
    offset, declared = struct.unpack(order + "II", head[4:])
    there = max(0, size - offset)
    if declared == there or not 24 <= offset <= HEADER_LIMIT:
        return AS_IT_IS
    lost = f"is cut: {there} of {declared} bytes of audio are there" if there < declared < UNKNOWN else ""
    audio = _Audio(offset, ((offset, size),), lost, differs=True)
    return audio.extent(file, {8: struct.pack(order + "I", min(there, 0xFFFFFFFF))})


@dataclass(frozen=True)
class _Audio:
    """Where the audio lies: pieces of the file, the first of which begins at `start`."""

    start: int
    pieces: tuple[tuple[int, int], ...]
    lost: str
    differs: bool

    @property
    def length(self) -> int:
        return sum(end - begin for begin, end in self.pieces)

    def extent(self, file: BinaryIO, patches: dict[int, bytes]) -> Extent:
        """The audio behind a header with other sizes."""
        if self.start > HEADER_LIMIT:
            return Extent(lost=self.lost, foreign=True)
        file.seek(0)
        head = bytearray(file.read(self.start))
        for at, value in patches.items():
            head[at : at + len(value)] = value
        parts: tuple[Part, ...] = (bytes(head), *self.pieces)
        return Extent((parts,), self.lost)


def _find(file: BinaryIO, form: _Form, position: int, wanted: bytes) -> tuple[dict[bytes, int], int, int] | None:
    """Positions of the chunks up to the audio's, its position, and its payload's declared size; None if it has none."""
    chunks: dict[bytes, int] = {}
    while chunk := form.at(file, position):
        name, size = chunk
        if name == wanted:
            return chunks, position, size
        chunks.setdefault(name, position)
        chunks.setdefault(name + b":size", size)
        position = form.after(position, max(size, 0))
    return None


def _audio(
    file: BinaryIO, size: int, form: _Form, at: int, skip: int, declared: int, name: bytes, *, is_unknown: bool
) -> _Audio:
    """Where the audio of the chunk at `at` lies, whose payload begins with `skip` other bytes."""
    start = min(at + form.head + skip, size)
    end = at + form.head + max(declared, 0)
    if end > size:
        lost = "" if is_unknown else f"is cut: {size - start} of {end - start} bytes of audio are there"
        return _Audio(start, ((start, size),), lost, differs=True)
    if end == size and end >= start:
        return _Audio(start, ((start, end),), "", differs=False)
    size = _without_tags(file, max(start, end), size)
    more = _chunks_behind(file, size, form, form.after(at, max(declared, 0)), name)
    if more is not None:
        return _Audio(start, ((start, max(start, end)), *more), "", differs=bool(more))
    if end <= start:  # nothing is declared, and what follows is no chunk: the recorder did not come to its end
        return _Audio(start, ((start, size),), "", differs=True)
    lost = f"goes on after the audio that its header declares: {size - end} bytes were not read"
    return _Audio(start, ((start, end),), lost, differs=True)


def _chunks_behind(
    file: BinaryIO, size: int, form: _Form, position: int, name: bytes
) -> tuple[tuple[int, int], ...] | None:
    """Further pieces of audio in the chunks behind the first; None where what follows is not a row of chunks."""
    more: list[tuple[int, int]] = []
    known = False
    while position + form.head <= size:
        chunk = form.at(file, position)
        if chunk is None or chunk[1] < 0:
            return tuple(more) if _is_padding(file, position, size) else None
        begin, end = position + form.head, position + form.head + chunk[1]
        known = chunk[0] in _METADATA
        if chunk[0] == name and name == b"data" and form.head == 8:
            more.append((begin, min(end, size)))
        position = form.after(position, chunk[1])
    if position < size and not _is_padding(file, position, size):
        return None
    return tuple(more) if known or position <= size + form.align - 1 else None


def _without_tags(file: BinaryIO, begin: int, size: int) -> int:
    """Where a file ends without the tags that lie behind its chunks, the first of which cannot begin before `begin`."""
    at = max(begin, size - TAGS_WITHIN)
    file.seek(at)
    return tags_behind(file.read(size - at), size)


def _is_padding(file: BinaryIO, position: int, size: int) -> bool:
    """Whether only zeros, or an ID3 tag, follow."""
    file.seek(position)
    rest = file.read(min(size - position, 1 << 20))
    return rest[:3] in (b"TAG", b"ID3") or not any(rest)
