"""The founding study's table as a plot: our tiers, the study's column and both baselines, in each unit."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluation import founding
from training.evaluation.compare import Row, band
from training.evaluation.founding import Tier
from training.evaluation.plot_style import Style, log_values, rate_axis, styles

PANELS = {
    "rmse_8k_linear": "Linear-magnitude RMSE, 8 kHz mono (the study's unit, as inferred)",
    "rmse_8k_relative": "Relative error of linear magnitudes, 8 kHz mono",
    "rmse_8k": "Log-spectral RMSE, 8 kHz mono",
    "rmse_44k": "Log-spectral RMSE, 44.1 kHz stereo",
}


def study_figure(rows: Sequence[Row], ours: str) -> Figure | None:
    """A panel for each unit; None without tiers that were measured in it."""
    tiers = [tier for tier in founding.tiers(rows) if tier.system == ours]
    panels = {metric: name for metric, name in PANELS.items() if any(np.isfinite(getattr(t, metric)) for t in tiers)}
    if not panels:
        return None
    style = styles(list(dict.fromkeys(row.system for row in rows)), ours)[ours]
    figure, grid = plt.subplots(len(panels), 1, figsize=(7.2, 4.6 * len(panels)), sharex=True, squeeze=False)
    for axes, (metric, name) in zip(grid[:, 0], panels.items(), strict=True):
        _baselines(axes, rows, metric)
        if metric == "rmse_8k_linear":
            _founding(axes)
        _tiers(axes, tiers, metric, style)
        axes.set_title(name, pad=28, fontsize=13)
        log_values(axes, [float(y) for line in axes.get_lines() for y in np.asarray(line.get_ydata())])
        rate_axis(
            axes,
            [float(x) for line in axes.get_lines() for x in np.asarray(line.get_xdata())],
            "kbit/s (1000 bit/s): 16 bits a latent as the study counts, or whole files",
        )
        axes.label_outer()
        for one in tiers:
            mark = {"transform": axes.get_xaxis_transform(), "ha": "center", "color": style.color}
            axes.axvline(one.counted_kbps, color=style.color, linewidth=0.8, alpha=0.5, zorder=1)
            axes.text(one.counted_kbps, 1.015, str(one.latents), **mark)
        axes.text(-0.01, 1.015, "latents", transform=axes.transAxes, ha="right", color=style.color)
        axes.legend(fontsize=10.5, framealpha=0.85, edgecolor="none")
    return figure


def _tiers(axes: Axes, tiers: Sequence[Tier], metric: str, style: Style) -> None:
    """Our tiers, once at the rate as the study counts it and once at the files' own."""
    names = ("counted_kbps", "measured_kbps", metric, f"{metric}_half")
    x, measured, mean, half = np.array([[getattr(tier, name) for name in names] for tier in tiers], np.float64).T
    half = np.where(np.isfinite(half), half, 0)
    axes.fill_between(x, mean - half, mean + half, color=style.color, alpha=0.16, linewidth=0)
    axes.plot(x, mean, "o-", color=style.color, linewidth=3, markersize=8, label=f"{style.label}, counted rate")
    axes.plot(measured, mean, "o:", color=style.color, markerfacecolor="white", label=f"{style.label}, measured rate")


def _founding(axes: Axes) -> None:
    """The study's own two curves, of other songs; its baseline is 0 at the highest rate, which a log scale lacks."""
    for column, line, name in (
        (founding.COLUMN, "D-", "founding study, other songs"),
        (founding.BASELINE_COLUMN, "D--", "its resampling, other songs"),
    ):
        points = [(founding.counted(latents), value) for latents, value in column.items() if value]
        axes.plot(*np.array(points).T, line, color="#000000", linewidth=1.2, markersize=5, label=name)


def _baselines(axes: Axes, rows: Sequence[Row], metric: str) -> None:
    """Resampling on our songs: the study's way at 8 kHz, and of 44.1 kHz stereo."""
    system = "resample" if metric == "rmse_44k" else founding.BASELINE
    found = band([row for row in rows if row.system == system], metric)
    if not len(found.kbps):
        return
    rate, mean, half = found
    color = styles([system], None)[system].color
    axes.fill_between(rate, mean - half, mean + half, color=color, alpha=0.16, linewidth=0)
    axes.plot(rate, mean, "x--", color=color, label="the same songs, resampled to that rate and back")
