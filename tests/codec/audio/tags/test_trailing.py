"""APEv2 and ID3v1 behind the audio."""

import struct

from codec.audio.tags.read import read_tags
from formats import Metadata, Picture
from tests.support.tags import id3, png

AUDIO = b"\xff\xfb\x90\0" + bytes(500)


def ape(*items):
    body = b"".join(struct.pack("<II", len(value), kind << 1) + key + b"\0" + value for key, value, kind in items)
    footer = b"APETAGEX" + struct.pack("<IIII", 2000, len(body) + 32, len(items), 0) + bytes(8)
    return body + footer


def id3v1(title=b"T", track=7, genre=17):
    fields = title.ljust(30, b"\0") + b"Bj\xf6rk".ljust(30, b" ") + b"C".ljust(30, b"\0") + b"1997"
    return b"TAG" + fields + b"comment".ljust(28, b"\0") + bytes([0, track, genre])


def read(tmp_path, data):
    (tmp_path / "a.mp3").write_bytes(data)
    return read_tags(tmp_path / "a.mp3")


def test_ape(tmp_path):
    items = ape(
        (b"Artist", b"Zo\xc3\xab\0Max", 0), (b"Track", b"3/12", 0), (b"Year", b"1997", 0), (b"My field", b"x", 0),
        (b"Cover Art (Front)", b"front.png\0" + png(), 1), (b"Cover Art (Back)", b"\0" + png(b"b"), 1),
        (b"Other", b"x", 1),
    )  # fmt: skip
    wanted = {
        "ARTIST": ("Zoë", "Max"), "TRACKNUMBER": ("3",), "TRACKTOTAL": ("12",), "DATE": ("1997",), "MY FIELD": ("x",)
    }  # fmt: skip
    for tail in (b"", id3v1()):
        found = read(tmp_path, AUDIO + items + tail)
        assert wanted.items() <= found.metadata.tags.items()
        assert found.metadata.pictures == (Picture(png(), "image/png", 3), Picture(png(b"b"), "image/png", 4))
        assert found.left_out == ("APE item OTHER",)


def test_id3v1(tmp_path):
    wanted = {
        "TITLE": ("T",), "ARTIST": ("Björk",), "ALBUM": ("C",), "DATE": ("1997",), "COMMENT": ("comment",),
        "TRACKNUMBER": ("7",), "GENRE": ("Rock",),
    }  # fmt: skip
    assert read(tmp_path, AUDIO + id3v1()).metadata.tags == wanted
    found = read(tmp_path, id3(3, ("TIT2", b"\0A long title")) + AUDIO + id3v1(b"A long")).metadata
    assert found.tags == wanted | {"TITLE": ("A long title",)}
    assert "GENRE" not in read(tmp_path, AUDIO + id3v1(genre=255)).metadata.tags


def test_damaged_ones(tmp_path):
    whole = ape((b"Artist", b"A", 0))
    for at in range(len(whole)):
        read(tmp_path, AUDIO + whole[:at] + b"\xff" + whole[at + 1 :])
        read(tmp_path, whole[at:])
    assert read(tmp_path, AUDIO + whole[-32:]).metadata == Metadata()
