"""Chunks that should be padded, and often are not: in RIFF and AIFF to an even size, in w64 to a multiple of 8."""

from __future__ import annotations

from typing import BinaryIO

_NAMES = frozenset(
    (
        b"fmt ", b"data", b"ds64", b"fact", b"LIST", b"list", b"INFO", b"id3 ", b"ID3 ", b"bext", b"cue ", b"JUNK",
        b"junk", b"PAD ", b"PEAK", b"smpl", b"inst", b"cart", b"iXML", b"axml", b"chna", b"_PMX", b"COMM", b"SSND",
        b"FVER", b"MARK", b"COMT", b"INST", b"MIDI", b"AESD", b"APPL", b"NAME", b"AUTH", b"(c) ", b"ANNO", b"CHAN",
    )
)  # fmt: skip
"""Names of chunks that may follow one of an odd size."""


def next_chunk(file: BinaryIO, end: int, pad: int) -> int:
    """Where the chunk behind a payload begins.

    Args:
        file: the file, which is left at another position.
        end: where the payload ends.
        pad: bytes that should pad it; they are missing where a known name follows at once, and none behind them.
    """
    if not pad:
        return end
    file.seek(end)
    follows = file.read(pad + 4)
    return end if follows[:4] in _NAMES and follows[pad:] not in _NAMES else end + pad
