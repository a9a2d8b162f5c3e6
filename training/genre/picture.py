"""The confusion matrix as a picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from codec.files import new_file
from training import palette

LINE = 22
"""Letters in a line of a genre's name."""

CELL = "#1c6eaa"
"""Colour of a cell that holds all songs of its row; it is as transparent as their share is less."""

FAINT = 0.06
"""Opacity of a cell without songs."""


def draw(matrix: Sequence[Sequence[float]], classes: Sequence[str], title: str, note: str, path: Path) -> None:
    """Write a PNG, and an SVG next to it: shares of each row's songs as shades and per cent, with the number of songs.

    The picture is as large as its labels need, of which long ones are broken into lines. It holds its title, which the
    report shows under it.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Rectangle

    counts = np.array(matrix, np.float64)
    total = counts.sum(1)
    share = np.divide(counts, total[:, None], out=np.zeros_like(counts), where=total[:, None] > 0)
    size = len(classes)
    names = [textwrap.fill(name, LINE) for name in classes]
    lines = max(name.count("\n") + 1 for name in names)
    side = 2.4 + 0.66 * max(1, lines / 3) * size
    leaning: Any = {"rotation": 38 if lines == 1 else 90, "ha": "right", "rotation_mode": "anchor"}
    smallest = palette.text_size(side)
    look: Any = {
        "font.family": "sans-serif",
        "font.size": smallest + 1,
        "axes.edgecolor": "white",
        "text.parse_math": False,
        "svg.hashsalt": "aez",
    }
    with pyplot.rc_context(look):
        figure, axes = pyplot.subplots(figsize=(side, side), dpi=160)
        axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), aspect="equal")
        axes.set_xticks(range(size), names, **leaning, va="top" if lines == 1 else "center")
        axes.set_yticks(range(size), [f"{name}  ({round(n)})" for name, n in zip(names, total, strict=True)])
        axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=2.5)
        axes.tick_params(which="both", length=0)
        axes.spines[:].set_visible(False)
        for row in range(size):
            for column in range(size):
                value = float(share[row, column])
                area: Any = {"facecolor": CELL, "alpha": opacity(value), "linewidth": 0, "zorder": 0.5}
                axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **area))
                if value >= 0.005:
                    weight = "bold" if row == column else "normal"
                    written: Any = {"color": ink(value), "fontweight": weight}
                    axes.text(column, row, f"{value:.0%}", ha="center", va="center", **written)
        axes.set_xlabel("taken for", labelpad=6)
        axes.set_ylabel("labelled (songs)", labelpad=6)
        above: Any = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
        axes.annotate(note, (0, 1), (0, 8), fontsize=smallest, color="#5b6673", **above)
        heading, over = textwrap.fill(title, 44), 16 + 1.3 * smallest * (1 + note.count("\n"))
        axes.annotate(heading, (0, 1), (0, over), fontsize=1.4 * smallest, fontweight="bold", **above)
        with new_file(path, force=True) as file:
            figure.savefig(file, format="png", bbox_inches="tight", pad_inches=0.15, metadata={"Title": title})
        with new_file(path.with_suffix(".svg"), force=True) as file:
            told = {"Title": title, "Date": None}
            figure.savefig(file, format="svg", bbox_inches="tight", pad_inches=0.15, metadata=told)
        pyplot.close(figure)


def ink(share: float, ground: str = palette.LIGHT) -> str:
    """The colour of the text in a cell: white where that can be read, and black else."""
    cell = shade(share, ground)
    return palette.ON_COLOR if palette.contrast_of(palette.ON_COLOR, cell) >= 4.5 else palette.INK[0]


def shade(share: float, ground: str) -> str:
    """The colour of a cell on a ground."""
    return palette.mixed(ground, CELL, opacity(share))


def opacity(share: float) -> float:
    """How opaque a cell is that holds a share of its row's songs."""
    return FAINT + (1 - FAINT) * share
