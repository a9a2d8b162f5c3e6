"""Creative Voice files: several blocks of sound, each with a header that libsndfile would take for sound."""

from __future__ import annotations

import struct
from typing import BinaryIO

from codec.audio.headers.extent import AS_IT_IS, Extent


def examine_voc(file: BinaryIO, size: int) -> Extent:
    """Examine a voc file; one with several blocks of the same sound is read as a wav file."""
    file.seek(20)
    position = int.from_bytes(file.read(2), "little")
    sounds: list[tuple[int, int, int]] = []
    pieces: list[tuple[int, int]] = []
    simple, lost, blocks = True, "", 0
    while position < size:
        file.seek(position)
        head = file.read(4)
        if len(head) < 4 or head[0] == 0:
            break
        begin, end = position + 4, position + 4 + int.from_bytes(head[1:4], "little")
        if end > size:
            lost = f"is cut: {size - begin} of {end - begin} bytes of its last block are there"
        if head[0] in (1, 2, 3, 9):
            blocks += 1
        skip = {1: 2, 2: 0, 9: 12}.get(head[0])
        if skip is None:
            simple = simple and head[0] in (4, 5, 6, 7)  # marks, texts and loops
        else:
            sound = _sound(head[0], file.read(12))
            simple = simple and (sound is not None or head[0] == 2)
            if sound:
                sounds.append(sound)
            pieces.append((begin + skip, min(end, size)))
        position = end
    if blocks < 2 and not lost:
        return AS_IT_IS
    if not simple or len(set(sounds)) != 1:
        return Extent(lost=lost, foreign=True)
    rate, bits, channels = sounds[0]
    wide = channels * bits // 8
    length = sum(end - begin for begin, end in pieces)
    header = b"RIFF" + struct.pack("<I", min(36 + length, 0xFFFFFFFF)) + b"WAVEfmt "
    header += struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * wide, wide, bits)
    header += b"data" + struct.pack("<I", min(length, 0xFFFFFFFF))
    return Extent(((header, *pieces),), lost)


def _sound(kind: int, head: bytes) -> tuple[int, int, int] | None:
    """Rate, bits and channels of a block of linear sound; None for another."""
    if kind == 1 and len(head) >= 2 and head[1] == 0:
        return 1_000_000 // (256 - head[0]), 8, 1
    if kind == 9 and len(head) == 12:
        rate, bits, channels, coding = struct.unpack("<IBBH", head[:8])
        if (bits, coding) in ((8, 0), (16, 4)) and channels:
            return rate, bits, channels
    return None
