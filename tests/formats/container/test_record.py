"""Records of fields, as `struct` would pack them."""

import struct

from formats.container.record import I16, U8, U16, U32, U64, Record, raw

RECORD = Record(name=raw(3), small=U8, size=U16, count=U32, large=U64, signed=I16)
VALUES = {"name": b"abc", "small": 255, "size": 2**16 - 1, "count": 7, "large": 2**64 - 1, "signed": -2}


def test_fields_lie_side_by_side_in_little_endian_order() -> None:
    assert RECORD.build(VALUES) == struct.pack("<3sBHIQh", *VALUES.values())
    assert RECORD.sizes == {"name": 3, "small": 1, "size": 2, "count": 4, "large": 8, "signed": 2}
    assert RECORD.size == sum(RECORD.sizes.values()) == 20


def test_parse_reads_from_the_front_and_ignores_what_follows() -> None:
    assert RECORD.parse(RECORD.build(VALUES) + b"more") == VALUES
