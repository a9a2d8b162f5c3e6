"""Decoded shards on disk: what comes back, what is skipped and why, what is kept of a run that was stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from tests.support import ROOT
from training.data import shards
from training.data.shards import Shards
from training.data.songs import song
from training.data.tracks import Track

SECONDS = 0.5
"""Length of the test clips."""


def tracks(folder: Path, *names: str) -> list[Track]:
    return [Track(folder / name, name, "", "", "") for name in names]


def write(path: Path, seconds: float = SECONDS, rate: int = 44100, channels: int = 2, seed: int = 0) -> None:
    soundfile.write(path, song(seconds, rate, channels, seed).T, rate)


def samples(path: Path) -> Any:
    """A 44.1 kHz file of integers as they stand in it, [N, C]."""
    return soundfile.read(path, dtype="int16", always_2d=True)[0]


def test_every_kind_of_file_comes_as_stereo_at_44100(tmp_path: Path) -> None:
    write(tmp_path / "a.flac", seed=1)
    write(tmp_path / "b.wav", channels=1, seed=2)
    x = song(SECONDS, seed=3)
    soundfile.write(tmp_path / "c.ogg", soxr.resample(x.T, 44100, 48000), 48000)
    write(tmp_path / "d.mp3", rate=32000, channels=1, seed=4)
    names = ["a.flac", "b.wav", "c.ogg", "d.mp3"]
    if shutil.which("ffmpeg"):
        names.append("e.m4a")
        subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "a.flac", tmp_path / "e.m4a"], check=True)
    made = Shards.build(tracks(tmp_path, *names), tmp_path / "cache", jobs=1, shortest=0)
    assert not made.skipped and [track.name for track in made.tracks] == names and len(made) == len(names)
    for number, length in enumerate(made.lengths):
        clip = made[number]
        assert clip.dtype == np.int16 and clip.shape == (2, length)
        assert length == pytest.approx(SECONDS * 44100, abs=3000)  # an m4a comes with its padding
    # Full scale is 32768 in a file and 32767 here.
    np.testing.assert_allclose(made[0].T, samples(tmp_path / "a.flac"), atol=1)
    np.testing.assert_allclose(made[1].T, np.repeat(samples(tmp_path / "b.wav"), 2, axis=1), atol=1)
    assert abs(made.lengths[2] - x.shape[1]) <= 1
    assert np.corrcoef(made[2][0, : x.shape[1]], x[0, : made.lengths[2]])[0, 1] > 0.99  # Vorbis, there and back in rate
    assert np.array_equal(made[3][0], made[3][1])
    with pytest.raises(ValueError, match="read-only"):
        made[0][0, 0] = 1


def test_what_cannot_be_used_is_told_why(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "good.wav")
    write(tmp_path / "short.wav", 0.2)
    write(tmp_path / "five.wav", channels=5)
    (tmp_path / "zero.mp3").touch()
    (tmp_path / "text.mp3").write_text("Service Unavailable " * 200)
    (tmp_path / "folder.wav").mkdir()
    soundfile.write(tmp_path / "nothing.wav", np.zeros((0, 2)), 44100)
    write(tmp_path / "torn.flac", 5.0)
    flac = bytearray((tmp_path / "torn.flac").read_bytes())
    flac[len(flac) // 2 : len(flac) // 2 + 3000] = bytes(3000)
    (tmp_path / "torn.flac").write_bytes(flac)
    write(tmp_path / "torn.mp3", 5.0)
    mp3 = bytearray((tmp_path / "torn.mp3").read_bytes())
    frame = mp3.index(b"\xff\xfb", 20_000)
    mp3[frame + 40 : frame + 104] = bytes(range(100, 164))  # behind the side information: only libmpg123 notices
    (tmp_path / "torn.mp3").write_bytes(mp3)
    names = ["torn.mp3", "five.wav", "folder.wav", "good.wav", "missing.mp3", "nothing.wav", "short.wav", "text.mp3"]
    names += ["torn.flac", "zero.mp3"]
    made = Shards.build(tracks(tmp_path, *names), tmp_path / "cache", jobs=1, shortest=0.4)
    assert capfd.readouterr().err == ""
    assert [track.name for track in made.tracks] == ["torn.mp3", "good.wav"]
    np.testing.assert_allclose(
        made[1].T, samples(tmp_path / "good.wav"), atol=1
    )  # the ones before left nothing of them
    unreadable = "holds no audio that libsndfile or ffmpeg can read"
    if not shutil.which("ffmpeg"):
        unreadable = "is not a file that libsndfile reads; ffmpeg may read it, but is not installed"
    torn = made.skipped.pop("torn.flac")
    assert torn.startswith("is damaged")
    assert made.skipped == {
        "five.wav": "has 5 channels; only mono and stereo can be encoded",
        "folder.wav": "is a directory, no audio file",
        "missing.mp3": "no such file",
        "nothing.wav": "no samples in it",
        "short.wav": "too short: 0.2 s",
        "text.mp3": unreadable,
        "zero.mp3": unreadable,
    }
    line = made.report()
    assert line.startswith("2 tracks, 0.00 h; 7 skipped: ") and f"{unreadable} (2)" in line and "too short (1)" in line

    (tmp_path / "missing.mp3").write_bytes((tmp_path / "torn.mp3").read_bytes())  # it may come later
    again = Shards.build(tracks(tmp_path, *names), tmp_path / "cache", jobs=1, shortest=0.1)
    assert {"missing.mp3", "short.wav"} <= {track.name for track in again.tracks}


def test_no_clip_is_decoded_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{i}.wav" for i in range(6)]
    for i, name in enumerate(names):
        write(tmp_path / name, seed=i)
    asked: list[str] = []
    decode = shards._decode

    def counted(pending: list[tuple[str, Path]], cache: Path, jobs: int, most: int) -> None:
        asked.extend(path.name for _, path in pending)
        decode(pending, cache, jobs, most)

    monkeypatch.setattr(shards, "_decode", counted)
    cache = tmp_path / "new" / "cache"
    Shards.build(tracks(tmp_path, *names[:4]), cache, jobs=1, shortest=0)
    assert asked == names[:4]
    assert len(list(cache.glob("*.shard"))) == 4  # few clips make small shards, so that all processes have some
    made = Shards.build(tracks(tmp_path, *names[::-1]), cache, jobs=2, shortest=0)
    assert asked[4:] == ["5.wav", "4.wav"]
    assert [track.name for track in made.tracks] == names[::-1]
    for i, name in enumerate(names[::-1]):
        np.testing.assert_allclose(made[i].T, samples(tmp_path / name), atol=1)
    Shards.build(tracks(tmp_path, "2.wav", "5.wav"), cache, jobs=1, shortest=0)
    assert len(asked) == 6

    write(tmp_path / "1.wav", 0.3, seed=99)  # changed
    lost = made._locations[0].shard  # cut by whatever
    lost.write_bytes(lost.read_bytes()[:-4])
    for index in list(cache.glob("*.json"))[:1]:
        index.with_name("other.json").write_text("[]")  # somebody else's
    del asked[:]
    again = Shards.build(tracks(tmp_path, *names), cache, jobs=1, shortest=0)
    assert asked == ["1.wav", "5.wav"]
    np.testing.assert_allclose(again[1].T, samples(tmp_path / "1.wav"), atol=1)
    assert not list(cache.glob(".*"))


SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from training.data import shards
from training.data.tracks import Track

folder, what = Path(sys.argv[1]), sys.argv[2]
decoded = shards.decoded


def slow(path):
    if path.name == "2.wav":
        (folder / "reached").write_text(str(os.getpid()))
        while what == "wait" and not shards._stop[0].is_set():
            time.sleep(0.02)
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
    yield from decoded(path)


shards.decoded = slow
if __name__ == "__main__":
    tracks = [Track(path, path.name, "", "", "") for path in sorted(folder.glob("*.wav"))]
    shards.Shards.build(tracks, folder / "cache", jobs=1, shortest=0)
"""


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 300  # far beyond what any machine takes: only to fail instead of hanging
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize("how", ["killed", "Ctrl-C", "worker died"])
def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, how: str) -> None:
    names = [f"{i}.wav" for i in range(8)]  # one process: four shards of two
    for i, name in enumerate(names):
        write(tmp_path / name, seed=i)
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path), "die" if how == "worker died" else "wait"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which background jobs are started without
    )  # fmt: skip
    reached = tmp_path / "reached"
    wait_until(lambda: reached.exists() and bool(reached.read_text()))
    if how == "killed":
        run.kill()
    elif how == "Ctrl-C":
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does, to all processes
    told = run.communicate(timeout=120)[1]
    assert run.returncode != 0
    assert (
        told.rstrip()
        .rpartition("\n")[2]
        .startswith(
            {
                "killed": "",
                "Ctrl-C": "KeyboardInterrupt",
                "worker died": "formats.errors.AezError: a process that decodes music died",
            }[how]
        )
    )
    wait_until(lambda: not is_alive(int(reached.read_text())))  # no worker outlives the one who asked

    cache = tmp_path / "cache"
    before = {path: path.stat().st_ino for path in cache.glob("*.shard.json")}
    kept = {Path(key.partition("|")[0]).name for index in before for key in json.loads(index.read_text())["clips"]}
    assert kept == {"0.wav", "1.wav"}
    made = Shards.build(tracks(tmp_path, *names), cache, jobs=1, shortest=0)
    assert [track.name for track in made.tracks] == names
    for i, name in enumerate(names):
        np.testing.assert_allclose(made[i].T, samples(tmp_path / name), atol=1)
    assert before.items() <= {path: path.stat().st_ino for path in cache.glob("*.shard.json")}.items()


def test_rests_of_killed_processes_are_swept_up(tmp_path: Path) -> None:
    write(tmp_path / "a.wav")
    cache = tmp_path / "cache"
    cache.mkdir()
    old, young = cache / ".x.shard.1.part", cache / ".x.shard.2.part"
    for part, age in ((old, 7200), (young, 60)):
        part.touch()
        os.utime(part, (time.time() - age,) * 2)
    Shards.build(tracks(tmp_path, "a.wav"), cache, jobs=1, shortest=0)
    assert young.exists() and not old.exists()  # somebody may still write the young one


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    write(tmp_path / "a.wav")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Shards.build(tracks(tmp_path, "a.wav"), tmp_path / "file" / "cache", jobs=1)
