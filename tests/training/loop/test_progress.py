"""What a person sees: a plain line now and then, or one that moves on a terminal."""

import io
import sys
from types import SimpleNamespace

import pytest

from training.loop import progress
from training.loop.progress import PAUSE, Display, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_keep_a_distance(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [1000.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with Display("train") as display:
        for step in range(1, 200):
            display.step(step, step / 200, None if step < 20 else 1.25, 86.4, 100.0)
            now[0] += 1
        display.say("")
        display.say("200 steps")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "train: step 20, loss 1.25, 86 s of audio a second, 2 min left"
    assert len(lines) == 1 + 179 // PAUSE + 1 and lines[-1] == "train: 200 steps"


def test_a_terminal_has_one_line_that_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("COLUMNS", "120")
    with Display("train") as display:
        for step in range(1, 50):
            display.step(step, step / 50, 0.5, 10.0, 3700.0)
    assert "step 49, loss 0.5, 10 s of audio a second, 1 h 2 min left" in shown.getvalue()
    assert "\n\n" not in shown.getvalue()


def test_only_the_first_process_shows_anything(capsys: pytest.CaptureFixture[str]) -> None:
    with Display("train", shown=False) as display:
        display.step(1, 0.5, 1.0, 1.0, 1.0)
        display.say("done")
    assert capsys.readouterr().err == ""


def test_a_run_without_an_end_has_no_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with Display("train") as display:
        display.step(1, 0.0, 1.0, 1.26, float("inf"))
    assert capsys.readouterr().err == "train: step 1, loss 1, 1.3 s of audio a second\n"


def test_times_as_people_say_them() -> None:
    said = [duration(seconds) for seconds in (0, 45.4, 89, 600, 3601, 12_000, 400_000)]
    assert said == ["0 s", "45 s", "89 s", "10 min", "1 h 0 min", "3 h 20 min", "4 d 15 h"]
