"""Colours and marks of systems and genres."""

import itertools

import numpy as np
import pytest

from training import palette
from training.palette import SYSTEMS
from training.plain.losses import LOSSES


def test_a_system_looks_the_same_in_any_company() -> None:
    alone = palette.looks(["opus"])["opus"]
    crowd = palette.looks(["aez:x", "aez", "aez:start", "aez:y", "lame", "opus", "aac", "vorbis", "resample"])
    assert crowd["opus"] == alone
    assert len({look.color for look in crowd.values()}) == len({look.marker for look in crowd.values()}) == 9
    many = palette.looks([f"aez:{i}" for i in range(20)])
    assert len({(look.color, look.dash) for look in many.values()}) == 16  # then they come again
    assert palette.looks(["aez:mine", "opus"])["aez:mine"] == palette.looks(["lame", "aez:mine"])["aez:mine"]


def test_every_system_and_every_genre_has_a_look_of_its_own() -> None:
    assert len({look.color for look in SYSTEMS.values()}) == len(SYSTEMS)
    losses = [SYSTEMS[f"aez:time-{name}"] for name in LOSSES]
    assert len({look.marker for look in losses}) == len(losses)
    genres = [palette.genre_look("", number)[1:] for number in range(palette.GENRES)]
    assert len(set(genres)) == palette.GENRES


LOSSES_FIGURE = [f"aez:time-{name}" for name in LOSSES]
MEASUREMENTS = [name for name in SYSTEMS if not name.startswith("aez:time-") or name == "aez:time-mse"]


@pytest.mark.parametrize("names", [LOSSES_FIGURE, MEASUREMENTS, "genres"])
def test_what_meets_in_a_figure_can_be_told_apart_by_the_colour_blind(names: list[str] | str) -> None:
    # Vienot, Brettel and Mollon 1999: what a deuteranope and a protanope see of linear RGB, compared in CIE L*a*b*.
    def seen(color: str, blind: np.ndarray) -> np.ndarray:
        rgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]) ** 2.2
        x, y, z = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ blind @ rgb
        fx, fy, fz = np.cbrt(np.maximum([x / 0.9505, y, z / 1.089], 0))
        return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])

    deuteranope = [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]
    protanope = [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]
    looks = [palette.genre_look("", n) for n in range(8)] if names == "genres" else [SYSTEMS[name] for name in names]
    for kind in (np.eye(3), np.array(deuteranope), np.array(protanope)):
        points = [seen(look.color, kind) for look in looks]
        assert min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(points, 2)) > 9


def test_colours_are_seen_on_both_grounds_and_text_in_them_can_be_read() -> None:
    for ground in (palette.LIGHT, palette.DARK):
        for color in palette.COLORS:
            assert palette.contrast_of(color, ground) >= 3, (color, ground)
            assert palette.contrast_of(palette.readable(color, ground=ground), ground) >= 4.5
    assert palette.readable("#332288") == "#332288"
    light, pale = palette.readable("#e69f00"), palette.readable("#332288", ground=palette.DARK)
    assert all(int(light[i : i + 2], 16) <= int("e69f00"[i - 1 : i + 1], 16) for i in (1, 3, 5)) and light != "#e69f00"
    assert palette.luminance(pale) > palette.luminance("#332288")
    assert palette.contrast_of("#000000", "#ffffff") == pytest.approx(21)
