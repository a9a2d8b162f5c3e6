"""Marks as paths of SVG."""

import re

import pytest

from training.palette import OTHER, SYSTEMS, Look, genre_look
from training.report.marks import mark


@pytest.mark.parametrize("look", [*SYSTEMS.values(), genre_look("Rock", 0), OTHER], ids=lambda look: look.label)
def test_every_mark_fits_its_unit_and_says_how_it_is_painted(look: Look) -> None:
    told = mark(look)
    assert re.fullmatch(r"(M[-.,\d]+|[LQC][-.,\d ]+|Z)+", told["path"])
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", told["path"])]
    assert max(map(abs, numbers)) <= 0.85 and min(numbers) < 0 < max(numbers)
    assert told["filled"] == (look.marker not in "x+")
    assert (told["color"], told["dash"]) == (look.color, list(look.dash))


def test_a_triangle_points_upwards_on_the_page() -> None:
    assert mark(Look("", "#000000", "^"))["path"].startswith("M0.000,-0.500")
