"""The confusion matrix as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def draw(matrix: Sequence[Sequence[float]], classes: Sequence[str], title: str, note: str, path: Path) -> None:
    """Write a PNG: shares of each row's songs as shades and per cent, with the number of songs beside it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    counts = np.array(matrix)
    total = counts.sum(1)
    share = np.divide(counts, total[:, None], out=np.zeros_like(counts), where=total[:, None] > 0)
    size = len(classes)
    side = max(5.0, 2.4 + 0.62 * size)
    with pyplot.rc_context({"font.family": "sans-serif", "font.size": 10.5, "axes.edgecolor": "white"}):
        figure, axes = pyplot.subplots(figsize=(side + 0.6, side), dpi=160, layout="constrained")
        axes.imshow(share, cmap="YlGnBu", vmin=0, vmax=1)
        axes.set_xticks(range(size), classes, rotation=38, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(size), [f"{name}  ({round(n)})" for name, n in zip(classes, total, strict=True)])
        axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=2.5)
        axes.tick_params(which="both", length=0)
        axes.spines[:].set_visible(False)
        for row in range(size):
            for column in range(size):
                value = share[row, column]
                if value >= 0.005:
                    weight = "bold" if row == column else "normal"
                    ink = "white" if value > 0.55 else "#1d2733"
                    axes.text(column, row, f"{value:.0%}", ha="center", va="center", color=ink, fontweight=weight)
        axes.set_xlabel("taken for", labelpad=6)
        axes.set_ylabel("labelled (songs)", labelpad=6)
        axes.set_title(title, loc="left", fontsize=13, fontweight="bold", pad=40)
        axes.text(0, 1.025, note, transform=axes.transAxes, fontsize=9.5, color="#5b6673")
        figure.savefig(path)
        pyplot.close(figure)
