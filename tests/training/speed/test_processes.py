"""The clock: what it reads for processes of known cost, and its table."""

import sys
from pathlib import Path

import pytest
import soundfile
from rich.console import Console

from training.evaluation import peers
from training.speed import meter, processes

pytestmark = pytest.mark.skipif(not hasattr(__import__("os"), "wait4"), reason="needs os.wait4")


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_wall_and_processor_time_are_told_apart() -> None:
    asleep = meter.run(meter.Job("sleep", python("import time; time.sleep(0.6)")))
    assert asleep.wall >= 0.6
    assert asleep.cpu < 0.4
    busy = meter.run(meter.Job("work", python("import time\nwhile time.process_time() < 0.5: pass")))
    assert 0.5 <= busy.cpu < 2


def test_peak_memory_is_the_commands_own() -> None:
    ballast = bytearray(b"x") * (200 << 20)  # the one who measures is large
    small = meter.run(meter.Job("small", python("pass")))
    large = meter.run(meter.Job("large", python("x = bytearray(b'x') * (100 << 20)")))
    assert len(ballast) == 200 << 20
    assert small.memory < 50
    assert 100 <= large.memory < 150


def test_failures_are_named() -> None:
    with pytest.raises(peers.PeerError, match=r"bad failed \(3\): so it goes"):
        meter.run(meter.Job("bad", python("import sys; print('so it goes', file=sys.stderr); sys.exit(3)")))
    with pytest.raises(peers.PeerError, match="none could not be started"):
        meter.run(meter.Job("none", ["no-such-program"]))


def test_rounds_are_interleaved_after_one_warm_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    jobs = [meter.Job(name, python(f"open({str(log)!r}, 'a').write('{name}')")) for name in "ab"]
    costs = processes.bench(jobs, 2, Console(quiet=True))
    assert log.read_text() == "ab" * 3
    assert {name: len(runs) for name, runs in costs.items()} == {"a": 2, "b": 2}


def test_commands_that_do_not_overwrite_run_every_round(tmp_path: Path) -> None:
    made = tmp_path / "made"
    job = meter.Job("once", python(f"open({str(made)!r}, 'x').write('.')"), made)
    assert len(processes.bench([job], 2, Console(quiet=True))["once"]) == 2
    assert made.read_text() == "."
    with pytest.raises(peers.PeerError):
        meter.run(meter.Job("once", job.command))


def test_table_gives_medians_and_real_time_factors() -> None:
    costs = {
        "x encode": [meter.Cost(2, 4, 10), meter.Cost(200, 400, 20), meter.Cost(3, 6, 30)],
        "x short": [meter.Cost(0.5, 0.25, 10)],
        "x info": [meter.Cost(0.2, 0.1, 9)],
    }
    jobs = [meter.Job("x encode", []), meter.Job("x short", [], seconds=2), meter.Job("x info", [], seconds=0)]
    lines = processes.table(jobs, costs, 180).splitlines()
    assert lines[2] == "| x encode | 3.000 | 60 | 6.000 | 30 | 20 |"
    assert lines[3] == "| x short | 0.500 | 4 | 0.250 | 8 | 10 |"
    assert lines[4] == "| x info | 0.200 | - | 0.100 | - | 9 |"


def test_song_that_is_made_is_music_like(tmp_path: Path) -> None:
    meter.synthesize(tmp_path / "song.wav", 5)
    x, rate = soundfile.read(tmp_path / "song.wav")
    assert (x.shape, rate) == ((5 * 44100, 2), 44100)
    assert 0.05 < x.std() < 0.5
    assert abs(x[:, 0] - x[:, 1]).std() > 0.01


def test_jobs_are_real_commands(tmp_path: Path) -> None:
    jobs = processes.jobs_for(tmp_path / "song.wav", tmp_path, 64, "start")
    ours = [job for job in jobs if job.name.startswith("aez")]
    assert [job.name.removeprefix("aez:start ") for job in ours] == [
        "encode", "decode", "encode --bitrate 24", "encode by NumPy", "decode by NumPy", "encode, 2 s", "decode, 2 s",
        "info",
    ]  # fmt: skip
    assert soundfile.info(tmp_path / "short.wav").duration == 2
    assert {job.command[-1] for job in ours[2:6:2]} == {"start"}
    for plain, by_numpy in zip(ours[:2], ours[3:5], strict=True):
        assert "sys.modules['onnxruntime'] = None" in by_numpy.command[2]
        assert by_numpy.command[3] == plain.command[3]
    assert ours[0].command[-5:] == ["encode", str(tmp_path / "song.wav"), str(tmp_path / "aez.aez"), "--model", "start"]
    assert ours[1].command[-5:-2] == ["decode", str(tmp_path / "aez.aez"), str(tmp_path / "aez.wav")]
    assert ours[-1].command[-2:] == ["info", str(tmp_path / "aez.aez")]
