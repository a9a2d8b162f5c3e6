"""Zstandard frames (RFC 8878): Python's own module, or its backport. Imported only where there is a frame."""

from __future__ import annotations

import sys
from typing import Any


class ZstdError(ValueError):
    """The bytes are not one whole frame, or are longer than they may be."""


def compress(data: bytes, level: int) -> bytes:
    """One frame, which states its size and has no checksum."""
    frame: bytes = _zstd().compress(data, level=level)
    return frame


def stated_size(frame: bytes) -> int | None:
    """Bytes that a frame holds, as its header has them; None if it does not say.

    Raises:
        ZstdError: no frame begins here.
    """
    zstd = _zstd()
    try:
        size: int | None = zstd.get_frame_info(frame).decompressed_size
    except zstd.ZstdError as error:
        raise ZstdError(str(error)) from None
    return size


def decompress(frame: bytes, most: int) -> bytes:
    """What a frame holds, of at most `most` bytes; nothing may follow the frame.

    Raises:
        ZstdError: it is damaged, cut, or longer.
    """
    zstd = _zstd()
    decompressor = zstd.ZstdDecompressor()
    try:
        data: bytes = decompressor.decompress(frame, max_length=most + 1)
    except (zstd.ZstdError, MemoryError) as error:
        raise ZstdError(str(error)) from None
    if not decompressor.eof or decompressor.unused_data or len(data) > most:
        raise ZstdError("not one whole frame of that size")
    return data


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
