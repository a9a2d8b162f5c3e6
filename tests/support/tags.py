"""Tags and pictures for tests, and small files that have them."""

import struct
import zlib
from pathlib import Path

import numpy as np
import soundfile

from formats import Metadata, Picture

SILENCE = np.zeros((2, 4410), np.float32)


def png(extra: bytes = b"") -> bytes:
    """A picture of 8 times 8 black pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 72)
    more = chunk(b"teXt", extra) if extra else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + more + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


TAGS = {
    "TITLE": ("夜想曲 🎹",), "ARTIST": ("Zoë", "Max"), "ALBUM": ("C",), "ALBUMARTIST": ("D",), "COMPOSER": ("E", "F"),
    "TRACKNUMBER": ("3",), "TRACKTOTAL": ("12",), "DISCNUMBER": ("1",), "DISCTOTAL": ("2",), "DATE": ("1997-05-01",),
    "ORIGINALDATE": ("1996",), "GENRE": ("Jazz", "Rock & Roll"), "COMMENT": ("one", "two"), "LYRICS": ("la\nla",),
    "ISRC": ("DEABC1234567",), "COPYRIGHT": ("me",), "LABEL": ("L",), "BPM": ("120",), "COMPILATION": ("1",),
    "MUSICBRAINZ_TRACKID": ("0b6d1a1e-1111-4444-8888-000000000000",), "MUSICBRAINZ_ALBUMID": ("a",),
    "MUSICBRAINZ_ARTISTID": ("a1", "a2"), "REPLAYGAIN_TRACK_GAIN": ("-3.20 dB",), "PERFORMER": ("Ann (piano)", "Bob"),
    "PRODUCER": ("P", "Q"), "MY FIELD": ("ü", "v"), "MOOD": ("m",), "WEBSITE": ("http://x.org/",),
    "LICENSE": ("none at all",), "TOWN": ("Ö",), "WOAF": ("http://y.org/",),
}  # fmt: skip
"""Every kind of field, and letters beyond Latin-1 and beyond 16 bits."""

PICTURES = (
    Picture(png(b"front"), "image/png", 3, "front é"),
    Picture(png(bytes(50_000)), "image/png", 4, "夜"),
    Picture(png(), "image/png", 0, ""),
)
SONG = Metadata(TAGS, PICTURES)


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(version: int, *frames: tuple[str, bytes], flags: int = 0) -> bytes:
    """An ID3v2 tag of these frames."""
    body = b""
    for name, plain in frames:
        content = plain.replace(b"\xff", b"\xff\0") if version == 4 and flags & 0x80 else plain
        size = synchsafe(len(content)) if version == 4 else struct.pack(">I", len(content))
        body += name.encode() + (size[1:] if version == 2 else size + b"\0\0") + content
    if version < 4 and flags & 0x80:
        body = body.replace(b"\xff", b"\xff\0")
    return b"ID3" + bytes([version, 0, flags]) + synchsafe(len(body)) + body


def flac_with(path: Path, comments: list[str]) -> Path:
    """A flac file with these Vorbis comments."""
    soundfile.write(path, SILENCE.T, 44100)
    data = path.read_bytes()
    body = struct.pack("<I", 0) + struct.pack("<I", len(comments))
    body += b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in comments)
    block = struct.pack(">I", (4 << 24) | len(body)) + body
    path.write_bytes(data[:42].replace(b"fLaC\x80", b"fLaC\0") + block + data[42:])
    return path
