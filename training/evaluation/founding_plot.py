"""The founding study's table as a plot: our tiers, the study's column and both baselines, in each unit."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluation import founding
from training.evaluation.compare import Band, Row, band
from training.evaluation.founding import Tier
from training.evaluation.plot_style import limit_values, mark_cut, rate_axis
from training.palette import FOUNDING, Look, looks, readable, text_size

PANELS = {
    "rmse_8k_linear": "Linear-magnitude RMSE, 8 kHz mono\n(the study's unit, as inferred)",
    "rmse_8k_relative": "Relative error of linear\nmagnitudes, 8 kHz mono",
    "rmse_8k": "Log-spectral RMSE,\n8 kHz mono",
    "rmse_44k": "Log-spectral RMSE,\n44.1 kHz stereo",
}


def study_figure(rows: Sequence[Row], ours: str) -> Figure | None:
    """A panel for each unit; None without tiers that were measured in it."""
    tiers = [tier for tier in founding.tiers(rows) if tier.system == ours]
    panels = {metric: name for metric, name in PANELS.items() if any(np.isfinite(getattr(t, metric)) for t in tiers)}
    if not panels:
        return None
    look = looks(list(dict.fromkeys(row.system for row in rows)))[ours]
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    width, height = (8.6, 4.1 * lines + 1.5) if columns > 1 else (7.2, 6.0)
    size = text_size(width)
    figure, grid = plt.subplots(lines, columns, figsize=(width, height), squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    for axes, (metric, name) in zip(grid.flat, panels.items(), strict=False):
        base, theirs = _baselines(axes, rows, metric)
        bands = [*theirs, *(_founding(axes) if metric == "rmse_8k_linear" else [])]
        own = _tiers(axes, tiers, metric, look)
        axes.set_title(name, pad=22, fontsize=size)
        axes.tick_params(labelsize=size)
        limit_values(axes, [*bands, own], log=True)
        for found, drawn in ((own, look), *((one, base) for one in theirs)):
            mark_cut(axes, found, drawn)
        rate_axis(
            axes,
            [float(x) for line in axes.get_lines() for x in np.asarray(line.get_xdata())],
            "kbit/s (1000 bit/s): 16 bits a latent\nas the study counts, or whole files",
        )
        axes.xaxis.label.set_size(size)
        for one in tiers:
            mark = {
                "transform": axes.get_xaxis_transform(),
                "ha": "center",
                "color": readable(look.color),
                "fontsize": size,
            }
            axes.axvline(one.counted_kbps, color=look.color, linewidth=0.8, alpha=0.5, zorder=1)
            axes.text(one.counted_kbps, 1.015, str(one.latents), **mark)
        mark = {"transform": axes.transAxes, "ha": "right", "color": readable(look.color), "fontsize": size}
        axes.text(-0.01, 1.015, "latents", **mark)
    named: dict[str, Any] = {}
    for axes in figure.axes:
        named |= {name: line for line, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    style: Any = {"loc": "outside lower center", "ncols": 1, "frameon": False, "fontsize": size}
    figure.legend(list(named.values()), list(named), **style)
    return figure


def _tiers(axes: Axes, tiers: Sequence[Tier], metric: str, look: Look) -> Band:
    """Our tiers, once at the rate as the study counts it and once at the files' own."""
    names = ("counted_kbps", "measured_kbps", metric, f"{metric}_half")
    x, measured, mean, half = np.array([[getattr(tier, name) for name in names] for tier in tiers], np.float64).T
    half = np.where(np.isfinite(half), half, 0)
    color, kind = look.color, look.marker
    axes.fill_between(x, mean - half, mean + half, color=color, alpha=0.16, linewidth=0)
    axes.plot(x, mean, f"{kind}-", color=color, linewidth=3, markersize=8, label=f"{look.label}, counted rate")
    axes.plot(measured, mean, f"{kind}:", color=color, markerfacecolor="white", label=f"{look.label}, measured rate")
    return Band(x, mean, half)


def _founding(axes: Axes) -> list[Band]:
    """The study's own two curves, of other songs; its baseline is 0 at the highest rate, which a log scale lacks."""
    drawn = []
    for column, line, name in (
        (founding.COLUMN, "D-", "founding study, other songs"),
        (founding.BASELINE_COLUMN, "D--", "its resampling, other songs"),
    ):
        rate, mean = np.array([(founding.counted(latents), value) for latents, value in column.items() if value]).T
        axes.plot(rate, mean, line, color=FOUNDING, linewidth=1.2, markersize=5, label=name)
        drawn.append(Band(rate, mean, np.zeros(len(rate))))
    return drawn


def _baselines(axes: Axes, rows: Sequence[Row], metric: str) -> tuple[Look, list[Band]]:
    """Resampling on our songs: the study's way at 8 kHz, and of 44.1 kHz stereo; its look, and its curve if any."""
    system = "resample" if metric == "rmse_44k" else founding.BASELINE
    found = band([row for row in rows if row.system == system], metric)
    look = looks([system])[system]
    if not len(found.kbps):
        return look, []
    axes.fill_between(found.kbps, found.mean - found.half, found.mean + found.half, color=look.color, alpha=0.16, lw=0)
    label = f"the same songs, resampled to that rate and back{'' if metric == 'rmse_44k' else ' at 8 kHz'}"
    axes.plot(found.kbps, found.mean, f"{look.marker}--", color=look.color, label=label)
    return look, [found]
