"""What the training loops share: learning rates, averaged weights, the log."""

import io
import json
import math

import pytest
import torch
from torch import nn

from training.ranked.loop import FINAL, TrainingLog, clip_gradients, set_learning_rates, update_average


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


def test_the_average_is_short_at_first_and_then_decays() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    average = {"weight": torch.zeros(1, 1)}
    update_average(average, model, 0.99, 1)
    assert float(average["weight"]) == pytest.approx(1 / 11)
    average = {"weight": torch.zeros(1, 1)}
    update_average(average, model, 0.99, 1000)
    assert float(average["weight"]) == pytest.approx(0.01)


def test_gradients_are_scaled_down_and_never_wild() -> None:
    weights = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))]

    def clipped(*gradients: list[float]) -> tuple[float, list[list[float]]]:
        for weight, gradient in zip(weights, gradients, strict=False):
            weight.grad = torch.tensor(gradient)
        return clip_gradients(weights).item(), [w.grad.tolist() for w in weights if w.grad is not None]

    assert clipped([0.3, 0.0], [0.4]) == (pytest.approx(0.5), [pytest.approx([0.3, 0.0]), pytest.approx([0.4])])
    assert clipped([3.0, 0.0], [4.0]) == (pytest.approx(5), [pytest.approx([0.6, 0], abs=1e-5), pytest.approx([0.8])])
    for wild in (math.inf, math.nan):
        assert clipped([1.0, wild], [4.0])[1] == [[0.0, 0.0], [0.0]]


def test_a_line_is_the_mean_of_the_steps_since_the_line_before() -> None:
    """Also the first line of a run that was resumed between two lines: it has fewer steps to average."""
    file = io.StringIO()
    log = TrainingLog(file, 3)
    for step, value in ((5, 4.0), (6, 8.0), (7, 1.0), (8, 2.0), (9, 6.0), (10, 100.0)):
        log.add({"loss": torch.tensor(value)})
        log.write(step, 0.6 + step, 2.0 * step)
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert lines == [
        {"step": 6, "seconds": 7, "seen": 12, "loss": 6.0},
        {"step": 9, "seconds": 10, "seen": 18, "loss": 3.0},
    ]
