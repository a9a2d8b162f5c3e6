"""The head of an ID3v2 tag (id3.org), which says where the tag ends."""

from __future__ import annotations

HEAD = 10
"""Bytes of the head."""


def id3_size(head: bytes) -> int:
    """Bytes of the ID3v2 tag that begins with these ten, head and footer included; 0 if none begins here."""
    if len(head) < HEAD or head[:3] != b"ID3" or head[3] == 0xFF or any(byte & 0x80 for byte in head[6:10]):
        return 0
    return HEAD + synchsafe(head[6:10]) + (HEAD if head[3] >= 4 and head[5] & 0x10 else 0)


def synchsafe(data: bytes) -> int:
    """The number that bytes of 7 bits each hold."""
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value
