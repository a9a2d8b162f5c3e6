"""Plots of measured rows, for a page or a paper: rate against quality, win rates, the founding study's table.

Curves are means over clips at each setting, bands are their 95 % intervals.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.evaluation import founding
from training.evaluation.compare import Band, Row, band, curve_rows, groups, interval, paired
from training.evaluation.founding_plot import study_figure
from training.evaluation.plot_style import LOOK, curve, leave_room, limit_values, line, mark_cut, name_ends, rate_axis
from training.palette import COLUMN, Look, looks, readable

QUALITIES = {
    "visqol": "ViSQOL, opinion score 1 to 5",
    "mel": "Multi-scale mel distance",
    "stft": "Multi-scale STFT distance",
    "rmse_44k": "Log-spectral RMSE, 44.1 kHz",
    "rmse_8k": "Log-spectral RMSE, 8 kHz",
    "rmse_8k_relative": "Relative error of magnitudes, 8 kHz",
    "nmr": "Noise-to-mask ratio, dB",
    "si_sdr": "SI-SDR, dB",
    "bandwidth_kept": "Share of bandwidth kept",
    "width_error_db": "Stereo width error, dB",
    "pre_echo_db": "Pre-echo, dB relative to the transient",
}
LOG_SCALED = {
    "mel",
    "stft",
    "rmse_44k",
    "rmse_8k",
    "rmse_8k_relative",
}  # distances whose largest values would hide the others
BETTER_UP = {"visqol", "si_sdr", "bandwidth_kept"}
STUDY = "The founding study's table: error by rate, in each unit"
WON = {"visqol": "ViSQOL", "mel": "mel", "stft": "STFT", "rmse_44k": "log RMSE 44.1 kHz", "nmr": "noise-to-mask"}


def draw_all(rows: Sequence[Row], ours: str | None, folder: Path) -> list[Path]:
    """Write every plot that the rows allow, as PNG and SVG; returns the PNGs."""
    written = []
    with plt.rc_context(LOOK):
        for metric, name in QUALITIES.items():
            if any(np.isfinite(row.metrics.get(metric, np.nan)) for row in rows):
                figure = _rate_quality(rows, ours, metric, name)
                written.append(_save(figure, folder / file_stem(metric), f"{name}, by rate"))
        makers: tuple[tuple[str, str, Callable[[Sequence[Row], str], Figure | None]], ...] = (
            ("win-rate", f"Share of clips on which {ours} is better than each other codec at equal rate", _win_rate),
            ("study", STUDY, study_figure),
        )
        for stem, title, maker in makers:
            made = maker(rows, ours) if ours else None
            if made is not None:
                written.append(_save(made, folder / stem, title))
    return written


def file_stem(metric: str) -> str:
    """Name of the plot of a metric over rate, without its ending."""
    return f"rate-{metric.replace('_', '-')}"


def draw_study(rows: Sequence[Row], ours: str, folder: Path) -> None:
    """Write the founding study's plot alone, as PNG and SVG, where the rows allow it."""
    with plt.rc_context(LOOK):
        figure = study_figure(rows, ours)
        if figure is not None:
            _save(figure, folder / "study", STUDY)


def _rate_quality(rows: Sequence[Row], ours: str | None, metric: str, name: str) -> Figure:
    figure, axes = plt.subplots(figsize=(COLUMN, 0.8 * COLUMN))
    drawn = looks(list(dict.fromkeys(row.system for row in rows)))
    bands = {system: found for system in drawn if len((found := band(curve_rows(rows, system), metric)).kbps)}
    for system, found in bands.items():
        curve(axes, found, drawn[system], first=system == ours)
    tiers = [_mark_tiers(axes, rows, ours, metric, drawn[ours])] if ours else []
    limit_values(axes, [*bands.values(), *tiers], log=metric in LOG_SCALED)
    if tiers:
        leave_room(axes, 0.1, above=metric in BETTER_UP)  # for their numbers
    for system, found in bands.items():
        mark_cut(axes, found, drawn[system])
    rate_axis(axes, [row.kbps for row in rows])
    arrow = "higher" if metric in BETTER_UP else "lower"
    axes.set_title(name, pad=24)
    axes.text(0, 1.03, f"{arrow} is better", transform=axes.transAxes, color="#555555", fontsize=12)
    name_ends(axes, [(float(b.kbps[-1]), float(b.mean[-1]), drawn[system]) for system, b in bands.items()])
    return figure


def _mark_tiers(axes: Axes, rows: Sequence[Row], ours: str, metric: str, look: Look) -> Band:
    """Rings at our tiers' defaults, each with its number of latents; returns where they are, without intervals."""
    tiers = [row for row in rows if row.system == ours and row.setting.startswith("latent ")]
    points = []
    for (_, setting), group in groups(tiers).items():
        mean, _ = interval(group, metric, size=metric == "width_error_db")
        if np.isfinite(mean):
            points.append((float(np.mean([row.kbps for row in group])), mean, setting.removeprefix("latent ")))
    for i, (rate, mean, label) in enumerate(sorted(points)):
        axes.plot([rate], [mean], "o", markersize=12, markerfacecolor="none", markeredgecolor=look.color, zorder=5)
        # Numbers are on the better side of the curve, where no peer is expected, at alternating heights.
        up = 1 if metric in BETTER_UP else -1
        axes.annotate(
            label, (rate, mean), (0, up * (13 + 11 * (i % 2))), textcoords="offset points", ha="center",
            va="bottom" if up > 0 else "top", fontsize=12, color=readable(look.color),
        )  # fmt: skip
    table = np.array([point[:2] for point in sorted(points)], np.float64).reshape(-1, 2)
    return Band(table[:, 0], table[:, 1], np.zeros(len(table)))


def _win_rate(rows: Sequence[Row], ours: str) -> Figure | None:
    # The resampled baselines lose everywhere; the other plots show that, and this one is easier to read without them.
    others = [s for s in dict.fromkeys(row.system for row in rows) if s not in (ours, "resample", founding.BASELINE)]
    drawn = looks([ours, *others])
    settings = groups(curve_rows(rows, ours))
    figure, grid = plt.subplots(len(WON), 1, figsize=(COLUMN, 1.9 * len(WON) + 1), sharex=True)
    any_drawn = False
    for axes, (metric, name) in zip(grid, WON.items(), strict=True):
        ends = []
        for other in others:
            theirs, points = curve_rows(rows, other), []
            for group in settings.values():
                found = paired(group, theirs, metric)
                if found.clips:
                    points.append((float(np.mean([row.kbps for row in group])), found.wins, found.artists))
            if not points:
                continue
            any_drawn = True
            rate, share, artists = np.array(sorted(points)).T
            low, high = wilson(share, artists)
            look = drawn[other]
            axes.fill_between(rate, low, high, color=look.color, alpha=0.1, linewidth=0)
            axes.plot(
                rate, share, color=look.color, marker=look.marker, markersize=6, linewidth=2, linestyle=line(look)
            )
            ends.append((float(rate[-1]), float(share[-1]), look))
        axes.axhline(0.5, color="#555555", linewidth=1, linestyle=":")
        axes.set_ylim(-0.04, 1.04)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_title(name, fontsize=13)
        rate_axis(axes, [row.kbps for group in settings.values() for row in group])
        axes.label_outer()
        name_ends(axes, ends)
    if not any_drawn:
        plt.close(figure)
        return None
    figure.suptitle(f"Clips on which {drawn[ours].label} is better at equal rate", fontsize=15, fontweight="bold")
    return figure


def wilson(
    share: npt.NDArray[np.float64], artists: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Wilson's 95 % interval of shares won, for as many trials as there are artists: lower and upper ends, [P] each."""
    z = 1.959964
    middle = (share + z**2 / (2 * artists)) / (1 + z**2 / artists)
    half = z / (1 + z**2 / artists) * np.sqrt(share * (1 - share) / artists + (z / (2 * artists)) ** 2)
    return middle - half, middle + half


def _save(figure: Figure, stem: Path, title: str) -> Path:
    """Write a figure as PNG and SVG; the title, which the report shows under it, is in both files."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    target = stem.with_suffix(".png")
    figure.savefig(target, dpi=160, bbox_inches="tight", metadata={"Title": title})
    figure.savefig(stem.with_suffix(".svg"), bbox_inches="tight", metadata={"Date": None, "Title": title})
    plt.close(figure)
    return target
