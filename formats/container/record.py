"""Records: rows of little-endian fields without padding, each field declared once with its name and type."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

U8, U16, U32, U64, I16 = "B", "H", "I", "Q", "h"
"""Types of numbers, as in `struct`: their bits, U for unsigned."""


def raw(size: int) -> str:
    """The type of `size` bytes."""
    return f"{size}s"


class Record:
    """A row of fields, by name and type.

    Attributes:
        size: bytes of the record.
    """

    def __init__(self, **fields: str) -> None:
        self._fields = fields
        self._struct = struct.Struct("<" + "".join(fields.values()))
        self.size = self._struct.size

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of every field, in their order."""
        return {name: struct.calcsize("<" + kind) for name, kind in self._fields.items()}

    def build(self, values: Mapping[str, Any]) -> bytes:
        """The bytes of a record: numbers, and `bytes` where the type is raw."""
        return self._struct.pack(*(values[name] for name in self._fields))

    def parse(self, data: bytes) -> dict[str, Any]:
        """Values by name from the first bytes of `data`, which must have at least `size`."""
        return dict(zip(self._fields, self._struct.unpack_from(data), strict=True))
