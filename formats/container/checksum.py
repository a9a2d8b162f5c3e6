"""Checksums of an .aez file's parts, of which those behind the header continue the header's."""

from __future__ import annotations

import google_crc32c

from formats.container.layout import CRC, CRC_SIZE


def crc32c(*parts: bytes, start: int = 0) -> int:
    """CRC-32C (Castagnoli, as in iSCSI, RFC 3720) of the parts in a row, continuing the checksum `start`."""
    crc = start
    for part in parts:
        crc = google_crc32c.extend(crc, part)
    return int(crc)


def seal(data: bytes, start: int = 0) -> bytes:
    """Append to bytes their checksum, which continues the checksum `start`."""
    return data + CRC.build(crc32c(data, start=start))


def is_sealed(data: bytes, start: int = 0) -> bool:
    """Whether the last four bytes are the checksum of the others, continuing the checksum `start`."""
    return stored_crc(data) == crc32c(data[:-CRC_SIZE], start=start)


def stored_crc(data: bytes) -> int:
    """The checksum in the last four bytes; that of a header is continued by those of all other parts."""
    return int(CRC.parse(data[-CRC_SIZE:]))
