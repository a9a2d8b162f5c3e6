"""Colours and names of systems in plots."""

import itertools

import numpy as np
import pytest

from training.evaluation import plot_style


def test_a_system_looks_the_same_in_any_company() -> None:
    alone = plot_style.styles(["opus"], None)["opus"]
    crowd = plot_style.styles(["aez:x", "aez:start", "aez:y", "lame", "opus", "aac", "vorbis", "resample"], "aez:x")
    assert crowd["opus"] == alone
    assert crowd["aez:x"].color == plot_style.STYLES["aez"][0]
    assert len({style.color for style in crowd.values()}) == len({style.marker for style in crowd.values()}) == 8


def test_colours_differ_in_lightness_or_hue_for_the_colour_blind() -> None:
    # Vienot, Brettel and Mollon 1999: what a deuteranope sees of linear RGB, compared in CIE L*a*b*-like distances.
    def seen(color: str) -> np.ndarray:
        rgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]) ** 2.2
        blind = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]) @ rgb
        x, y, z = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ blind
        fx, fy, fz = np.cbrt(np.maximum([x / 0.9505, y, z / 1.089], 0))
        return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])

    points = [seen(color) for color, _ in plot_style.STYLES.values()]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(points) for b in points[:i]]
    assert min(apart) > 10


@pytest.mark.parametrize("values", [[0.1, 0.1, 0.1], [0.0, 0.02, 0.9], [0.97, 0.98, 1.5], [0.5], []])
def test_names_are_spread_without_crossing(values: list[float]) -> None:
    positions = plot_style.spread(values, 0.1, 0.0, 1.0)
    assert len(positions) == len(values)
    assert all(b - a >= 0.1 - 1e-6 for a, b in itertools.pairwise(positions))
    assert all(-1e-9 <= position <= 1 + 1e-9 for position in positions)
