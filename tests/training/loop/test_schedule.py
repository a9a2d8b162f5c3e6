"""Schedules: learning rates, and when a run ends."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from formats.errors import UsageError
from training.loop.schedule import FINAL, KEY, Position, Schedule, Stream, generator, set_learning_rates


def test_learning_rates_warm_up_and_fall_to_their_share() -> None:
    weights = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimiser = torch.optim.SGD([{"params": [w]} for w in weights], lr=0.0)

    def rates(steps: int, done: float) -> list[float]:
        set_learning_rates(optimiser, (1.0, 0.1), steps, 4, done)
        return [group["lr"] for group in optimiser.param_groups]

    assert rates(0, 0.0) == pytest.approx([0.25, 0.025])
    assert rates(9, 0.0) == pytest.approx([1.0, 0.1])
    assert rates(9, 0.5) == pytest.approx([(1 + FINAL) / 2, (1 + FINAL) / 20])
    assert rates(9, 1.5) == pytest.approx([FINAL, FINAL / 10])


def test_a_run_ends_by_the_clock_or_at_a_step() -> None:
    schedule = Schedule(Position(100, 30.0), 60, 200)
    assert 30 <= schedule.elapsed() < 31 and schedule.entry()[KEY]["first"] == 100
    assert schedule.done(100, 30) == 0.5 and schedule.done(190, 30) == 0.9 and schedule.done(100, 60) == 1
    assert schedule.left(100, 30, 1.0) == 30 and schedule.left(190, 30, 1.0) == 10 and schedule.left(100, 99, 1.0) == 0
    endless = Schedule(Position(7), math.inf)
    assert endless.done(10**9, 1e9) == 0 and endless.left(7, 1.0, 1.0) == math.inf
    assert Schedule(Position(7), 0).done(7, 0) == 1 and Schedule(Position(7), 60, 7).done(7, 0) == 1


def test_positions_of_checkpoints() -> None:
    assert Position.of(None, 5) == Position.of({}, 5) == (5, 0.0)
    assert Position.of({KEY: {"first": 3, "elapsed": 1.5, "torch": None}}, 5) == (3, 1.5)
    odd = ({"first": 6, "elapsed": 1}, {"first": -1, "elapsed": 1}, {"first": 3, "elapsed": float("nan")})
    for damaged in ({"first": 3}, {"first": "x", "elapsed": 1}, 7, *odd):
        with pytest.raises(UsageError, match="position"):
            Position.of({KEY: damaged}, 5)


def test_random_numbers_of_a_step_are_its_own() -> None:
    drawn = [generator(1, *name).random() for name in ((Stream.SETTINGS, 4), (Stream.SETTINGS, 5), (Stream.CHOICE, 4))]
    assert len({*drawn, np.random.default_rng([1, 0, 4, 0]).random()}) == 4
    assert generator(1, Stream.SETTINGS, 4).random() == drawn[0]
