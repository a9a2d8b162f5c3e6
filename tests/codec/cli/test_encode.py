"""`aez encode` with a pipeline that only packs samples: names, options, and what it says."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.cli.names import check_coded_name
from codec.pipeline.plan import EncodePlan
from formats import Reader
from formats.errors import FormatError, UsageError
from formats.grid import SEGMENT
from tests.support import MODELS
from tests.support.cli_fakes import FAKES, RATE, TAGS, aez

pytestmark = pytest.mark.usefixtures("fakes")


def test_there_and_back(song, tmp_path, capsys):
    assert aez("encode", song, tmp_path / "a.aez") == 0
    assert aez("decode", tmp_path / "a.aez", tmp_path / "a.flac") == 0
    before, after = soundfile.read(song, dtype="int16"), soundfile.read(tmp_path / "a.flac", dtype="int16")
    np.testing.assert_array_equal(after[0], before[0])
    assert after[1] == RATE
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert re.fullmatch(r".*a\.aez: 0:05\.0, 12\.34 kbit/s, \d\.\d:1 to 16 bit PCM, \d+ times real time", first)
    assert re.fullmatch(r".*a\.flac: 0:05\.0, 8000 Hz stereo, \d+ times real time", second)
    with soundfile.SoundFile(tmp_path / "a.flac") as file:
        assert (file.title, file.artist, file.tracknumber) == tuple(value for (value,) in TAGS.values())


def test_names_that_are_not_given_follow_the_input(song):
    assert aez("encode", song, "--quiet") == 0
    assert aez("decode", song.with_suffix(".aez"), "--quiet") == 0
    assert sorted(path.name for path in song.parent.iterdir()) == ["song.aez", "song.flac", "song.wav"]


def test_options_become_a_plan(song, tmp_path, monkeypatch):
    seen: list[tuple[EncodePlan, str]] = []

    def record(source, target, plan, *, engine, progress):
        seen.append((plan, "auto" if engine.device.reason else engine.device.name))
        return FAKES["encode"](source, target, plan, engine=engine, progress=progress)

    monkeypatch.setattr("codec.pipeline.encode.encode", record)
    folder = str(MODELS / "tiny")
    assert aez("encode", song, tmp_path / "a.aez") == 0
    options = (
        "--latent",
        256,
        "--gain",
        -7,
        "--coder",
        "zstd",
        "--model",
        folder,
        "--chunk",
        2,
        "--device",
        "cpu",
        "-f",
    )
    assert aez("encode", song, tmp_path / "a.aez", *options) == 0
    assert aez("encode", song, tmp_path / "a.aez", "--bitrate", "31.5", "--force") == 0
    assert seen == [
        (EncodePlan.make(), "auto"),
        (EncodePlan.make(latent=256, gain=-7, coder="zstd", model=folder, chunk_frames=SEGMENT), "cpu"),
        (EncodePlan.make(bitrate=31.5), "auto"),
    ]


def test_quiet_and_verbose(song, tmp_path, capsys):
    assert aez("encode", song, tmp_path / "a.aez", "--quiet") == 0
    assert aez("decode", tmp_path / "a.aez", tmp_path / "a.wav", "--quiet") == 0
    assert aez("peel", tmp_path / "a.aez", tmp_path / "b.aez", "--latent", 128, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert aez("encode", song, tmp_path / "b.aez", "--verbose", "--force") == 0
    about = f"128 latents a frame, gain {EncodePlan.make().gain}, zstd coder"
    assert f"model fake on CPUExecutionProvider, {about}\n" in capsys.readouterr().err
    assert aez("decode", tmp_path / "b.aez", tmp_path / "b.wav", "--verbose") == 0
    assert "model fake, decoder standard, on CPUExecutionProvider\n" in capsys.readouterr().err


def test_force_replaces_whole_or_not_at_all(song, coded, monkeypatch):
    old = coded.read_bytes()

    def fail(source, target, plan, **options):
        target.write(b"half")
        raise FormatError("no")

    with monkeypatch.context() as patch:
        patch.setattr("codec.pipeline.encode.encode", fail)
        assert aez("encode", song, coded, "--force") == 1
    assert coded.read_bytes() == old
    assert aez("encode", song, coded, "--force", "--gain", 3) == 0
    assert coded.read_bytes() != old


def test_a_cut_source_is_an_error_unless_it_is_accepted(tmp_path, capsys):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((RATE, 2)), RATE)
    path.write_bytes(path.read_bytes()[:-1000])
    for many in ([], ["-o", tmp_path / "out"]):
        assert aez("encode", path, *many, "--quiet") == 1
        told = capsys.readouterr().err
        assert re.fullmatch(r"aez: error: .*a\.wav is cut: .*; --accept-cut encodes what is there\n", told)
        assert aez("encode", path, *many, "--accept-cut", "--quiet") == 0
        assert re.fullmatch(r"aez: warning: .*a\.wav is cut: .*\n", capsys.readouterr().err)
    assert aez("encode", path, "-o", tmp_path / "out", "--resume", "--quiet") == 1  # what is cut is not kept


@pytest.mark.parametrize("name", ["a.aez", "A.AEZ", "two.dots.aez"])
def test_an_output_is_an_aez_file(song, tmp_path, name):
    assert aez("encode", song, tmp_path / name) == 0
    with (tmp_path / name).open("rb") as file:
        assert Reader(file).complete


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("b.mp3", "for one file: aez encode song.flac b.aez; for both: aez encode song.flac b.mp3 -o FOLDER"),
        ("song", "for one file: aez encode song.flac song.aez"),
        ("a.aez.txt", "for one file: aez encode song.flac a.aez.aez"),
        ("newdir/", "aez encode song.flac -o newdir/"),
        ("newdir/.", "aez encode song.flac -o newdir/."),
        ("there", "aez encode song.flac -o there"),
        ("a song", "for one file: aez encode song.flac 'a song.aez'"),
        ("my dir/", "aez encode song.flac -o 'my dir/'"),
        ("b c.mp3", "aez encode song.flac 'b c.aez'; for both: aez encode song.flac 'b c.mp3' -o FOLDER"),
    ],
)
def test_an_output_of_another_name_is_refused_with_what_to_type(song, tmp_path, monkeypatch, capsys, name, says):
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    for force in ([], ["--force"]):
        assert aez("encode", "song.flac", name, *force) == 1
        line = capsys.readouterr().err
        assert line.startswith(f"aez: error: {name} is ")
        assert line.endswith(f"{says}\n") and line.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["song.flac", "there"]


def test_a_second_song_is_no_output(song, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("b.mp3").write_bytes(b"there already")
    for force in ([], ["--force"]):
        assert aez("encode", "song.flac", "b.mp3", *force) == 1
        assert "aez: error: b.mp3 holds no audio" in (told := capsys.readouterr().err)
        assert "1 encoded, 1 failed" in told
    assert Path("b.mp3").read_bytes() == b"there already"


def test_an_output_of_another_kind_is_no_folder(song, tmp_path, capsys):
    before = sorted(tmp_path.iterdir())
    assert aez("encode", song, "-o", tmp_path / "song.mp3") == 1
    assert "song.mp3 is not the name of an .aez file" in capsys.readouterr().err
    assert aez("encode", song) == 0
    assert aez("decode", song.with_suffix(".aez"), "-o", tmp_path / "song.aac") == 1
    assert "extension must be one of" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == sorted([*before, song.with_suffix(".aez")])


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="needs /dev/null")
def test_devices_and_pipes_may_have_any_name(song, tmp_path):
    assert aez("encode", song, "/dev/null", "--quiet") == 0
    check_coded_name("encode", "song.wav", "-", ())
    with pytest.raises(UsageError):
        check_coded_name("encode", "song.wav", str(tmp_path / "null"), ())


def test_more_than_two_channels(tmp_path, capsys):
    surround = tmp_path / "surround.wav"
    soundfile.write(surround, np.zeros((RATE, 6)), RATE)
    assert aez("encode", surround) == 1
    says = (
        f"aez: error: {surround} has 6 channels; only mono and stereo can be encoded; --downmix mixes them to stereo\n"
    )
    assert capsys.readouterr().err == says
    assert aez("encode", surround, "-o", tmp_path / "out", "--quiet") == 1
    assert capsys.readouterr().err == says
    assert aez("encode", surround, "--downmix") == 0
    assert f"aez: warning: {surround}: 6 channels are mixed to stereo, 7.7 dB lower" in capsys.readouterr().err
    assert aez("encode", surround, "-o", tmp_path / "out", "--downmix") == 0
    assert "6 channels are mixed to stereo" in capsys.readouterr().err
    with surround.with_suffix(".aez").open("rb") as file:
        assert Reader(file).header.channels == 2
