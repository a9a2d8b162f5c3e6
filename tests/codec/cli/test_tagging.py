"""Tags and pictures on the command line: there and back, chosen, replaced, left out, taken out."""

import json

import numpy as np
import pytest
import soundfile

from codec.audio.sink import open_sink
from codec.audio.tags.read import read_tags
from codec.audio.tags.write import write_tags
from formats import Metadata, Picture, Reader
from tests.support.audio_files import needs_ffmpeg
from tests.support.cli_fakes import RATE, aez
from tests.support.tags import PICTURES, SONG, TAGS, png

BIG = Picture(png(bytes(3 << 20)), "image/png", 3, "big")
pytestmark = pytest.mark.usefixtures("fakes")


def song(path, metadata=SONG):
    with open_sink(path, RATE, 2, tags=metadata) as sink:
        sink.write(np.zeros((2, RATE), np.float32))
    return path


def metadata(path):
    with path.open("rb") as file:
        return Reader(file).metadata


@pytest.mark.parametrize("kind", ["flac", "mp3", "ogg", "wav"])
def test_all_goes_there_and_back(tmp_path, capsys, kind):
    source, coded, back = song(tmp_path / f"a.{kind}"), tmp_path / "a.aez", tmp_path / f"b.{kind}"
    assert aez("encode", source) == aez("decode", coded, back) == 0
    assert "warning" not in capsys.readouterr().err
    assert metadata(coded) == read_tags(back).metadata == read_tags(source).metadata == SONG


def test_from_every_kind_into_every_other(tmp_path):
    song(tmp_path / "a.flac")
    for number, kind in enumerate(["mp3", "ogg", "wav", "flac"]):
        source = tmp_path / f"a.{['flac', 'mp3', 'ogg', 'wav'][number]}"
        assert aez("encode", source, tmp_path / "a.aez", "--force") == 0
        assert aez("decode", tmp_path / "a.aez", tmp_path / f"a.{kind}", "--force") == 0
    assert read_tags(tmp_path / "a.flac").metadata == SONG


def test_what_is_left_out_and_what_is_set(tmp_path):
    source, coded = song(tmp_path / "a.flac"), tmp_path / "a.aez"

    def encoded(*options):
        assert aez("encode", source, coded, "--force", *options) == 0
        return metadata(coded)

    assert encoded("--no-tags") == Metadata({}, PICTURES)
    assert encoded("--no-cover") == Metadata(TAGS)
    assert encoded("--no-tags", "--no-cover") == Metadata()
    changed = encoded(
        "--tag", "artist=夜", "--tag", "Artist=b", "--tag", "genre=", "--tag", "year=2001", "--tag", "new=a=b"
    )
    assert changed.tags == {key: values for key, values in TAGS.items() if key not in ("ARTIST", "GENRE", "DATE")} | {
        "ARTIST": ("夜", "b"), "DATE": ("2001",), "NEW": ("a=b",),
    }  # fmt: skip
    assert encoded("--no-tags", "--tag", "title=T").tags == {"TITLE": ("T",)}
    (tmp_path / "new.jpg").write_bytes(b"\xff\xd8\xffnew")
    new = Picture(b"\xff\xd8\xffnew", "image/jpeg", 3)
    assert encoded("--cover", tmp_path / "new.jpg").pictures == (new, *PICTURES[1:])
    assert encoded("--cover", tmp_path / "new.jpg", "--no-cover").pictures == (new,)


def test_decode_and_peel_choose_too(tmp_path):
    song(tmp_path / "a.flac")
    assert aez("encode", tmp_path / "a.flac") == 0
    (tmp_path / "new.png").write_bytes(png(b"new"))
    chosen = ("--no-tags", "--tag", "title=T", "--no-cover", "--cover", tmp_path / "new.png")
    wanted = Metadata({"TITLE": ("T",)}, (Picture(png(b"new"), "image/png"),))
    assert aez("decode", tmp_path / "a.aez", tmp_path / "b.ogg", *chosen) == 0
    assert read_tags(tmp_path / "b.ogg").metadata == wanted
    assert aez("peel", tmp_path / "a.aez", tmp_path / "b.aez", "--latent", 32) == 0
    assert metadata(tmp_path / "b.aez") == SONG
    assert aez("peel", tmp_path / "a.aez", tmp_path / "b.aez", "--latent", 32, *chosen, "--force") == 0
    assert metadata(tmp_path / "b.aez") == wanted


def test_large_pictures_are_left_out_with_one_line(tmp_path, capsys):
    source, coded = song(tmp_path / "a.flac", Metadata({"TITLE": ("T",)}, (PICTURES[1], BIG))), tmp_path / "a.aez"
    assert aez("encode", source) == 0
    line = "left out: its cover of 3.1 MB, because the limit for pictures is 1 MB; --cover-limit 16 keeps what fits"
    assert line in capsys.readouterr().err
    assert metadata(coded).pictures == PICTURES[1:2]
    assert aez("encode", source, "--force", "--cover-limit", 4) == 0
    assert "left out" not in capsys.readouterr().err
    assert metadata(coded).pictures == (PICTURES[1], BIG)
    assert aez("encode", source, "--force", "--cover-limit", 0) == 0
    assert "left out: 2 pictures of 3.1 MB" in capsys.readouterr().err
    assert aez("encode", source, "-o", tmp_path / "out") == 0
    assert line in capsys.readouterr().err
    assert aez("encode", source, "--force", "--no-cover") == 0
    assert "left out" not in capsys.readouterr().err  # as the user wished


def test_what_a_target_cannot_hold_is_one_line(tmp_path, capsys):
    song(tmp_path / "a.mp3", Metadata({"CLÉ": ("x",), "TITLE": ("T",)}))
    assert aez("encode", tmp_path / "a.mp3") == aez("decode", tmp_path / "a.aez", tmp_path / "b.flac") == 0
    wanted = f"aez: warning: {tmp_path / 'a.aez'}: left out: the tag CLÉ, a name that Vorbis comments cannot have\n"
    assert wanted in capsys.readouterr().err
    assert aez("decode", tmp_path / "a.aez", tmp_path / "c.flac", "--quiet") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--tag", "title"], 2, "--tag takes KEY=VALUE"),
        (["--tag", "=x"], 2, "--tag takes KEY=VALUE"),
        (["--cover", "text.txt"], 1, "text.txt is no image"),
        (["--cover", "empty.png"], 1, "empty.png is no image"),
        (["--cover", "none.png"], 1, "none.png"),
        (["--cover", ""], 1, "name of the cover is empty"),
        (["--cover", "."], 1, "directory"),
        (["--cover", "huge.png"], 1, "huge.png is larger than the 16 MB"),
        (["--cover-limit", "17"], 2, "17"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, monkeypatch, capsys, options, code, words):
    monkeypatch.chdir(tmp_path)
    song(tmp_path / "a.wav", None)
    (tmp_path / "text.txt").write_bytes(b"text")
    (tmp_path / "empty.png").touch()
    (tmp_path / "huge.png").write_bytes(png() + bytes(1 << 24))
    assert aez("encode", "a.wav", *options) == code
    err = capsys.readouterr().err
    assert words in err and "Traceback" not in err
    assert not (tmp_path / "a.aez").exists()


def test_resume_makes_anew_what_other_tags_have_made(tmp_path, capsys):
    song(tmp_path / "a.wav")
    (tmp_path / "c.png").write_bytes(png(b"c"))

    def run(*options):
        assert aez("encode", tmp_path / "a.wav", "-o", tmp_path / "out", "--resume", *options) == 0
        return "1 encoded" in capsys.readouterr().err

    assert run() and not run()
    for options in (["--no-tags"], ["--no-cover"], ["--tag", "a=b"], ["--tag", "a=c"], ["--cover-limit", "2"],
                    ["--cover", tmp_path / "c.png"]):  # fmt: skip
        assert run(*options) and not run(*options)
    (tmp_path / "c.png").write_bytes(png(b"d"))
    assert run("--cover", tmp_path / "c.png")


def test_info_takes_the_cover_out(tmp_path, capfdbinary):
    song(tmp_path / "a.flac", Metadata({}, (PICTURES[1], PICTURES[0])))
    assert aez("encode", tmp_path / "a.flac") == aez("info", tmp_path / "a.aez", "--cover", tmp_path / "c.png") == 0
    assert (tmp_path / "c.png").read_bytes() == PICTURES[0].data
    assert aez("info", tmp_path / "a.aez", "--cover", tmp_path / "c.png") == 1
    assert b"exists already" in capfdbinary.readouterr().err
    assert aez("info", tmp_path / "a.aez", "--cover", tmp_path / "c.png", "--force") == 0
    assert aez("info", tmp_path / "a.aez", "--cover", tmp_path / "a.aez", "--force") == 1
    assert b"is the input itself" in capfdbinary.readouterr().err
    assert aez("info", tmp_path / "a.aez", "--cover", "-") == 0
    assert capfdbinary.readouterr().out == PICTURES[0].data
    assert aez("encode", tmp_path / "a.flac", "--no-cover", "--force") == 0
    assert aez("info", tmp_path / "a.aez", "--cover", tmp_path / "d.png") == 1
    assert b"has no pictures" in capfdbinary.readouterr().err
    assert aez("info", tmp_path / "a.aez", tmp_path / "a.aez", "--cover", tmp_path / "d.png") == 2
    assert not (tmp_path / "d.png").exists()


def test_rates_of_audio_and_file_are_told_apart(tmp_path, capsys):
    source = song(tmp_path / "a.flac", Metadata({}, (BIG,)))
    assert aez("encode", source, "--cover-limit", 4) == 0
    assert aez("info", "--json", tmp_path / "a.aez") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kbps"] < 100 and found["kbps_file"] > 25_000


@pytest.mark.parametrize("kind", ["opus", "aiff", "aif", pytest.param("m4a", marks=needs_ffmpeg), "caf"])
def test_all_goes_into_other_targets(tmp_path, capsys, kind):
    song(tmp_path / "a.flac")
    assert aez("encode", tmp_path / "a.flac") == aez("decode", tmp_path / "a.aez", tmp_path / f"b.{kind}") == 0
    told, found = capsys.readouterr().err, read_tags(tmp_path / f"b.{kind}").metadata
    if kind == "caf":
        assert "left out: its pictures, because caf files have no place for them; where one value ends" in told
        assert found.tags == {key: ("; ".join(values),) for key, values in TAGS.items()}
        return
    assert found.tags == TAGS
    assert [picture.data for picture in found.pictures] == [picture.data for picture in PICTURES]
    assert ("left out: what its pictures show" in told) == (kind == "m4a") == ("left out" in told)


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["m4a", "opus"])
def test_sources_of_other_programs(tmp_path, kind):
    import subprocess

    soundfile.write(tmp_path / "a.wav", np.zeros((RATE, 2)), 48000)
    path = tmp_path / f"a.{kind}"
    subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", path], check=True)
    with path.open("r+b") as file:
        write_tags(file, kind, SONG)
    assert aez("encode", path, tmp_path / "a.aez") == aez("decode", tmp_path / "a.aez", tmp_path / "b.flac") == 0
    found = read_tags(tmp_path / "b.flac").metadata
    assert found.tags == TAGS
    assert [picture.data for picture in found.pictures] == [picture.data for picture in PICTURES]
