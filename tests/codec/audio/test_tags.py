"""Tags and cover from every kind of source, and back into every kind of target."""

import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.audio.open import open_source
from codec.audio.sink import open_sink
from codec.audio.tags.read import read_tags
from formats import Metadata
from formats.container.metadata import PICTURES_LIMIT, TAGS_LIMIT, pack_metadata

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg here")

SILENCE = np.zeros((2, 4410), np.float32)
SONG = {
    "title": "Jóga",
    "artist": "A & B",
    "album": "C",
    "albumartist": "D",
    "track": "3/12",
    "disc": "1/2",
    "date": "1997",
    "genre": "Electronic",
    "comment": "line one",
    "replaygain_track_gain": "-3.20 dB",
}
FFMPEG_NAMES = {"albumartist": "album_artist", "replaygain_track_gain": "REPLAYGAIN_TRACK_GAIN"}


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 72)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@needs_ffmpeg
@pytest.mark.parametrize(
    ("kind", "lost"),
    [
        ("mp3", set()),
        ("flac", set()),
        ("ogg", set()),
        ("opus", set()),
        ("m4a", {"replaygain_track_gain"}),  # ffmpeg writes it into none of these three
        ("wma", {"disc", "track"}),
        ("wav", {"albumartist", "track", "disc", "replaygain_track_gain"}),
    ],
)
def test_tags_come_from_every_kind_of_source(tmp_path, kind, lost):
    made = tmp_path / "made.wav"
    soundfile.write(made, SILENCE.T, 48000)
    path = tmp_path / f"a.{kind}"
    options = [part for key, value in SONG.items() for part in ("-metadata", f"{FFMPEG_NAMES.get(key, key)}={value}")]
    subprocess.run(["ffmpeg", "-v", "error", "-i", made, *options, path], check=True)
    with open_source(path) as source:
        tags = source.tags.tags
    expected = {key: value for key, value in SONG.items() if key not in lost}
    assert {key: tags.get(key) for key in expected} == expected


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["mp3", "flac", "m4a"])
def test_the_cover_comes_along(tmp_path, kind):
    made, cover, path = tmp_path / "made.wav", tmp_path / "cover.png", tmp_path / f"a.{kind}"
    soundfile.write(made, SILENCE.T, 44100)
    cover.write_bytes(png())
    inputs = ["-i", made, "-i", cover, "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic"]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, path], check=True)
    found = read_tags(path)
    assert (found.cover, found.cover_type) == (png(), "image/png")


@pytest.mark.parametrize(
    ("name", "lost"),
    [("a.flac", set()), ("a.ogg", set()), ("a.mp3", set()), ("a.wav", {"track"}), ("a.wav 24", {"track"})],
)
def test_tags_go_back_into_every_kind_of_target(tmp_path, name, lost):
    name, _, subtype = name.partition(" ")
    with open_sink(tmp_path / name, 44100, 2, subtype or None, SONG) as sink:
        sink.write(SILENCE)
    tags = read_tags(tmp_path / name).tags
    kept = {"title", "artist", "album", "track", "date", "genre", "comment"} - lost
    assert {key: tags.get(key) for key in kept} == {key: SONG[key] for key in kept}


def test_mp3_leaves_out_what_its_writer_would_garble(tmp_path):
    with open_sink(tmp_path / "a.mp3", 44100, 2, tags={"title": "夜想曲", "artist": "Björk"}) as sink:
        sink.write(SILENCE)
    assert read_tags(tmp_path / "a.mp3").tags == {"artist": "Björk"}


@pytest.mark.parametrize(
    "content", [b"", b"ID3\4\0\0\x7f\x7f\x7f\x7fTIT2", b"fLaC\x04\xff\xff\xff", b"OggS" * 50, b"text"]
)
@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.ogg", "a.m4a", "a.wma", "a.aiff", "a"])
def test_unreadable_tags_are_no_tags(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert read_tags(path) == Metadata()
    assert read_tags(tmp_path / "missing.mp3") == Metadata()


def test_an_mp3_with_debris_in_front_is_believed_by_its_name(tmp_path):
    path = tmp_path / "a.mp3"
    with open_sink(path, 44100, 2) as sink:
        sink.write(SILENCE)
    path.write_bytes(bytes(16) + path.read_bytes() + b"TAG" + b"A title".ljust(125, b"\0"))
    assert read_tags(path).tags["title"] == "A title"


def test_a_name_that_lies_does_not_hide_the_tags(tmp_path):
    with open_sink(tmp_path / "a.flac", 44100, 2, tags={"title": "T"}) as sink:
        sink.write(SILENCE)
    path = (tmp_path / "a.flac").rename(tmp_path / "a.ogg")
    assert read_tags(path).tags["title"] == "T"


def flac_with(path: Path, comments: list[str]) -> Path:
    soundfile.write(path, SILENCE.T, 44100)
    data = path.read_bytes()
    body = struct.pack("<I", 0) + struct.pack("<I", len(comments))
    body += b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in comments)
    block = struct.pack(">I", (4 << 24) | len(body)) + body
    path.write_bytes(data[:42].replace(b"fLaC\x80", b"fLaC\0") + block + data[42:])
    return path


def test_giant_tags_are_left_out_and_the_others_stay(tmp_path):
    long = "x" * TAGS_LIMIT
    found = read_tags(flac_with(tmp_path / "a.flac", [f"COMMENT={long}", "TITLE=T", "R128_TRACK_GAIN=256"]))
    assert found.tags == {"title": "T", "r128_track_gain": "256"}
    full = read_tags(
        flac_with(tmp_path / "b.flac", [f"{key}={'€' * 40_000}" for key in ("TITLE", "ARTIST", "ALBUM", "GENRE")])
    )
    assert pack_metadata(full, 0)
    assert len(full.tags) == 4


@pytest.mark.parametrize(("size", "kept"), [(1000, True), (PICTURES_LIMIT, True), (PICTURES_LIMIT + 1, False)])
def test_covers_as_far_as_a_file_may_hold_them(tmp_path, size, kept):
    picture = b"\0image/png\0\3\0" + b"x" * size
    frame = b"APIC" + struct.pack(">I", len(picture)) + b"\0\0" + picture
    synchsafe = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    path = tmp_path / "a.mp3"
    path.write_bytes(b"ID3\3\0\0" + synchsafe + frame)
    found = read_tags(path)
    assert (found.cover is not None) == kept
    assert not kept or (len(found.cover), found.cover_type) == (size, "image/png")
    assert pack_metadata(found, 0)
