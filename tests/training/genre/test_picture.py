"""The confusion matrix as a picture."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from PIL import Image

from training.genre.picture import draw
from training.palette import PAPER


@pytest.mark.parametrize(
    "classes",
    [["Rock", "Folk"], ["Rock", "Experimental and electronic music of the Caucasus, $x$ and all " + 40 * "g"]],
)
def test_labels_are_never_cut_and_the_picture_holds_its_title(tmp_path: Path, classes: list[str]) -> None:
    path = tmp_path / "confusion.png"
    draw([[3, 0], [1, 2]], classes, "Genre from latents, by a vote", "6 songs\n83% right", path)
    picture = imread(path)[..., :3]
    for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        np.testing.assert_array_equal(edge, 1.0)  # nothing reaches the frame
    with Image.open(path) as image:
        assert image.info["Title"] == "Genre from latents, by a vote"


def test_the_text_of_many_genres_can_be_read_on_paper(tmp_path: Path) -> None:
    path = tmp_path / "confusion.svg"
    many = np.eye(16) * 20
    draw(many.tolist(), [f"A genre of number {i}" for i in range(16)], "Genre from latents", "320 songs", path)
    drawn = path.read_text()
    (width,) = re.findall(r'viewBox="0 0 ([0-9.]+) ', drawn)[:1]
    sizes = [100 * float(scale) for scale in re.findall(r"scale\(([0-9.]+) -[0-9.]+\)", drawn)]
    assert min(sizes) * 72 * (PAPER - 0.5) / float(width) >= 7
