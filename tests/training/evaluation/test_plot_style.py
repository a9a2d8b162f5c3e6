"""Names at the ends of curves, and limits of values."""

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from training.evaluation import plot_style
from training.evaluation.compare import Band
from training.palette import looks


@pytest.mark.parametrize("values", [[0.1, 0.1, 0.1], [0.0, 0.02, 0.9], [0.97, 0.98, 1.5], [0.5], []])
def test_names_are_spread_without_crossing(values: list[float]) -> None:
    positions = plot_style.spread(values, 0.1, 0.0, 1.0)
    assert len(positions) == len(values)
    assert all(b - a >= 0.1 - 1e-6 for a, b in itertools.pairwise(positions))
    assert all(-1e-9 <= position <= 1 + 1e-9 for position in positions)


@pytest.mark.parametrize("log", [False, True])
def test_wide_intervals_leave_the_means_apart_and_are_marked_as_cut(log: bool) -> None:
    look = looks(["opus"])["opus"]
    axes = Figure().subplots()
    narrow = Band(np.array([8.0, 16.0]), np.array([2.0, 3.0]), np.array([0.1, 0.1]))
    wide = Band(np.array([8.0, 16.0]), np.array([2.5, 4.0]), np.array([60.0, 0.1]))  # two clips of one setting
    plot_style.limit_values(axes, [narrow, wide], log=log)
    low, high = axes.get_ylim()
    assert low < 1.95 and high > 4.1
    assert (high / low < 6) if log else (high - low < 2 * (1 + 2 * plot_style.ROOM + 0.2))
    plot_style.mark_cut(axes, narrow, look)
    assert not axes.get_lines()
    plot_style.mark_cut(axes, wide, look)
    above, below = axes.get_lines()
    assert (above.get_xdata().tolist(), below.get_xdata().tolist()) == ([8.0], [8.0])  # type: ignore[union-attr]


def test_narrow_intervals_are_shown_whole() -> None:
    axes = Figure().subplots()
    plot_style.limit_values(axes, [Band(np.array([8.0, 16.0]), np.array([2.0, 3.0]), np.array([0.3, 0.2]))], log=False)
    low, high = axes.get_ylim()
    assert low < 1.7 and high > 3.2
    plot_style.limit_values(axes, [], log=False)
    assert axes.get_ylim() == (low, high)
