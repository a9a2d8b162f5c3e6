"""Pictures of maps: songs as points whose colour and shape are their genre, with the numbers of the separation.

Colours and shapes are those of `training.palette`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from codec.files import new_file
from training.latents.projections import TITLES, Points
from training.latents.separation import Labels, Mask, Separation
from training.palette import OTHER, genre_look, text_size

LOOK: Any = {"text.parse_math": False, "svg.hashsalt": "aez"}  # genres are text, whatever is in them

VECTORS = 2000
"""Songs up to which an SVG holds a path for each; it holds an image of more, without their white edges."""


def genre_style(number: int) -> dict[str, object]:
    """Colour and shape of the genre of this number, as the page draws it, in matplotlib's words."""
    look = genre_look("", number)
    if not look.hollow:
        return {
            "marker": look.marker,
            "markerfacecolor": look.color,
            "markeredgecolor": "white",
            "markeredgewidth": 0.4,
        }
    return {"marker": look.marker, "markerfacecolor": "none", "markeredgecolor": look.color, "markeredgewidth": 1.2}


@rc_context(LOOK)
def map_picture(
    path: Path,
    name: str,
    points: Points,
    labels: Labels,
    genres: Sequence[str],
    found: Separation,
    held: Mask | None = None,
) -> None:
    """Draw one map; `held` are songs that a projection with labels was not fitted on, drawn large above the others."""
    figure = Figure(figsize=(9, 6.6), dpi=130, layout="constrained")
    axes = figure.subplots()
    _points(axes, points, labels, genres, 6.5, held)
    figure.suptitle(TITLES[name], x=0.02, ha="left", fontsize=14, fontweight="bold")
    axes.set_title(caption(name, found), loc="left", fontsize=9)
    figure.legend(handles=_handles(labels, genres, held), loc="outside right upper", frameon=False, fontsize=9)
    _write(figure, path, f"Map of songs: {TITLES[name]}")


@rc_context(LOOK)
def overview(
    path: Path,
    maps: Mapping[str, Points],
    labels: Labels,
    genres: Sequence[str],
    found: Mapping[str, Separation],
    held: Mask | None = None,
) -> None:
    """Draw all maps side by side; `held` is for LDA, as in `map_picture`."""
    columns = 3
    rows = -(-len(maps) // columns)
    width = 9.5
    size = text_size(width)
    figure = Figure(figsize=(width, 3.3 * rows + 1.4), dpi=150, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, points) in zip(panels, maps.items(), strict=False):
        _points(axes, points, labels, genres, 3.3, held if name == "lda" else None)
        axes.set_title(TITLES[name], loc="left", fontsize=size, fontweight="bold")
        axes.set_xlabel(caption(name, found[name], short=True).replace(", ", "\n"), fontsize=size, loc="left")
    for axes in panels[len(maps) :]:
        axes.set_axis_off()
    handles = _handles(labels, genres)
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4), frameon=False, fontsize=size)
    _write(figure, path, "All maps of songs" + (", coloured by genre" if genres else ""))


def caption(name: str, found: Separation, *, short: bool = False) -> str:
    """The numbers under a map."""
    if np.isnan(found.knn):
        return "fewer than two genres to compare"
    numbers = f"k-NN {found.knn:.0%} (shuffled {found.chance_knn:.0%}), silhouette {found.silhouette:+.2f}"
    if short:
        return numbers
    compared = (
        "of songs left out of the fit (large marks are some of them)"
        if name == "lda"
        else "against songs by other artists"
    )
    return f"{numbers}, {compared}"


def framed(points: Points) -> Points:
    """The same points with outliers (as of KernelPCA) moved to the frame of the others, so that these can be seen."""
    low, high = frame(points)
    return np.clip(points, low, high)


def frame(points: Points) -> NDArray[np.float64]:
    """Lowest and highest [x, y] that are drawn: the 2nd and 98th percentile and half as far again on either side."""
    low, high = np.quantile(points, (0.02, 0.98), axis=0)
    margin = (high - low) / 2
    return np.stack([low - margin, high + margin])


def _points(
    axes: Axes, points: Points, labels: Labels, genres: Sequence[str], size: float, held: Mask | None = None
) -> None:
    """Draw the largest genre first, so that small ones lie on top; a genre's large mark is its median.

    Songs beyond the frame are drawn on it (`framed`). Where some are `held` out, the others are faint and small, and
    there are no medians.
    """
    size *= max(0.35, min(1.3, (400 / len(points)) ** 0.5))
    other = labels < 0
    points = framed(points)
    many = len(points) > VECTORS
    axes.plot(*points[other].T, ls="", marker=".", color=OTHER.color, markersize=size * 0.8, rasterized=many)
    apart = held is not None and held.any()
    fitted = ~held if apart and held is not None else np.ones(len(labels), np.bool_)
    for number in range(len(genres)):
        of, style = labels == number, genre_style(number)
        if many and not genre_look("", number).hollow:
            style["markeredgewidth"] = 0
        style["rasterized"] = many
        look = {"markersize": size * 0.6, "alpha": 0.5} if apart else {"markersize": size, "alpha": 0.8}
        axes.plot(*points[of & fitted].T, ls="", **look, **style)  # type: ignore[arg-type]
        axes.plot(*points[of & ~fitted].T, ls="", markersize=size * 1.2, zorder=3, **style)  # type: ignore[arg-type]
    for number in range(0 if apart else len(genres)):
        middle: NDArray[np.float64] = np.median(points[labels == number], 0)
        hollow = genre_look("", number).hollow
        edge = {"markerfacecolor": "white"} if hollow else {"markeredgecolor": "black"}
        style = genre_style(number) | {"markeredgewidth": 2.0 if hollow else 1.4} | edge
        axes.plot(*middle, ls="", markersize=1.6 * size + 2, zorder=4, **style)  # type: ignore[arg-type]
    axes.set_xticks([])
    axes.set_yticks([])
    axes.margins(0.04)
    for side in axes.spines.values():
        side.set_color(OTHER.color)


def _handles(labels: Labels, genres: Sequence[str], held: Mask | None = None) -> list[Line2D]:
    counts = np.bincount(labels[labels >= 0], minlength=len(genres))
    handles = [
        Line2D([], [], ls="", markersize=8, label=f"{genre} ({counts[number]})", **genre_style(number))  # type: ignore[arg-type]
        for number, genre in enumerate(genres)
    ]
    if (labels < 0).any():
        grey = Line2D([], [], ls="", marker=".", color=OTHER.color, markersize=8, label=f"other ({(labels < 0).sum()})")
        handles.append(grey)
    if held is not None and held.any():
        for size, alpha, name in ((9.0, 1.0, "left out of the fit"), (5.0, 0.4, "fitted on")):
            mark = Line2D([], [], ls="", marker="o", color="black", markersize=size, alpha=alpha, label=name)
            handles.append(mark)
    elif genres:
        handles.append(
            Line2D(
                [], [], ls="", marker="o", markersize=10, markerfacecolor="none", markeredgecolor="black",
                markeredgewidth=1.4, label="median of a genre",
            )
        )  # fmt: skip
    return handles


def _write(figure: Figure, path: Path, title: str) -> None:
    """Write a PNG that holds its title, which the report shows under it, and the same as SVG next to it."""
    with new_file(path, force=True) as file:
        figure.savefig(file, format="png", metadata={"Title": title})
    with new_file(path.with_suffix(".svg"), force=True) as file:
        figure.savefig(file, format="svg", metadata={"Title": title, "Date": None})
