"""Files that ffmpeg writes: their exact length, and nothing left of them when anything fails."""

import io
import stat
import struct
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from codec.audio.sink import AudioSink, open_sink
from formats.errors import AudioError
from tests.support.audio_files import music, needs_ffmpeg, read


@pytest.fixture(autouse=True)
def scratch(tmp_path_factory, monkeypatch):
    """The folder for temporary files, which has to be empty afterwards."""
    folder = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def box(data: bytes, *names: bytes) -> bytes:
    """The content of a box of an MP4 file, by the names on the way to it."""
    for name in names:
        at = 0
        while data[at + 4 : at + 8] != name:
            at += struct.unpack(">I", data[at : at + 4])[0]
        data = data[at + 8 : at + struct.unpack(">I", data[at : at + 4])[0]]
    return data


@needs_ffmpeg
@pytest.mark.parametrize(("rate", "samples"), [(44100, 1), (44100, 44_101), (96000, 1024), (8000, 500)])
def test_an_m4a_states_its_exact_length(tmp_path, rate, samples):
    with open_sink(tmp_path / "a.m4a", rate, 2) as sink:
        sink.write(music(samples, 2, rate))
    data = (tmp_path / "a.m4a").read_bytes()
    # The times of its frames: all of them, and the encoder's delay, which the edit list skips.
    scale, length = struct.unpack(">II", box(data, b"moov", b"trak", b"mdia", b"mdhd")[12:20])
    _, delay = struct.unpack(">Ii", box(data, b"moov", b"trak", b"edts", b"elst")[8:16])
    assert (scale, length - delay) == (rate, samples)


@needs_ffmpeg
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_written_sounds_alike(tmp_path, channels):
    audio = music(44_100, channels)
    with open_sink(tmp_path / "a.m4a", 44100, channels, bitrate=96 * channels) as sink:
        for part in np.array_split(audio, 5, axis=1):
            sink.write(part)
    got = read(tmp_path / "a.m4a")[:, :44_100]
    assert got.shape == audio.shape
    assert np.sqrt(np.mean((got - audio) ** 2) / np.mean(audio**2)) < 0.1


@needs_ffmpeg
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, AudioError, ValueError])
def test_an_interrupted_sink_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "a.m4a"
    path.write_bytes(b"old")
    with pytest.raises(error), open_sink(path, 44100, 2) as sink:
        sink.write(music(100_000))
        process = sink._file._process
        raise error
    assert process.returncode is not None
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@needs_ffmpeg
def test_a_song_without_samples(tmp_path):
    with pytest.raises(AudioError, match="m4a files cannot hold"), open_sink(tmp_path / "a.m4a", 44100, 2):
        pass
    assert list(tmp_path.iterdir()) == []


@needs_ffmpeg
def test_a_target_that_is_full_is_told_by_its_name():
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    with (
        pytest.raises(AudioError, match=r"^cannot write a\.m4a: No space left on device$"),
        AudioSink(Full(), "a.m4a", 44100, 2) as sink,
    ):
        sink.write(music(1000))


@pytest.mark.skipif(sys.platform == "win32", reason="a program that is a shell script")
@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo '[aac @ 0x1] Unknown encoder' >&2; exit 1", "ffmpeg says 'Unknown encoder'"),
        ("cat > /dev/null; exit 3", "ffmpeg ended with status 3"),
        ("cat > /dev/null; echo No space left on device >&2; exit 1", "No space left on device"),
        ("kill -9 $$", "ended with status -9"),
        ("cat > /dev/null", "ended with status 0"),
    ],
)
def test_an_ffmpeg_that_fails_leaves_nothing(tmp_path, monkeypatch, script, says):
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncase $2 in -h) exit;; esac\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(AudioError, match=says) as told, open_sink(out / "a.m4a", 44100, 2) as sink:
        for _ in range(20):
            sink.write(music(44_100))
    assert str(told.value).startswith(f"cannot write {out / 'a.m4a'}: ")
    assert list(out.iterdir()) == []


def test_without_ffmpeg_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    says = r"^\.m4a files are written by ffmpeg, which is not installed; \.opus and \.mp3 need none$"
    with pytest.raises(AudioError, match=says), open_sink(Path("a.m4a"), 44100, 2):
        pytest.fail("opened")
