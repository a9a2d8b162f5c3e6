"""How plots look: curves with intervals, axes of rates and distances, names at the ends of curves.

Colours, markers and dashes are those of `training.palette`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from training.evaluation.compare import Band
from training.palette import Look, readable

ROOM = 0.4
"""Most that intervals may add to either end of an axis, in spans of the means."""

TICKS = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 160)
LOOK: Any = {
    "font.size": 13,
    "axes.titlesize": 15,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.8,
    "axes.edgecolor": "#8a8a8a",
    "axes.labelcolor": "#333333",
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "figure.constrained_layout.use": True,
    "svg.fonttype": "path",
    "svg.hashsalt": "aez",
    "text.parse_math": False,  # names are text, whatever is in them
}


Ends = Sequence[tuple[float, float, Look]]
"""Rate and value at the end of each curve, and how it is drawn."""


def curve(axes: Axes, found: Band, look: Look, *, first: bool = False) -> None:
    """Draw means as a line with marks, thicker if it is the `first`, and intervals as a band."""
    axes.fill_between(
        found.kbps, found.mean - found.half, found.mean + found.half, color=look.color, alpha=0.16, linewidth=0
    )
    axes.plot(
        found.kbps, found.mean, color=look.color, marker=look.marker, markersize=7 if first else 5.5,
        linewidth=3 if first else 1.8, zorder=4 if first else 3, linestyle=line(look),
    )  # fmt: skip


def line(look: Look) -> Any:
    """The line style of matplotlib: solid, or dashes in widths of the line."""
    return (0, look.dash) if look.dash else "-"


def limit_values(axes: Axes, bands: Sequence[Band], *, log: bool) -> None:
    """Set the limits of the values by the means; intervals get some room, and their further parts are cut.

    A triangle at the edge marks every interval that goes on beyond it. Of two clips intervals are so wide that the
    means would all lie on one line otherwise.
    """
    means = np.concatenate([found.mean for found in bands]) if bands else np.zeros(0)
    if not len(means):
        return
    low, high = float(means.min()), float(means.max())
    if log and high > 0:
        log_values(axes, means.tolist())
    else:
        ends = [end for found in bands for end in (found.mean - found.half, found.mean + found.half)]
        span = (high - low) or abs(high) / 4 or 1.0
        room = (max(low - float(np.concatenate(ends).min()), 0), max(float(np.concatenate(ends).max()) - high, 0))
        axes.set_ylim(low - min(room[0], ROOM * span) - 0.06 * span, high + min(room[1], ROOM * span) + 0.06 * span)


def mark_cut(axes: Axes, found: Band, look: Look) -> None:
    """Triangles at the edges where an interval goes on beyond them; the limits must be set."""
    low, high = axes.get_ylim()
    for beyond, edge, marker in ((found.mean + found.half > high, 1, "^"), (found.mean - found.half < low, 0, "v")):
        if beyond.any():  # constrained layouts fail over an empty line that is not clipped
            axes.plot(
                found.kbps[beyond], np.full(int(beyond.sum()), float(edge)), transform=axes.get_xaxis_transform(),
                ls="", marker=marker, markersize=5, color=look.color, alpha=0.7, clip_on=False, zorder=6,
            )  # fmt: skip


def leave_room(axes: Axes, share: float, *, above: bool) -> None:
    """Move one limit of the values outwards by a share of the axes' height."""
    low, high = axes.get_ylim()
    log = axes.get_yscale() == "log"
    step = (high / low) ** share if log else (high - low) * share
    if above:
        axes.set_ylim(low, high * step if log else high + step)
    else:
        axes.set_ylim(low / step if log else low - step, high)


def log_values(axes: Axes, means: Sequence[float]) -> None:
    """Make the values logarithmic over the range of the means: wide intervals near zero must not compress them."""
    if max(means) <= 0:  # everything perfect
        return
    axes.set_yscale("log")
    low, high = max(min(means), 1e-3 * max(means)) / 1.4, max(means) * 1.4
    axes.set_ylim(low, high)
    fine = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 8, 10)
    coarse = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15)
    axes.set_yticks([tick for tick in (fine if high < 4 * low else coarse) if low <= tick <= high])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def rate_axis(axes: Axes, rates: Sequence[float], name: str = "measured kbit/s (whole files, 1000 bit/s)") -> None:
    """Make the axis of rates logarithmic, with ticks at common rates."""
    low, high = min(rates) / 1.1, max(rates) * 1.1
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.set_xticks(ticks if len(ticks) < 8 else [tick for tick in ticks if tick in (4, 8, 16, 32, 64, 128)])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(name)


def name_ends(axes: Axes, ends: Ends) -> None:
    """Write names at the right, each as near to the end of its curve as its neighbours allow."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    ends = [(rate, min(max(value, low), high), look) for rate, value, look in ends]
    height = axes.get_window_extent().height / axes.figure.dpi * 72
    # As shares of the axes' height, so that linear and logarithmic scales work alike.
    heights = [float(axes.transAxes.inverted().transform(axes.transData.transform((x, y)))[1]) for x, y, _ in ends]
    order = sorted(range(len(ends)), key=lambda i: heights[i])
    positions = spread([heights[i] for i in order], 17 / height, 0.0, 1.0)
    for i, position in zip(order, positions, strict=True):
        rate, value, look = ends[i]
        axes.annotate(
            look.label,
            (rate, value),
            (1.02, position),
            textcoords="axes fraction",
            va="center",
            color=readable(look.color),
            fontweight="bold",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": look.color, "linewidth": 0.8, "alpha": 0.6, "relpos": (0, 0.5)},
        )


def spread(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move rising values apart by at least `gap`, within `low` and `high` if they fit, each as little as possible."""
    positions = [min(max(value, low), high) for value in values]
    for _ in range(200):
        moved = False
        for i in range(len(positions) - 1):
            lack = gap - (positions[i + 1] - positions[i])
            if lack > 1e-9 * gap:
                positions[i] -= lack / 2
                positions[i + 1] += lack / 2
                moved = True
        shift = max(low - positions[0], 0.0) + min(high - positions[-1], 0.0) if positions else 0.0
        positions = [position + shift for position in positions]
        if not moved:
            break
    return positions
