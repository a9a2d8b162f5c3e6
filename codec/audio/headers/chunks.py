"""Headers of uncompressed files: wav (RIFF, RIFX, RF64), w64, aiff, caf and au.

A recorder writes the size of the audio when it is closed. After a crash the size is 0 or that of an empty file, a pipe
leaves the largest number there is, and a copy that was broken off is shorter than its header says.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from codec.audio.headers.extent import AS_IT_IS, Extent, Part, tags_behind
from codec.audio.headers.padding import next_chunk
from codec.clock import counted

UNKNOWN = 0x7FFFF000
"""From here on, 32 bit sizes that exceed the file stand for "unknown"; ffmpeg, sox and arecord write several such."""

MPEG_TAGS = (0x50, 0x55)
"""Format tags of MPEG audio in a wav file, whose frames libsndfile counts wrongly."""

HEADER_LIMIT = 1 << 24
"""Most bytes before the audio in a file that is read with another header than its own."""

TAGS_WITHIN = 1 << 18
"""Bytes at the end of a file among which tags are sought."""

STRAY = 8
"""Bytes that the head of a chunk takes: fewer behind the audio are no chunk that was cut, and no music to speak of."""

_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_METADATA = frozenset(
    (b"LIST", b"id3 ", b"ID3 ", b"bext", b"fact", b"cue ", b"JUNK", b"PAD ", b"PEAK", b"smpl", b"_PMX")
)


class _Form(NamedTuple):
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

    def after(self, file: BinaryIO, position: int, size: int) -> int:
        """Where the next chunk begins."""
        return next_chunk(file, position + self.head + size, -size % self.align)


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
    form, order = (_BIG, ">") if magic == b"RIFX" else (_LITTLE, "<")
    found = _chunks_before(file, form, 12, b"data")
    if found is None:
        return AS_IT_IS
    chunks, at, declared = found.chunks, found.at, found.size
    wide = magic == b"RF64" and b"ds64" in chunks
    if wide and declared == 0xFFFFFFFF:
        file.seek(chunks[b"ds64"] + 8 + 8)
        declared = int.from_bytes(file.read(8), "little")
        if declared >= 1 << 62:
            declared = -1
    tag, frame = _wave_format(file, chunks, 8, order)
    is_unknown = declared >= UNKNOWN and not wide
    audio = _located(file, size, form, found, 0, declared, frame, is_unknown=is_unknown)
    if tag in MPEG_TAGS:
        return Extent((audio.pieces,), audio.lost, foreign=True)
    if not audio.differs:
        return audio.as_it_is
    total = min(audio.length, 0xFFFFFFFF)
    patches = {4: struct.pack(order + "I", min(total + at, 0xFFFFFFFF)), at + 4: struct.pack(order + "I", total)}
    if wide:
        where = chunks[b"ds64"] + 8
        patches = {where: struct.pack("<QQ", audio.length + at, audio.length)}
    return audio.extent(file, patches)


def examine_w64(file: BinaryIO, size: int) -> Extent:
    """Examine a w64 file of Sony's; sizes have 64 bits and count their own chunk's head."""
    found = _chunks_before(file, _W64, 40, b"data")
    if found is None:
        return AS_IT_IS
    at, declared = found.at, found.size
    _, frame = _wave_format(file, found.chunks, 24, "<")
    is_unknown = declared >= 1 << 62 or declared in (-24, -1)
    audio = _located(file, size, _W64, found, 0, declared, frame, is_unknown=is_unknown)
    patches = {16: struct.pack("<Q", at + 24 + audio.length), at + 16: struct.pack("<Q", 24 + audio.length)}
    return audio.extent(file, patches) if audio.differs else audio.as_it_is


def examine_aiff(file: BinaryIO, size: int) -> Extent:
    """Examine an aiff or aifc file, which counts its frames besides its bytes."""
    found = _chunks_before(file, _BIG, 12, b"SSND")
    if found is None:
        return AS_IT_IS
    chunks, at, declared = found.chunks, found.at, found.size
    file.seek(at + 8)
    offset = int.from_bytes(file.read(4), "big")
    count, frame = _aiff_format(file, found)
    audio = _located(file, size, _BIG, found, 8 + offset, declared, frame, is_unknown=declared >= UNKNOWN)
    patches = {
        4: struct.pack(">I", min(at + 8 + offset + audio.length, 0xFFFFFFFF)),
        at + 4: struct.pack(">I", min(8 + offset + audio.length, 0xFFFFFFFF)),
    }
    wrong_count = frame > 0 and count != audio.length // frame
    if frame:
        patches[chunks[b"COMM"] + 10] = struct.pack(">I", min(audio.length // frame, 0xFFFFFFFF))
    return audio.extent(file, patches) if audio.differs or wrong_count else audio.as_it_is


def examine_caf(file: BinaryIO, size: int) -> Extent:
    """Examine a caf file; only linear audio is counted in bytes."""
    found = _chunks_before(file, _CAF, 8, b"data")
    if found is None:
        return AS_IT_IS
    file.seek(found.chunks.get(b"desc", 0) + 12 + 8)
    coding, _, frame = struct.unpack(">4sII", file.read(12).ljust(12, b"\0"))
    is_linear = coding == b"lpcm"
    is_unknown = found.size >= 1 << 62
    audio = _located(file, size, _CAF, found, 4, found.size, frame if is_linear else 0, is_unknown=is_unknown)
    if not audio.differs:
        return audio.as_it_is
    if not is_linear:
        return Extent(lost=audio.lost, foreign=True)
    return audio.extent(file, {found.at + 4: struct.pack(">Q", 4 + audio.length)})


def examine_au(file: BinaryIO, size: int) -> Extent:
    """Examine an au file; as ffmpeg does, all that follows the header is taken for audio."""
    file.seek(0)
    head = file.read(24)
    if len(head) < 24:
        return AS_IT_IS
    order = ">" if head[:4] == b".snd" else "<"
    offset, declared, coding, _, channels = struct.unpack(order + "5I", head[4:])
    there = max(0, size - offset)
    if not 24 <= offset <= HEADER_LIMIT:
        return AS_IT_IS
    frame = _AU_BYTES.get(coding, 0) * channels
    is_cut = there < declared < UNKNOWN and declared - there >= max(1, frame)
    lost = f"is cut: {there} of {declared} bytes of audio are there" if is_cut else ""
    audio = _Audio(offset, ((offset, size),), lost, differs=declared != there, frame=frame)
    if not audio.differs:
        return audio.as_it_is
    return audio.extent(file, {8: struct.pack(order + "I", min(there, 0xFFFFFFFF))})


class _Found(NamedTuple):
    """The chunks of a file up to its audio.

    Attributes:
        chunks: where they begin, by their names.
        sizes: of their payloads, by their names.
        at: where the chunk of the audio begins.
        size: of its payload, as declared.
        pads: where chunks end whose padding is missing, and how many bytes should be there.
    """

    chunks: dict[bytes, int]
    sizes: dict[bytes, int]
    at: int
    size: int
    pads: tuple[tuple[int, int], ...]


class _Audio(NamedTuple):
    """Where the audio lies: pieces of the file, the first of which begins at `start`.

    Attributes:
        lost: as in `Extent`.
        differs: whether the file has to be read with another header than its own.
        frame: bytes of a sample of all channels; 0 where that is not known.
        stray: number of bytes behind the audio that are no chunk, and less than a sample or than STRAY.
        pads: as in `_Found`.
    """

    start: int
    pieces: tuple[tuple[int, int], ...]
    lost: str
    differs: bool
    frame: int = 0
    stray: int = 0
    pads: tuple[tuple[int, int], ...] = ()

    @property
    def note(self) -> str:
        """As in `Extent`."""
        if self.stray:
            return f"has {counted(self.stray, 'byte')} behind its audio, too few for a chunk; left out"
        rest = self.length % self.frame if self.frame else 0
        return f"ends within a sample; left out: its last {counted(rest, 'byte')}" if rest else ""

    @property
    def as_it_is(self) -> Extent:
        """The file with its own header."""
        return Extent(lost=self.lost, note=self.note)

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
        for at, pad in reversed(self.pads):
            head[at:at] = bytes(pad)
        parts: tuple[Part, ...] = (bytes(head), *self.pieces)
        return Extent((parts,), self.lost, self.note)


def _chunks_before(file: BinaryIO, form: _Form, position: int, wanted: bytes) -> _Found | None:
    """The chunks up to the audio's; None if it has none."""
    chunks: dict[bytes, int] = {}
    sizes: dict[bytes, int] = {}
    pads: list[tuple[int, int]] = []
    while chunk := form.at(file, position):
        name, size = chunk
        if name == wanted:
            return _Found(chunks, sizes, position, size, tuple(pads))
        chunks.setdefault(name, position)
        sizes.setdefault(name, size)
        length = max(size, 0)
        end = position + form.head + length
        position = form.after(file, position, length)
        if position == end and length % form.align:
            pads.append((end, -length % form.align))
    return None


_AU_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
"""Bytes of a sample by an au file's number of its coding: mu-law, linear of 8 to 32 bits, floats, A-law."""

_LINEAR_TAGS = (0x01, 0x03, 0x06, 0x07, 0xFFFE)
"""Format tags of wav files whose samples take equally many bytes: integers, floats, A-law, mu-law, and any of these."""


def _wave_format(file: BinaryIO, chunks: dict[bytes, int], head: int, order: str) -> tuple[int, int]:
    """Format tag of a wav or w64 file, and bytes of a sample of all channels; 0 for what is not known."""
    if b"fmt " not in chunks:
        return 0, 0
    file.seek(chunks[b"fmt "] + head)
    tag, channels, _, _, block, bits = struct.unpack(order + "HHIIHH", file.read(16).ljust(16, b"\0"))
    frame = block if channels and block % channels == 0 else 0
    return tag, (frame or channels * -(-bits // 8)) if tag in _LINEAR_TAGS else 0


def _aiff_format(file: BinaryIO, found: _Found) -> tuple[int, int]:
    """Frames that an aiff file counts, and bytes of one; 0 for what is not known."""
    if b"COMM" not in found.chunks:
        return 0, 0
    file.seek(found.chunks[b"COMM"] + 8)
    channels, frames, bits = struct.unpack(">HIH", file.read(8).ljust(8, b"\0"))
    file.read(10)
    is_linear = found.sizes[b"COMM"] < 22 or file.read(4) in _LINEAR_AIFC
    return frames, channels * -(-bits // 8) if is_linear else 0


_LINEAR_AIFC = (b"NONE", b"sowt", b"twos", b"fl32", b"FL32", b"fl64", b"FL64")
"""Codings of an aifc file whose samples take equally many bytes."""


def _located(
    file: BinaryIO, size: int, form: _Form, found: _Found, skip: int, declared: int, frame: int, *, is_unknown: bool
) -> _Audio:
    """Where the audio of the chunk lies, whose payload begins with `skip` other bytes; `frame` is as in `_Audio`."""
    start = min(found.at + form.head + skip, size)
    end = found.at + form.head + max(declared, 0)

    def found_at(*pieces: tuple[int, int], lost: str = "", differs: bool = True, stray: int = 0) -> _Audio:
        return _Audio(start, pieces, lost, differs or bool(found.pads), frame, stray, found.pads)

    if end > size:
        is_cut = not is_unknown and end - size >= max(1, frame)
        lost = f"is cut: {size - start} of {end - start} bytes of audio are there" if is_cut else ""
        return found_at((start, size), lost=lost)
    if end == size and end >= start:
        return found_at((start, end), differs=False)
    size = _without_tags(file, max(start, end), size)
    name = b"SSND" if skip else b"data"
    more = _chunks_behind(file, size, form, form.after(file, found.at, max(declared, 0)), name)
    if more is not None:
        return found_at((start, max(start, end)), *more, differs=bool(more))
    if end <= start:  # nothing is declared, and what follows is no chunk: the recorder did not come to its end
        return found_at((start, size))
    if size - end < max(STRAY, frame):
        return found_at((start, end), stray=size - end)
    lost = f"goes on after the audio that its header declares: {size - end} bytes were not read"
    return found_at((start, end), lost=lost)


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
        position = form.after(file, position, chunk[1])
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
