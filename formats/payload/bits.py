"""Raw bits and variable-length integers of a payload, vectorised."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from formats.errors import DamagedError

ESCAPE_LENGTH = 5
"""Bits of the length of an escaped value."""


def varints(values: list[int]) -> bytes:
    """Unsigned LEB128: seven bits a byte, least significant first, the high bit set on all but the last byte."""
    out = bytearray()
    for value in values:
        rest = value
        while rest > 0x7F:
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        out.append(rest)
    return bytes(out)


class Cursor:
    """Reads a byte string from the front; raises DamagedError instead of reading past its end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count > len(self._data) - self._at:
            raise DamagedError("a chunk ends early")
        self._at += count
        return self._data[self._at - count : self._at]

    def varint(self) -> int:
        """The next LEB128 integer, of at most six bytes and without needless ones."""
        value = 0
        for index in range(6):
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if index and not byte:
                    break
                return value
        raise DamagedError("a chunk holds a number of too many bytes")

    def rest(self) -> bytes:
        """All bytes that are left."""
        return self.take(len(self._data) - self._at)


def split(values: NDArray[Any], lengths: NDArray[Any]) -> NDArray[np.uint8]:
    """The low lengths[i] bits of values[i], most significant first, one after another: -> 0/1 [sum of lengths]."""
    present = np.flatnonzero(lengths != 0)
    widths = lengths[present]
    return ((np.repeat(values[present], widths) >> _exponents(widths)) & 1).astype(np.uint8)


def escape(values: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Non-negative values as lengths of five bits each, then value + 1 without its leading one."""
    plus = values.astype(np.int64) + 1
    lengths = np.frexp(plus.astype(np.float64))[1].astype(np.int64) - 1
    return (
        split(lengths, np.full(len(plus), ESCAPE_LENGTH)),
        split(plus, lengths),
    )


def _exponents(lengths: NDArray[Any]) -> NDArray[np.int64]:
    """Exponent of every bit in a row of fields: lengths [2, 3] -> [1, 0, 2, 1, 0]."""
    ends = np.cumsum(lengths, dtype=np.int64)
    return np.repeat(ends, lengths) - 1 - np.arange(ends[-1] if len(ends) else 0)


class BitReader:
    """Bits of a byte string, first bit most significant; every read is checked against what is left."""

    def __init__(self, data: bytes) -> None:
        self._bits, self._at = np.unpackbits(np.frombuffer(data, np.uint8)), 0

    def take(self, count: int) -> NDArray[np.uint8]:
        """The next `count` bits as 0/1."""
        if count > len(self._bits) - self._at:
            raise DamagedError("a chunk ends early")
        self._at += count
        return self._bits[self._at - count : self._at]

    def join(self, lengths: NDArray[Any]) -> NDArray[np.int32]:
        """Inverse of `split`, of fields of up to 31 bits."""
        values = np.zeros(len(lengths), np.int32)
        present = np.flatnonzero(lengths != 0)
        if len(present):
            widths = lengths[present]
            ends = np.cumsum(widths, dtype=np.int64)
            bits = self.take(int(ends[-1])).astype(np.int32)
            values[present] = np.add.reduceat(bits << _exponents(widths), ends - widths)
        return values

    def unescape(self, count: int) -> NDArray[np.int32]:
        """Inverse of `escape`."""
        lengths = self.join(np.full(count, ESCAPE_LENGTH))
        if count and lengths.max() > 24:
            raise DamagedError("a chunk holds a value beyond its range")
        return (1 << lengths) - 1 + self.join(lengths)

    def finish(self) -> None:
        """Check that everything was read except for the padding of the last byte, and that the padding is zero."""
        rest = self._bits[self._at :]
        if len(rest) > 7 or rest.any():
            raise DamagedError("a chunk is longer than what it holds")
