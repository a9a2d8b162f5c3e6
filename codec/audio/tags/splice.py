"""Replacing bytes in the middle of a file that is open for reading and writing, in bounded memory."""

from __future__ import annotations

from typing import BinaryIO

_BLOCK = 1 << 20


def splice(file: BinaryIO, start: int, end: int, data: bytes) -> None:
    """Replace the bytes from `start` to `end` by `data`, and move what follows."""
    size = file.seek(0, 2)
    shift = len(data) - (end - start)
    if shift > 0:
        position = size
        while position > end:  # from the end, so that nothing is overwritten before it was read
            step = min(_BLOCK, position - end)
            position -= step
            _copy(file, position, position + shift, step)
    elif shift < 0:
        for position in range(end, size, _BLOCK):
            _copy(file, position, position + shift, min(_BLOCK, size - position))
        file.truncate(size + shift)
    file.seek(start)
    file.write(data)


def _copy(file: BinaryIO, source: int, target: int, size: int) -> None:
    file.seek(source)
    block = file.read(size)
    file.seek(target)
    file.write(block)
