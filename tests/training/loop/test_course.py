"""The course of a run: what its rows say."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from training.loop.course import Course, Reports
from training.loop.group import ALONE
from training.loop.log import read
from training.loop.schedule import Position, Schedule


def test_a_term_that_some_steps_lack_is_averaged_over_the_others(tmp_path: Path) -> None:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    run = SimpleNamespace(step=0, seen=0.0, spent=0.0, optimiser=optimiser, resumed=None)
    schedule = Schedule(Position(0), math.inf, 6)
    with Course(run, schedule, ALONE, Reports("train", tmp_path, 4), 2.0, lambda *_, **more: None) as course:
        for _ in course:
            judged = {"adversarial": torch.tensor(3.0)} if run.step == 1 else {}
            course.finish({"loss": torch.tensor(float(run.step)), **judged})
    first, last = read(tmp_path / "log.csv")
    assert (first["step"], last["step"]) == ("4", "6")
    assert float(first["loss"]) == pytest.approx(1.5) and float(last["loss"]) == pytest.approx(4.5)
    assert float(first["adversarial"]) == 3 and last["adversarial"] == ""
