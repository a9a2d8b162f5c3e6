"""Figures of SVG for both colour schemes: which of their colours change, and which files are refused."""

import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from codec.inspection.drawing import Drawing
from training import palette
from training.genre import picture
from training.report.schemes import on_dark, themed

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 20 10">'


def variables(text: str) -> dict[str, tuple[str, str]]:
    """Light and dark value of every variable that a figure declares."""
    light, dark = re.findall(r":root\{([^}]*)\}", text)
    pairs = [dict(one.split(":") for one in part.split(";") if one) for part in (light, dark)]
    assert pairs[0].keys() == pairs[1].keys()
    return {name: (pairs[0][name], pairs[1][name]) for name in pairs[0]}


def test_grounds_and_inks_of_a_figure_change_and_lines_keep_their_colours() -> None:
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.plot([1, 2], [1, 3], color=palette.SYSTEMS["opus"].color, marker="s", markeredgecolor="white")
    axes.set_title("seen", color=palette.readable(palette.SYSTEMS["aez"].color))
    file = BytesIO()
    figure.savefig(file, format="svg", metadata={"Title": "a title", "Date": None})
    found = themed(file.getvalue())
    assert (found.width, found.height) == (216, 144)
    assert palette.SYSTEMS["opus"].color in found.text
    assert "a title" not in found.text and "metadata" not in found.text
    known = variables(found.text)
    assert known["--cffffff"] == (palette.LIGHT, palette.DARK)
    assert known["--t000000"] == palette.INK
    for light, dark in (pair for name, pair in known.items() if name.startswith("--t")):
        assert palette.contrast_of(light, palette.LIGHT) >= 4.5 and palette.contrast_of(dark, palette.DARK) >= 4.5
    assert len(found.text) < len(file.getvalue())  # places have two decimals


def test_a_drawing_of_our_own_changes_its_named_colours_too() -> None:
    drawn = Drawing(120, 80)
    drawn.image(np.zeros((2, 3, 3), np.uint8), (0, 0, 30, 20), (0, 0, 30, 20))
    drawn.line(1, 2, 3, 4)
    drawn.text(10, 10, "text & <b>", "l")
    file = BytesIO()
    drawn.save(file, "svg")
    found = themed(file.getvalue())
    assert 'style="fill: var(--cffffff)"' in found.text and 'style="stroke: var(--c000000)"' in found.text
    assert "data:image/png;base64," in found.text and "text &amp; &lt;b&gt;" in found.text


def test_every_colour_can_be_seen_on_the_dark_ground() -> None:
    for color in palette.COLORS:
        assert on_dark(color) == color
        text = palette.readable(color)
        assert palette.contrast_of(on_dark(text, text=True), palette.DARK) >= 4.5
    assert palette.contrast_of(on_dark("#001133"), palette.DARK) >= 3
    greys = [on_dark(f"#{value:02x}{value:02x}{value:02x}") for value in range(0, 256, 51)]
    assert [palette.luminance(one) for one in greys] == sorted((palette.luminance(one) for one in greys), reverse=True)


def test_text_in_cells_of_the_confusion_matrix_can_be_read_in_both_schemes() -> None:
    for share in np.linspace(0, 1, 51):
        ink = picture.ink(float(share))
        assert palette.contrast_of(ink, picture.shade(share, palette.LIGHT)) >= 4.5
        assert palette.contrast_of(on_dark(ink, text=True), picture.shade(share, palette.DARK)) >= 4.5


def test_the_confusion_matrix_is_a_figure_without_images(tmp_path: Path) -> None:
    picture.draw([[3, 1], [1, 2]], ["Rock", "Folk"], "Genre", "7 songs", tmp_path / "confusion.png")
    found = themed((tmp_path / "confusion.svg").read_bytes()).text
    assert "<image" not in found and found.count(f"fill: {picture.CELL}") == 4  # the same in both schemes


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<g onload="alert(1)"/>',
        '<image xlink:href="http://example.com/a.png"/>',
        '<a xlink:href="javascript:alert(1)"><path d="M0 0"/></a>',
        "<foreignObject/>",
        '<rect style="fill: url(http://example.com/#a)"/>',
        '<image xlink:href="data:image/svg+xml;base64,PHN2Zy8+"/>',
        "<g>",
    ],
)
def test_what_is_no_figure_is_refused(inside: str) -> None:
    themed(f"{HEAD}<g clip-path='url(#a)'/></svg>".encode())
    with pytest.raises(ValueError):
        themed(f"{HEAD}{inside}</svg>".encode())


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"\x89PNG",
        b'<?xml version="1.0" encoding="no-such"?><svg/>',
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        HEAD.replace("20 10", "nan 10").encode() + b"</svg>",
        HEAD.encode() + 5000 * b"<g>" + 5000 * b"</g>" + b"</svg>",
    ],
    ids=["empty", "png", "encoding", "no size", "odd size", "deep"],
)
def test_a_broken_file_is_no_figure(source: bytes) -> None:
    with pytest.raises(ValueError):
        themed(source)
