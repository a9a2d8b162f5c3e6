"""Sources that libsndfile reads: damage, cuts, lengths that are guessed, interruptions."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.audio.demo import song
from codec.audio.open import open_source
from formats.errors import AudioError
from tests.support import ROOT
from tests.support.audio_files import music, read, write

needs_lame = pytest.mark.skipif(not shutil.which("lame"), reason="no lame here")


@pytest.mark.parametrize(("kind", "subtype"), [("flac", None), ("ogg", "VORBIS"), ("opus", "OPUS")])
def test_damage_in_the_middle_is_an_error(tmp_path, kind, subtype):
    noise = np.random.default_rng(1).standard_normal((2, 144_000)).astype(np.float32) * 0.2
    path = write(tmp_path / f"a.{kind}", noise, 48000, subtype)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(AudioError, match="is damaged"):
        read(path)


def test_a_cut_flac_is_an_error_and_a_cut_wav_a_warning(tmp_path):
    noise = np.random.default_rng(1).standard_normal((2, 50_000)).astype(np.float32) * 0.2
    for kind in ("flac", "wav", "aiff"):
        path = write(tmp_path / f"a.{kind}", noise, 44100)
        assert read(path).shape == (2, 50_000)
        path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(AudioError, match="is damaged"):
        read(tmp_path / "a.flac")
    for kind in ("wav", "aiff"):
        with open_source(tmp_path / f"a.{kind}") as source:
            total = sum(block.shape[1] for block in source.blocks())
        assert total == source.samples
        assert 24_900 < total < 25_000
        assert re.search("is cut: 99[0-9]{3} of 20000[08] bytes", source.warnings[0])


def test_a_wav_from_a_pipe_has_no_true_length(tmp_path):
    path = write(tmp_path / "a.wav", music(1000), 44100)
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff" * 4
    path.write_bytes(data)
    with open_source(path) as source:
        assert sum(block.shape[1] for block in source.blocks()) == 1000
        assert source.warnings == []


@needs_lame
def test_an_mp3_without_header_arrives_whole(tmp_path):
    # Half loud noise, half silence, no Xing header: the first bitrate misleads whoever guesses the length.
    audio = np.random.default_rng(1).standard_normal((2, 44_100 * 4)).astype(np.float32) * 0.2
    audio[:, 44_100:] = 0
    audio[:, : 44_100 // 2] = 0
    made = write(tmp_path / "made.wav", audio[:, ::-1], 44100)
    path = tmp_path / "a.mp3"
    subprocess.run(["lame", "--quiet", "-v", "-t", "-V0", made, path], check=True)
    frames = 44_100 * 4 / 1152
    for extra in (b"", b"TAG" + bytes(125)):
        with path.open("ab") as file:
            file.write(extra)
        got = read(path)
        assert frames + 1 <= got.shape[1] / 1152 <= frames + 3
    assert soundfile.info(path).frames != got.shape[1]  # the guess that would have cut or stretched it


@needs_lame
def test_cut_and_joined_mp3s_are_read_with_a_warning(tmp_path):
    noise = np.random.default_rng(1).standard_normal((2, 100_000)).astype(np.float32) * 0.2
    made = write(tmp_path / "made.wav", noise, 44100)
    plain, tagless = tmp_path / "a.mp3", tmp_path / "b.mp3"
    subprocess.run(["lame", "--quiet", made, plain], check=True)
    subprocess.run(["lame", "--quiet", "-t", made, tagless], check=True)
    assert read(plain).shape == (2, 100_000)
    whole = read(tagless)

    tagless.write_bytes(tagless.read_bytes()[:20_000])
    with open_source(tagless) as source:
        got = np.concatenate(list(source.blocks(7000)), axis=1)
    np.testing.assert_array_equal(got, whole[:, : got.shape[1]])
    assert got.shape[1] > 50_000 - 3 * 1152
    assert "cut in its last frame" in source.warnings[0]

    plain.write_bytes(plain.read_bytes() * 2)
    with open_source(plain) as source:
        assert sum(block.shape[1] for block in source.blocks()) == 100_000
    assert "goes on after" in source.warnings[0]


def test_ctrl_c_while_libsndfile_reads_is_not_lost(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mp3", music(200_000), 44100, "MPEG_LAYER_III")
    with open_source(path) as source:
        blocks = source.blocks(1000)
        next(blocks)

        def stop(*_: object) -> int:
            raise KeyboardInterrupt

        source._mp3.close()
        monkeypatch.setattr(source._mp3, "_file", type("File", (), {"readinto": stop, "close": lambda _: None})())
        with pytest.raises(KeyboardInterrupt):
            list(blocks)


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of music."""
    path = tmp_path_factory.mktemp("interrupt") / "song.mp3"
    soundfile.write(path, np.concatenate(list(song(60)), 1).T, 44100)
    return path


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("calls", [1, 7, 40])
def test_a_signal_inside_a_read_stops_the_run(mp3: Path, tmp_path: Path, number: int, calls: int) -> None:
    script = f"""
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job may have it ignored
from codec.audio import libsndfile
readinto_of_a_file, count = libsndfile._Mp3.readinto, 0

def readinto(self, buffer):
    global count
    count += 1
    if count == {calls}:
        os.kill(os.getpid(), {int(number)})
    return readinto_of_a_file(self, buffer)

libsndfile._Mp3.readinto = readinto
sys.argv = ["aez", "encode", "--model", "tiny", {str(mp3)!r}, {str(tmp_path / "out.aez")!r}]
from codec.cli.main import main
main()
"""
    environment = {**os.environ, "AEZ_MODELS": str(ROOT / "tests" / "models"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 128 + number, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
