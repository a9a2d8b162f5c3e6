"""The budget by stage: every stage's functions exist, their times add up, and nothing stays replaced."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile

from codec.dsp import stereo
from codec.pipeline import payload
from training.data.songs import song as synthesized
from training.speed import stages


def busy(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_time_inside_an_inner_stage_is_not_counted_twice() -> None:
    clock = stages.Clock()
    inner = clock.timed("inner", busy)

    def items(count: int):
        for number in range(count):
            inner(0.02)
            yield number

    def outer() -> list[int]:
        busy(0.03)
        return [number for number in clock.timed("items", items)(2) if not busy(0.01)]

    assert clock.timed("outer", outer)() == [0, 1]
    assert clock.seconds["inner"] == pytest.approx(0.04, abs=0.01)
    assert clock.seconds["outer"] == pytest.approx(0.05, abs=0.01)
    assert clock.seconds["items"] < 0.01


def test_an_error_passes_and_is_counted() -> None:
    clock = stages.Clock()
    with pytest.raises(ZeroDivisionError):
        clock.timed("stage", lambda: 1 / 0)()
    assert set(clock.seconds) == {"stage"}


def test_the_budget_of_a_song(tiny: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "song.wav"
    soundfile.write(file, synthesized(3.0).T, 44100)
    before = stereo.choose_angles, payload.rank_segment
    assert stages.main([str(file), "--runs", "1", "--latent", "64"]) == 0
    assert (stereo.choose_angles, payload.rank_segment) == before
    out = capsys.readouterr().out
    rows = {cells[1].strip(): cells[2:4] for cells in (line.split("|") for line in out.splitlines()) if len(cells) > 4}
    both = ("transform", "network", "scales and ranks", "range coder", stages.TOTAL, "start of the command")
    for stage in both:
        assert all(int(cell) >= 0 for cell in rows[stage])
    assert rows["read audio"][1].strip() == rows["write audio"][0].strip() == "-"


def test_a_file_that_is_no_song(tiny: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "song.wav"
    file.write_text("text")
    assert stages.main([str(file)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
