"""Averaged weights and clipped gradients."""

import math

import pytest
import torch
from torch import nn

from training.loop.weights import clip_gradients, update_average


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
