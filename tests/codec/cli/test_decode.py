"""`aez decode`: formats, options, and what it says of damage; with the fakes and with the tiny model."""

import os
import re
import shutil
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import soundfile

from codec.cli.advice import advised
from codec.pipeline.plan import DecodePlan
from formats import Reader
from formats.container.layout import HEADER_SIZE
from formats.errors import DamagedError
from formats.grid import SEGMENT
from tests.support.cli_fakes import FAKES, RATE, aez
from tests.support.codec import Array, encoded


@pytest.mark.parametrize(
    ("options", "subtype"), [([], "PCM_16"), (["--subtype", "24"], "PCM_24"), (["--subtype", "float"], "FLOAT")]
)
def test_subtypes(coded, tmp_path, options, subtype):
    assert aez("decode", coded, tmp_path / "a.wav", *options) == 0
    assert soundfile.info(tmp_path / "a.wav").subtype == subtype


def test_options_become_a_plan(coded, tmp_path, monkeypatch):
    seen: list[tuple[DecodePlan, str]] = []

    def record(reader, sink, plan, *, engine, progress):
        seen.append((plan, "auto" if engine.device.reason else engine.device.name))
        return FAKES["decode"](reader, sink, plan, engine=engine, progress=progress)

    monkeypatch.setattr("codec.pipeline.decode.decode", record)
    assert aez("decode", coded, tmp_path / "a.wav", "--start", "0:01.5", "--duration", 2, "--device", "cpu") == 0
    assert soundfile.info(tmp_path / "a.wav").frames == 2 * RATE
    assert aez("decode", coded, tmp_path / "b.wav", "--model", "m", "--decoder", "d", "--salvage") == 0
    assert seen == [
        (DecodePlan.make(start=1.5, duration=2.0), "cpu"),
        (DecodePlan.make(model="m", decoder="d", salvage=True), "auto"),
    ]


def test_clipped_samples_are_told(coded, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FAKE_GAIN", "20")
    assert aez("decode", coded, tmp_path / "a.wav") == 0
    assert re.search(r", \d+ samples clipped, ", capsys.readouterr().err)
    assert aez("decode", coded, tmp_path / "b.wav", "--subtype", "float") == 0
    assert "samples clipped" not in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--duration", 60_000], ["--start", 1, "--duration", 60_000], []])
def test_a_short_song_is_a_plain_wav_however_much_is_asked_for(coded, tmp_path, options):
    assert aez("decode", coded, tmp_path / "a.wav", *options) == 0
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RIFF"


# Damage, with the tiny model


@pytest.fixture(scope="module")
def whole(tiny: object, music: Array) -> bytes:
    """Five chunks of 2 s."""
    return encoded(music[:, : 10 * 44100], latent=64, chunk_frames=SEGMENT)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def chunk_at(data: bytes, number: int) -> int:
    """A byte of a chunk's payload."""
    from io import BytesIO

    return Reader(BytesIO(data)).offsets[number] + 60


def written(folder: Path, data: bytes) -> Path:
    path = folder / "song.aez"
    path.write_bytes(data)
    return path


def test_damage_is_told_with_what_to_type(whole, tmp_path, capsys):
    song = written(tmp_path, flipped(whole, chunk_at(whole, 2)))
    assert aez("decode", song) == 1
    line = capsys.readouterr().err
    assert line.startswith(f"aez: error: {song}: chunk 2 is damaged")
    assert line.endswith("; aez decode --salvage keeps the rest\n")
    assert aez("decode", song, "--salvage") == 3
    told = capsys.readouterr().err
    assert f"aez: warning: {song}: chunk 2, 0:04.0 to 0:06.0, is lost\n" in told
    assert soundfile.info(tmp_path / "song.wav").frames == 10 * 44100


def test_a_damaged_header_leaves_nothing_to_salvage(whole, tmp_path, capsys):
    song = written(tmp_path, flipped(whole, 20))
    for options in ([], ["--salvage"]):
        assert aez("decode", song, *options) == 1
        told = capsys.readouterr().err
        assert "header is damaged" in told and "keeps the rest" not in told
    assert list(tmp_path.iterdir()) == [song]


def test_damaged_tags_cost_no_sound(whole, tmp_path, capsys):
    song = written(tmp_path, flipped(whole, HEADER_SIZE + 9))
    assert aez("decode", song) == 1
    assert "--salvage" in capsys.readouterr().err
    assert aez("decode", song, "--salvage") == 3
    assert "tags and cover are lost" in capsys.readouterr().err
    assert soundfile.info(tmp_path / "song.wav").frames == 10 * 44100


def test_a_model_that_is_not_installed_can_be_named(whole, tiny, tmp_path, monkeypatch, capsys):
    from codec.runtime import models

    song = written(tmp_path, whole)
    assert aez("decode", song, tmp_path / "a.wav") == 0
    monkeypatch.setattr(models, "folders", list)
    assert aez("decode", song, tmp_path / "b.wav") == 1
    assert "--model NAME or FOLDER" in capsys.readouterr().err
    assert aez("decode", song, tmp_path / "b.wav", "--model", tiny.folder, "--decoder", "standard") == 0
    assert (tmp_path / "b.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()
    assert aez("decode", song, tmp_path / "c.wav", "--model", tiny.folder, "--decoder", "other") == 1
    assert "no decoder 'other'; it has standard" in capsys.readouterr().err
    assert aez("decode", song, tmp_path / "c.wav", "--model", tiny.folder.parent / "tiny-dense") == 1
    assert "the file needs a model of bitstream" in capsys.readouterr().err
    assert not (tmp_path / "c.wav").exists()


def test_a_trailer_that_contradicts_the_header_can_be_salvaged():
    text = "the header counts 10 samples, the trailer 9"
    assert advised(text, DamagedError, salvageable=True) == f"{text}; aez decode --salvage keeps the rest"
    for text in ("the header is damaged: its checksum does not match", "the file ends in its header"):
        assert advised(text, DamagedError, salvageable=True) == text


@pytest.mark.parametrize(("to", "kind"), [("flac", "FLAC"), ("ogg", "OGG"), ("mp3", "MP3")])
def test_to_names_the_kind_of_an_output_that_is_not_named(to, kind, coded, tmp_path):
    own = Path(shutil.copy(coded, tmp_path / "own.aez"))
    assert aez("decode", own, "--to", to) == 0
    assert soundfile.info(own.with_suffix(f".{to}")).format == kind
    assert aez("decode", own, tmp_path / f"named.{to}", "--to", to) == 0


def test_lossy_files_take_a_bit_rate_and_a_rate(whole, tmp_path, capsys):
    song = written(tmp_path, whole)
    for kbps in (64, 160):
        assert aez("decode", song, tmp_path / f"{kbps}.mp3", "--bitrate", f"{kbps}k") == 0
    assert (tmp_path / "160.mp3").stat().st_size > 1.5 * (tmp_path / "64.mp3").stat().st_size
    assert aez("decode", song, "--to", "opus") == 0
    told = capsys.readouterr().err
    assert f"{tmp_path / 'song.opus'}: 0:10.0, 48000 Hz stereo, " in told
    assert f"{tmp_path / 'song.opus'}: resampled to 48000 Hz, because opus cannot hold 44100 Hz\n" in told
    assert aez("decode", song, "-o", tmp_path / "out", "--to", "opus") == 0
    assert "resampled to 48000 Hz" in capsys.readouterr().err
    assert aez("decode", song, tmp_path / "a.aif", "--rate", "22.05k", "--to", "aiff") == 0
    assert soundfile.info(tmp_path / "a.aif").frames == 10 * 22050
    assert aez("decode", song, tmp_path / "b.opus", "--rate", 44100) == 1
    assert "opus cannot hold a sample rate of 44100 Hz; it can hold 48000 Hz" in capsys.readouterr().err
    assert not (tmp_path / "b.opus").exists()


def test_without_ffmpeg_no_m4a(coded, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    before = list(tmp_path.iterdir())
    for arguments in (["--to", "m4a"], ["--to", "m4a", "-o", tmp_path / "out"]):
        assert aez("decode", coded, *arguments) == 1
        assert capsys.readouterr().err.startswith(
            "aez: error: .m4a files are written by ffmpeg, which is not installed"
        )
    assert list(tmp_path.iterdir()) == before


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes of POSIX")
@pytest.mark.parametrize(
    ("name", "options", "begin"), [("p", (), b"RIFF"), ("p", ("--to", "flac"), b"fLaC"), ("p.flac", (), b"fLaC")]
)
def test_a_named_pipe_takes_what_standard_output_would(coded, tmp_path, capsys, name, options, begin):
    pipe = tmp_path / name
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reader:
        got = reader.submit(pipe.read_bytes)
        assert aez("decode", coded, pipe, *options) == 0
        assert got.result(10).startswith(begin)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert aez("decode", coded, "/dev/null", "--to", "mp3") == 0
    assert name != "p.flac" or aez("decode", coded, pipe, "--to", "mp3") == 2
    assert ("does not go with the name" in capsys.readouterr().err) == (name == "p.flac")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_that_is_full_is_one_line(coded, capsys):
    assert aez("decode", coded, "/dev/full") == 1
    assert "aez: error: cannot write /dev/full: No space left on device" in capsys.readouterr().err
