"""Durations from headers are those of the audio that is read."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.audio.headers.duration import stated_seconds
from tests.support.audio_files import music, needs_ffmpeg, read

SAMPLES = 30_011


def made(path: Path, **options: str) -> Path:
    soundfile.write(path, music(SAMPLES).T, 44100, **options)
    return path


@pytest.mark.parametrize("kind", ["wav", "flac", "aiff", "caf", "au", "w64", "rf64", "ogg", "mp3"])
def test_a_header_states_the_length(tmp_path, kind):
    path = made(tmp_path / "a", format=kind)
    seconds = stated_seconds(path)
    assert seconds is not None
    assert seconds == pytest.approx(read(path).shape[1] / 44100, abs=0.03 if kind == "mp3" else 1e-9)


def test_tags_in_front_do_not_matter(tmp_path):
    path = made(tmp_path / "a.flac")
    path.write_bytes(b"ID3\x03\0\0\0\0\x01\0" + bytes(128) + path.read_bytes())
    assert stated_seconds(path) == SAMPLES / 44100


@pytest.mark.skipif(not shutil.which("lame"), reason="no lame here")
@pytest.mark.parametrize("options", [["-V", "2"], ["-b", "128"], ["--resample", "22.05"]], ids=str)
def test_of_an_mp3_it_is_exact_where_lame_made_it(tmp_path, options):
    path = made(tmp_path / "a.wav")
    subprocess.run(["lame", "--quiet", *options, path, tmp_path / "a.mp3"], check=True)
    assert stated_seconds(tmp_path / "a.mp3") == pytest.approx(SAMPLES / 44100, abs=1 / 22050)


@needs_ffmpeg
def test_of_an_m4a_it_is_exact(tmp_path):
    path = made(tmp_path / "a.wav")
    subprocess.run(["ffmpeg", "-v", "error", "-i", path, tmp_path / "a.m4a"], check=True)
    assert stated_seconds(tmp_path / "a.m4a") == pytest.approx(SAMPLES / 44100, abs=1e-9)


def test_where_none_is_stated_there_is_none(tmp_path):
    path = made(tmp_path / "a.ogg")
    one = path.read_bytes()
    other = made(tmp_path / "b.ogg").read_bytes()
    for data in (b"", b"no music", one[:100], b"fLaC" + bytes(100), one + other, bytes(4) + b"ftyp" + bytes(99)):
        path.write_bytes(data)
        assert stated_seconds(path) is None


@pytest.mark.parametrize("kind", ["wav", "flac", "aiff", "caf", "au", "ogg", "mp3"])
def test_damage_raises_nothing(tmp_path, kind):
    path = made(tmp_path / "a", format=kind)
    data = bytearray(path.read_bytes())
    random = np.random.default_rng(1)
    for _ in range(40):
        broken = data.copy()
        for at in random.integers(4, 200, 5):
            broken[at] = random.integers(256)
        path.write_bytes(broken[: random.integers(10, len(broken))])
        seconds = stated_seconds(path)
        assert seconds is None or seconds > 0
