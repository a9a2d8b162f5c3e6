"""Protobuf's wire format (https://protobuf.dev/programming-guides/encoding), as strictly as no parser misreads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""

TAG_LIMIT = LENGTH_LIMIT = 5
"""Bytes of a tag and of a length, at most."""

Value: TypeAlias = "int | memoryview"


class UnreadableError(ValueError):
    """The bytes are no message, or one that parsers do not agree on."""


def fields(data: memoryview) -> Iterator[tuple[int, int, Value]]:
    """Yield the fields of a message: number, wire type, and value or bytes."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at, TAG_LIMIT)
        number, wire = key >> 3, key & 7
        if not number or key >> 32:
            raise UnreadableError
        if wire == VARINT:
            value, at = read_varint(data, at)
            yield number, wire, value
            continue
        if wire == BYTES:
            length, at = read_varint(data, at, LENGTH_LIMIT)
        elif wire in (FIXED64, FIXED32):
            length = 8 if wire == FIXED64 else 4
        else:
            raise UnreadableError
        if length > len(data) - at:
            raise UnreadableError
        yield number, wire, data[at : at + length]
        at += length


def read_varint(data: memoryview, at: int, limit: int = 10) -> tuple[int, int]:
    """The number at a place, of at most `limit` bytes and 64 bits, and the place behind it."""
    value = 0
    for shift, byte in enumerate(data[at : at + limit]):
        value |= (byte & 127) << 7 * shift
        if byte < 128:
            if value >> 64:
                raise UnreadableError
            return value, at + shift + 1
    raise UnreadableError


def varint(number: int) -> bytes:
    """A number in the shortest form."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
