"""How plots look: colours and markers of systems, axes of rates and distances, names at the ends of curves.

Colours are Okabe and Ito's, which colour-blind people can distinguish; with their markers they stand for the same
system in every plot.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

STYLES = {
    "aez": ("#d55e00", "o"),
    "aez:start": ("#e69f00", "v"),
    "opus": ("#0072b2", "s"),
    "lame": ("#009e73", "^"),
    "aac": ("#cc79a7", "D"),
    "vorbis": ("#56b4e9", "P"),
    "resample": ("#7f7f7f", "x"),
    "resample-8k": ("#4d4d4d", "+"),
}
NAMES = {
    "opus": "Opus",
    "lame": "LAME",
    "aac": "AAC",
    "vorbis": "Vorbis",
    "resample": "resampled",
    "resample-8k": "resampled, 8 kHz",
}
SPARE = (("#000000", "*"), ("#b39b00", "h"), ("#5d3a9b", "<"), ("#8c510a", ">"))  # for further models, in their order
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
}


class Style(NamedTuple):
    """How a system is drawn."""

    label: str
    color: str
    marker: str


def styles(systems: Sequence[str], ours: str | None) -> dict[str, Style]:
    """A style for every system: always the same for the known ones; the first of ours gets aez's."""
    found, spare = {}, 0
    for system in systems:
        key = "aez" if system == ours else system
        if key not in STYLES:
            color, marker = SPARE[spare % len(SPARE)]
            spare += 1
        else:
            color, marker = STYLES[key]
        found[system] = Style(NAMES.get(system, system.replace("aez:start", "untrained start")), color, marker)
    return found


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


def name_ends(axes: Axes, ends: Sequence[tuple[float, float, Style]]) -> None:
    """Write names at the right, each as near to the end of its curve as its neighbours allow."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    ends = [(rate, min(max(value, low), high), style) for rate, value, style in ends]
    height = axes.get_window_extent().height / axes.figure.dpi * 72
    # As shares of the axes' height, so that linear and logarithmic scales work alike.
    heights = [float(axes.transAxes.inverted().transform(axes.transData.transform((x, y)))[1]) for x, y, _ in ends]
    order = sorted(range(len(ends)), key=lambda i: heights[i])
    positions = spread([heights[i] for i in order], 17 / height, 0.0, 1.0)
    for i, position in zip(order, positions, strict=True):
        rate, value, style = ends[i]
        axes.annotate(
            style.label,
            (rate, value),
            (1.02, position),
            textcoords="axes fraction",
            va="center",
            color=style.color,
            fontweight="bold",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": style.color, "linewidth": 0.8, "alpha": 0.6, "relpos": (0, 0.5)},
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
