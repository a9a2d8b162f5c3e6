"""Sources that libsndfile reads: damage, cuts, lengths that are guessed, interruptions."""

import os
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
from formats.errors import AudioError, CutError
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


def test_damage_that_is_accepted_ends_the_source(tmp_path):
    noise = np.random.default_rng(1).standard_normal((2, 144_000)).astype(np.float32) * 0.2
    path = write(tmp_path / "a.flac", noise, 48000)
    whole = read(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20] = bytes(20)
    path.write_bytes(data)
    with open_source(path, accept_cut=True) as source:
        got = np.concatenate(list(source.blocks()), axis=1)
    assert 60_000 < got.shape[1] < 80_000
    np.testing.assert_array_equal(got, whole[:, : got.shape[1]])
    assert len(source.lost) == 1 and "is damaged near" in source.lost[0]


def test_a_wav_from_a_pipe_has_no_true_length(tmp_path):
    path = write(tmp_path / "a.wav", music(1000), 44100)
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff" * 4
    path.write_bytes(data)
    with open_source(path) as source:
        assert sum(block.shape[1] for block in source.blocks()) == 1000
        assert source.lost == []


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
def test_cut_mp3s_are_refused_and_joined_ones_read(tmp_path):
    noise = np.random.default_rng(1).standard_normal((2, 100_000)).astype(np.float32) * 0.2
    made = write(tmp_path / "made.wav", noise, 44100)
    plain, tagless = tmp_path / "a.mp3", tmp_path / "b.mp3"
    subprocess.run(["lame", "--quiet", made, plain], check=True)
    subprocess.run(["lame", "--quiet", "-t", made, tagless], check=True)
    assert read(plain).shape == (2, 100_000)
    whole = read(tagless)

    tagless.write_bytes(tagless.read_bytes()[:20_000])
    with pytest.raises(CutError, match="cut in its last frame"):
        open_source(tagless)
    with open_source(tagless, accept_cut=True) as source:
        got = np.concatenate(list(source.blocks(7000)), axis=1)
    np.testing.assert_array_equal(got, whole[:, : got.shape[1]])
    assert got.shape[1] > 50_000 - 3 * 1152
    assert "cut in its last frame" in source.lost[0]

    plain.write_bytes(plain.read_bytes() * 2)
    assert 200_000 <= read(plain).shape[1] < 200_000 + 4 * 1152


def test_ctrl_c_while_libsndfile_reads_is_not_lost(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mp3", music(200_000), 44100, "MPEG_LAYER_III")
    with open_source(path) as source:
        blocks = source.blocks(1000)
        next(blocks)

        def stop(*_: object) -> int:
            raise KeyboardInterrupt

        monkeypatch.setattr(source._spliced, "_fill", stop)
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
from codec.audio.spliced import Spliced
fill_a_buffer, count = Spliced._fill, 0

def fill(self, buffer):
    global count
    count += 1
    if count == {calls}:
        os.kill(os.getpid(), {int(number)})
    return fill_a_buffer(self, buffer)

Spliced._fill = fill
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
