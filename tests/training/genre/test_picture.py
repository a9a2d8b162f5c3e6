"""The confusion matrix as a picture."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from PIL import Image

from training.genre.picture import draw


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
