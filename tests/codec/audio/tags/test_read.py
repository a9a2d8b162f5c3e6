"""Tags from files of every kind, by other programs; damaged ones are no tags."""

import os
import struct
import subprocess
import sys
import time

import pytest
import soundfile

from codec.audio.open import open_source
from codec.audio.sink import open_sink
from codec.audio.tags.read import read_tags
from formats import Metadata, Picture
from formats.container.metadata import PICTURES_LIMIT, TAGS_LIMIT, pack_metadata
from tests.support.audio_files import needs_ffmpeg
from tests.support.tags import SILENCE, SONG, flac_with, id3, png

NAMES = {
    "title": "TITLE", "artist": "ARTIST", "album": "ALBUM", "album_artist": "ALBUMARTIST", "composer": "COMPOSER",
    "date": "DATE", "genre": "GENRE", "comment": "COMMENT", "REPLAYGAIN_TRACK_GAIN": "REPLAYGAIN_TRACK_GAIN",
    "copyright": "COPYRIGHT",
}  # fmt: skip
"""ffmpeg's names of tags, and ours."""


@needs_ffmpeg
@pytest.mark.parametrize(
    ("kind", "lost"),
    [
        ("mp3", set()),
        ("flac", set()),
        ("ogg", set()),
        ("opus", set()),
        ("m4a", {"REPLAYGAIN_TRACK_GAIN"}),  # ffmpeg writes it into none of these
        ("wma", {"TRACKNUMBER"}),
        ("wav", {"ALBUMARTIST", "COMPOSER", "REPLAYGAIN_TRACK_GAIN"}),
        (
            "aiff",
            {"ARTIST", "ALBUM", "ALBUMARTIST", "COMPOSER", "DATE", "GENRE", "REPLAYGAIN_TRACK_GAIN", "TRACKNUMBER"},
        ),
    ],
)
def test_tags_come_from_every_kind_of_source(tmp_path, kind, lost):
    made = tmp_path / "made.wav"
    soundfile.write(made, SILENCE.T, 48000)
    path = tmp_path / f"a.{kind}"
    values = {name: f"Jóga {name}" for name in NAMES} | {"date": "1997", "track": "3/12"}
    options = [part for key, value in values.items() for part in ("-metadata", f"{key}={value}")]
    subprocess.run(["ffmpeg", "-v", "error", "-i", made, *options, path], check=True)
    with open_source(path) as source:
        tags = dict(source.tags.tags)
        assert source.tags_left_out == ()
    if kind in ("flac", "ogg", "opus"):  # what ffmpeg calls it
        tags["COMMENT"] = tags.pop("DESCRIPTION", tags.get("COMMENT"))
        assert tags["TRACKNUMBER"] in (("3/12",), ("3",))
    elif "TRACKNUMBER" not in lost and kind != "wav":
        assert (tags["TRACKNUMBER"], tags["TRACKTOTAL"]) == (("3",), ("12",))
    wanted = {ours: (values[theirs],) for theirs, ours in NAMES.items() if ours not in lost}
    assert {key: tags.get(key) for key in wanted} == wanted


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["mp3", "flac", "m4a"])
def test_the_cover_comes_along(tmp_path, kind):
    made, cover, path = tmp_path / "made.wav", tmp_path / "cover.png", tmp_path / f"a.{kind}"
    soundfile.write(made, SILENCE.T, 44100)
    cover.write_bytes(png())
    inputs = ["-i", made, "-i", cover, "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic"]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, path], check=True)
    found = read_tags(path).metadata.cover
    assert (found.data, found.mime) == (png(), "image/png")


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["mka", "webm", "avi", "mov", "mp4"])
def test_films_have_tags_too(tmp_path, kind):
    made, cover = tmp_path / "made.wav", tmp_path / "cover.png"
    path = tmp_path / (f"a b.{kind}" if sys.platform == "win32" else os.fsdecode(b"-a b\xff%03d:?." + kind.encode()))
    soundfile.write(made, SILENCE.T, 48000)
    cover.write_bytes(png())
    values = {"title": "Jóga; x", "artist": "A", "album_artist": "AA", "track": "3/12", "date": "1997", "MY": "own"}
    options = [part for key, value in values.items() for part in ("-metadata", f"{key}={value}")]
    if kind == "mka":
        options += ["-attach", str(cover), "-metadata:s:t", "mimetype=image/png"]
    elif kind != "webm":  # of webm, the sound alone: vp9 takes its time
        options = ["-f", "lavfi", "-i", "color=size=16x16:duration=0.1", *options, "-map", "0", "-map", "1"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", made, *options, f"{path}"], check=True)
    with open_source(path) as source:
        tags = source.tags
        assert source.tags_left_out == ()
    assert (tags.text("TITLE"), tags.text("ARTIST"), tags.text("DATE")) == ("Jóga; x", "A", "1997")
    if kind in ("mka", "webm"):
        assert tags.tags == {
            "TITLE": ("Jóga; x",), "ARTIST": ("A",), "ALBUMARTIST": ("AA",), "TRACKNUMBER": ("3",),
            "TRACKTOTAL": ("12",), "DATE": ("1997",), "MY": ("own",),
        }  # fmt: skip
    assert tags.pictures == ((Picture(png(), "image/png", 3),) if kind == "mka" else ())


def test_an_ffprobe_that_hangs_takes_no_song_along(tmp_path, monkeypatch):
    program = tmp_path / "ffprobe"
    program.write_text("#!/bin/sh\nexec sleep 100\n")
    program.chmod(0o755)
    monkeypatch.setattr("codec.audio.tags.probe.shutil.which", lambda name: str(program))
    monkeypatch.setattr("codec.audio.tags.probe._PATIENCE", 0.1)
    path = tmp_path / "a.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3")
    assert read_tags(path, probe=True).left_out == ("some of its tags, which are damaged",)


@needs_ffmpeg
def test_without_ffprobe_a_line_says_that_tags_may_be_lost(tmp_path, monkeypatch):
    monkeypatch.setattr("codec.audio.tags.probe.shutil.which", lambda name: None)
    path = tmp_path / "a.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3")
    assert read_tags(path).left_out == ()
    assert read_tags(path, probe=True).left_out == ("its tags, if it has any, because ffprobe is not installed",)


@pytest.mark.parametrize(
    "content", [b"", b"ID3\4\0\0\x7f\x7f\x7f\x7fTIT2", b"fLaC\x04\xff\xff\xff", b"OggS" * 50, b"text",
                b"RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\xff", b"\0\0\0\x08ftyp\0\0\0\0moov", bytes(40) + b"APETAGEX"]
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.ogg", "a.m4a", "a.wma", "a.aiff", "a"])
def test_unreadable_tags_are_no_tags(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert read_tags(path).metadata == Metadata()
    assert read_tags(tmp_path / "missing.mp3").metadata == Metadata()


@pytest.mark.parametrize("kind", ["mp3", "flac", "ogg", "wav"])
def test_cut_and_damaged_tags_give_what_they_have(tmp_path, kind):
    path, changed = tmp_path / f"a.{kind}", tmp_path / f"b.{kind}"
    with open_sink(path, 44100, 2, tags=SONG) as sink:
        sink.write(SILENCE)
    data = path.read_bytes()
    begun = time.process_time()
    for at in range(4, len(data), len(data) // 50):
        changed.write_bytes(data[:at])
        assert pack_metadata(read_tags(changed).metadata, 0)
        changed.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        assert pack_metadata(read_tags(changed).metadata, 0)
    assert time.process_time() - begun < 5


def test_debris_in_front(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(bytes(16) + id3(3, ("TIT2", b"\0A title")) + b"\xff\xfb\x90\0" + bytes(500))
    assert read_tags(path).metadata.tags == {"TITLE": ("A title",)}


def test_a_name_that_lies_does_not_hide_the_tags(tmp_path):
    path = flac_with(tmp_path / "a.flac", ["TITLE=T"]).rename(tmp_path / "a.ogg")
    assert read_tags(path).metadata.tags == {"TITLE": ("T",)}


def test_flac_behind_id3_has_the_last_word(tmp_path):
    path = flac_with(tmp_path / "a.flac", ["TITLE=flac"])
    path.write_bytes(id3(4, ("TIT2", b"\3id3"), ("TPE1", b"\3only here")) + path.read_bytes())
    assert read_tags(path).metadata.tags == {"TITLE": ("flac",), "ARTIST": ("only here",)}


def test_comments_of_vorbis_keep_their_names_and_values(tmp_path):
    comments = [
        "Title= T ",
        "TRACKNUMBER=03/12",
        "trackTotal=12",
        "MY=a=b",
        "empty=",
        "blank=  ",
        "no equals",
        "MY=c",
        " coverart =AAA",
    ]
    assert read_tags(flac_with(tmp_path / "a.flac", comments)).metadata.tags == {
        "TITLE": (" T ",), "TRACKNUMBER": ("03/12",), "TRACKTOTAL": ("12",), "MY": ("a=b", "c"),
    }  # fmt: skip


def test_giant_tags_are_left_out_and_the_others_stay(tmp_path):
    long = "x" * TAGS_LIMIT
    found = read_tags(flac_with(tmp_path / "a.flac", [f"COMMENT={long}", "TITLE=T", "R128_TRACK_GAIN=256"]))
    assert found.metadata.tags == {"TITLE": ("T",), "R128_TRACK_GAIN": ("256",)}
    assert len(found.left_out) == 1 and found.left_out[0].startswith("the tag COMMENT of 1048")
    full = read_tags(
        flac_with(
            tmp_path / "b.flac", [f"{key}={'€' * 80_000}" for key in ("TITLE", "ARTIST", "ALBUM", "GENRE", "MOOD")]
        )
    )
    assert pack_metadata(full.metadata, 0)
    assert len(full.metadata.tags) == 4 and len(full.left_out) == 1


def test_very_many_values_are_cut(tmp_path):
    found = read_tags(flac_with(tmp_path / "a.flac", [f"K{number}=v" for number in range(12_000)]))
    assert len(found.metadata.tags) == 10_000 and len(found.left_out) == 1


@pytest.mark.parametrize(("size", "kept"), [(1000, True), (PICTURES_LIMIT - 17, True), (PICTURES_LIMIT - 16, False)])
def test_pictures_as_far_as_a_file_may_hold_them(tmp_path, size, kept):
    path = tmp_path / "a.mp3"
    path.write_bytes(id3(3, ("APIC", b"\0image/png\0\3\0" + b"x" * size)))
    found = read_tags(path)
    assert len(found.metadata.pictures) == kept == (not found.left_out)
    assert not kept or (len(found.metadata.cover.data), found.metadata.cover.mime) == (size, "image/png")
    assert pack_metadata(found.metadata, 0)


def test_pictures_in_ogg_that_are_damaged_are_told(tmp_path):
    cut = struct.pack(">II", 3, 9) + b"image/png" + bytes(20) + struct.pack(">I", 100) + b"short"
    import base64

    texts = ["METADATA_BLOCK_PICTURE=" + base64.b64encode(cut).decode(), "METADATA_BLOCK_PICTURE=AAA", "TITLE=T"]
    found = read_tags(flac_with(tmp_path / "a.flac", texts))
    assert found.metadata == Metadata({"TITLE": ("T",)})
    assert found.left_out == ("a picture that is cut", "a picture that is damaged")


@pytest.mark.parametrize("kind", ["ogg", "flac"])
def test_a_tag_in_front_of_a_stream_that_has_its_own_adds_what_is_missing(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    with open_sink(path, 44100, 2, tags=SONG) as sink:
        sink.write(SILENCE)
    path.write_bytes(id3(3, ("TPE1", b"\0Other"), ("TIT1", b"\0Group")) + path.read_bytes())
    found = read_tags(path).metadata
    assert found.tags == {**SONG.tags, "GROUPING": ("Group",)}
    assert found.pictures == SONG.pictures
