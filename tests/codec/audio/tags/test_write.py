"""Tags and pictures into every kind of file, and out of it again: by our reader, by tinytag and by ffmpeg."""

import io
import json
import struct
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from tinytag import TinyTag

from codec.audio.sink import AudioSink, open_sink
from codec.audio.tags.read import read_tags
from codec.audio.tags.write import write_tags
from formats import Metadata, Picture
from formats.errors import AudioError
from tests.support.audio_files import needs_ffmpeg
from tests.support.audio_files import read as samples
from tests.support.tags import PICTURES, SILENCE, SONG, TAGS, png

NOISE = np.random.default_rng(0).standard_normal((2, 44_100)).astype(np.float32) / 9


def written(path, metadata, audio=SILENCE, **options):
    with open_sink(path, 44100, 2, tags=metadata, **options) as sink:
        sink.write(audio)
    return sink.left_out


@pytest.mark.parametrize(
    "name", ["a.flac", "a.ogg", "a.mp3", "a.wav", pytest.param("a.wav float", id="float"), "a.flac 24"]
)
def test_all_comes_back_and_the_audio_is_the_same(tmp_path, name):
    name, _, subtype = name.partition(" ")
    path, plain = tmp_path / name, tmp_path / f"plain-{name}"
    assert written(path, SONG, NOISE, subtype=subtype or None) == []
    written(plain, None, NOISE, subtype=subtype or None)
    found = read_tags(path)
    assert found.metadata.tags == TAGS and found.metadata.pictures == PICTURES and found.left_out == ()
    assert np.array_equal(samples(path), samples(plain))
    assert soundfile.info(path).frames == soundfile.info(plain).frames
    by_tinytag = TinyTag.get(path, image=True)
    assert (by_tinytag.title, by_tinytag.albumartist, by_tinytag.track_total) == ("夜想曲 🎹", "D", 12)
    assert by_tinytag.images.front_cover.data == PICTURES[0].data
    assert by_tinytag.images.back_cover.description == "夜"
    assert {"Zoë", "Max"} <= {by_tinytag.artist, *by_tinytag.other["artist"]}


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["opus", "m4a", "aiff", "ogg", "mp3"])
def test_all_goes_into_files_of_other_programs(tmp_path, kind):
    made, path = tmp_path / "made.wav", tmp_path / f"a.{kind}"
    soundfile.write(made, NOISE.T, 48000)
    old = ("-metadata", "title=old", "-metadata", "artist=old", *(("-c:a", "libvorbis") if kind == "ogg" else ()))
    subprocess.run(["ffmpeg", "-v", "error", "-i", made, *old, path], check=True)

    def by_ffmpeg(*command):
        return subprocess.run(["ffmpeg", "-v", "error", *command], check=True, capture_output=True).stdout

    before = by_ffmpeg("-i", path, "-map", "0:a", "-f", "s16le", "-")
    with path.open("r+b") as file:
        left_out = write_tags(file, kind, SONG)
        assert kind == "aiff" or write_tags(file, kind, SONG) == left_out  # in place of what is there
    assert by_ffmpeg("-i", path, "-map", "0:a", "-f", "s16le", "-") == before
    found = read_tags(path)
    assert found.metadata.tags == TAGS and found.left_out == ()
    if kind == "m4a":
        assert [picture.data for picture in found.metadata.pictures] == [picture.data for picture in PICTURES]
        assert left_out == ["what its pictures show and their descriptions, because m4a has covers only"]
    else:
        assert found.metadata.pictures == PICTURES and left_out == []
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path],
        check=True, capture_output=True,
    )  # fmt: skip
    told = json.loads(shown.stdout)
    tags = told["format"].get("tags") or told["streams"][0]["tags"]
    lower = {key.lower(): value for key, value in tags.items()}
    assert (lower["title"], lower["album_artist"]) == ("夜想曲 🎹", "D")
    assert lower["artist"].startswith("Zoë") and lower["my field"].startswith("ü")
    assert sum(stream["disposition"]["attached_pic"] for stream in told["streams"]) == len(PICTURES)


def test_what_a_kind_cannot_hold_is_told(tmp_path):
    odd = Metadata({"TITLE": ("T",), "CLÉ": ("x",), "A=B": ("y",)})
    for kind in ("flac", "ogg"):
        told = written(tmp_path / f"a.{kind}", odd)
        assert len(told) == 2 and "CLÉ" in told[0] and "A=B" in told[1]
        assert read_tags(tmp_path / f"a.{kind}").metadata.tags == {"TITLE": ("T",)}
    picture = Metadata({"COVERART": ("no picture",)})
    assert "COVERART" in written(tmp_path / "a.flac", picture)[0]
    assert written(tmp_path / "a.mp3", odd) == []
    assert read_tags(tmp_path / "a.mp3").metadata.tags == odd.tags
    assert written(tmp_path / "a.flac", Metadata({}, (Picture(bytes((1 << 24) - 10), "image/png"),))) != []
    assert read_tags(tmp_path / "a.flac").metadata == Metadata()


def test_names_that_stand_for_others(tmp_path):
    tags = {
        "YEAR": ("1997",),
        "ORGANIZATION": ("L",),
        "TOTALTRACKS": ("9",),
        "TRACKNUMBER": ("02",),
        "ALBUM ARTIST": ("A",),
    }
    path = tmp_path / "a.mp3"
    written(path, Metadata(tags | {"DESCRIPTION": ("d",)}))
    assert read_tags(path).metadata.tags == {
        "TRACKNUMBER": ("02",), "TRACKTOTAL": ("9",), "DATE": ("1997",), "LABEL": ("L",), "ALBUMARTIST": ("A",),
        "COMMENT": ("d",),
    }  # fmt: skip
    written(path, Metadata({"TRACKNUMBER": ("A1",), "DISCTOTAL": ("2",), "COMMENT": ("c",), "DESCRIPTION": ("d",)}))
    assert read_tags(path).metadata.tags == {
        "TRACKNUMBER": ("A1",), "DISCTOTAL": ("2",), "COMMENT": ("c",), "DESCRIPTION": ("d",),
    }  # fmt: skip
    written(tmp_path / "a.flac", Metadata(tags))
    assert read_tags(tmp_path / "a.flac").metadata.tags == tags


@pytest.mark.parametrize("size", [1, 254, 255, 65_024, 65_025, 65_280, 200_000])
def test_ogg_pages_of_comments_of_any_length(tmp_path, size):
    path = tmp_path / "a.ogg"
    tags = {"TITLE": ("x" * size,)}
    written(path, Metadata(tags), NOISE)
    assert read_tags(path).metadata.tags == tags
    assert samples(path).shape == NOISE.shape  # libsndfile, which checks the pages' checksums, reads to the end
    with path.open("r+b") as file:
        write_tags(file, "ogg", Metadata({"TITLE": ("short",)}))
    assert read_tags(path).metadata.tags == {"TITLE": ("short",)}
    assert samples(path).shape == NOISE.shape


def test_files_of_an_unusual_layout_keep_what_they_have():
    page = b"OggS\0\2" + bytes(8) + b"\1\0\0\0" + bytes(8) + b"\1\x07\1vorbis"
    for kind, data in (
        ("ogg", page), ("ogg", b"junk"), ("m4a", b"junk"), ("wav", b"RF64\xff\xff\xff\xffWAVEfmt " + bytes(50)),
    ):  # fmt: skip
        file = io.BytesIO(data)
        assert write_tags(file, kind, SONG) == ["all tags, because the file has an unusual layout"]
        assert file.getvalue() == data


def test_a_long_wav_counts_its_tags_in_64_bits(tmp_path):
    path = tmp_path / "a.wav"
    with open_sink(path, 44100, 2, tags=SONG, expected=1 << 31) as sink:
        sink.write(SILENCE)
    data = path.read_bytes()
    assert data[:4] == b"RF64" and struct.unpack_from("<Q", data, 20)[0] == len(data) - 8
    assert read_tags(path).metadata == SONG
    assert samples(path).shape == SILENCE.shape


@pytest.mark.parametrize("name", ["a.wav", "a.wav large", "a.wav 24", "a.aiff", "a.caf"])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_reader_of_a_pipe_meets_the_tags_before_the_audio(tmp_path, name, channels):
    name, _, subtype = name.partition(" ")
    options = {"expected": 1 << 31} if subtype == "large" else {"subtype": subtype or None}
    out, path = io.BytesIO(), tmp_path / name
    with AudioSink(out, name, 44100, channels, tags=SONG, streamed=True, **options) as sink:
        sink.write(NOISE[:channels, :1001])
    path.write_bytes(out.getvalue())
    audio = out.getvalue().index(b"SSND" if name == "a.aiff" else b"data")
    assert out.getvalue().index(TAGS["TITLE"][0].encode()) < audio
    assert read_tags(path).metadata.tags["TITLE"] == TAGS["TITLE"]
    assert name == "a.caf" or read_tags(path).metadata == SONG
    with open_sink(tmp_path / f"plain-{name}", 44100, channels, **options) as sink:
        sink.write(NOISE[:channels, :1001])
    assert np.array_equal(samples(path), samples(tmp_path / f"plain-{name}"))


@pytest.mark.parametrize("by", ["us", pytest.param("ffmpeg", marks=needs_ffmpeg)])
def test_tags_of_a_caf(tmp_path, by):
    path = tmp_path / "a.caf"
    assert written(path, SONG, NOISE) == [
        "its pictures, because caf files have no place for them",
        "where one value ends and the next begins of ARTIST, COMPOSER, GENRE, COMMENT, MUSICBRAINZ_ARTISTID, PERFORMER,"
        " PRODUCER, MY FIELD",
    ]
    joined = {key: "; ".join(values) for key, values in TAGS.items()}
    if by == "us":
        assert read_tags(path).metadata.tags == {key: (text,) for key, text in joined.items()}
        assert written(tmp_path / "b.caf", Metadata({"TITLE": ("x",)})) == []
        return
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-show_format", "-of", "json", path], check=True, capture_output=True
    )
    tags = json.loads(shown.stdout)["format"]["tags"]
    assert (tags["title"], tags["artist"], tags["MY FIELD"]) == (joined["TITLE"], "Zoë; Max", "ü; v")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-i", path, "-metadata", "track=3/12", tmp_path / "b.caf"], check=True
    )
    found = read_tags(tmp_path / "b.caf").metadata
    assert (found.text("TITLE"), found.text("TRACKTOTAL"), found.text("DATE")) == (joined["TITLE"], "12", "1997-05-01")


class FullDisk(io.BytesIO):
    """No room for more than some bytes."""

    room = 1 << 14

    def write(self, data):
        if self.tell() + len(data) > self.room:
            raise OSError(28, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_one_error():
    with (
        pytest.raises(AudioError, match=r"cannot write a\.flac: No space left"),
        AudioSink(FullDisk(), "a.flac", 44100, 2, tags=replace(SONG, tags={})) as sink,
    ):
        sink.write(SILENCE)


def test_no_tags_change_nothing(tmp_path):
    assert written(tmp_path / "a.mp3", Metadata()) == []
    assert read_tags(tmp_path / "a.mp3").metadata == Metadata()
    assert not (tmp_path / "a.mp3").read_bytes().startswith(b"ID3")


def test_files_without_samples_have_tags_too(tmp_path):
    for kind in ("ogg", "wav", "aiff"):
        path = tmp_path / f"a.{kind}"
        assert written(path, SONG, SILENCE[:, :0]) == []
        assert read_tags(path).metadata == SONG


def test_pictures_alone(tmp_path):
    for kind in ("flac", "ogg", "mp3", "wav"):
        path = tmp_path / f"a.{kind}"
        written(path, Metadata({}, (Picture(png(), "", 3),)))
        assert read_tags(path).metadata == Metadata({}, (Picture(png(), "image/png", 3),))
