"""The course of a run: what its rows say."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from training.loop.course import ROW, Course, Reports
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


@pytest.mark.parametrize("row", [{"loss": [8.0, 2], "adversarial": [5.0, 1]}, None, [1], {"loss": 3}])
def test_a_row_that_was_begun_is_gone_on_with_on_the_device(tmp_path: Path, row: object) -> None:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1, device="meta"))], lr=0.5)
    run = SimpleNamespace(step=2, seen=0.0, spent=0.0, optimiser=optimiser, resumed={ROW: row})
    course = Course(
        run, Schedule(Position(0), math.inf, 6), ALONE, Reports("train", tmp_path, 4, goes_on=True), 2.0, print
    )
    begun = isinstance(row, dict) and len(row) == 2
    assert {name: value.device.type for name, value in course._total.items()} == (
        {"loss": "meta", "adversarial": "meta"} if begun else {}
    )
    assert course._count == ({"loss": 2, "adversarial": 1} if begun else {})
