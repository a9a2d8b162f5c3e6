"""Bitrate saved at equal quality (Bjontegaard delta), from the measured curves of two systems.

After G. Bjontegaard, "Calculation of average PSNR differences between RD-curves", VCEG-M33 (2001), with piecewise cubic
Hermite interpolation that does not overshoot (pchip) instead of one polynomial: log rate as a function of quality,
averaged over the range of quality that both curves have.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from training.evaluation.compare import Row, curve, curve_rows
from training.markdown import section
from training.metrics.catalogue import METRICS, seen_note

COMPARED = ("mel", "stft", "visqol", "rmse_44k", "zimtohrli")
LOWEST, HIGHEST = 8.0, 96.0  # kbit/s asked of the first system
SLACK = 1.05  # factor by which asked and measured rates may differ
RESAMPLES = 500
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Saving:
    """Change of rate from the second system to the first at equal quality, in per cent: below 0 is saved."""

    per_clip: float  # per cent, geometric mean over clips
    per_clip_interval: tuple[float, float]  # 95 %, bootstrap over clips
    on_means: float  # per cent, of the two curves of means over clips
    on_means_interval: tuple[float, float]
    clips: int
    dropped: int  # clips whose two curves share no quality


def log_ratio(rates: Doubles, quality: Doubles, other_rates: Doubles, other_quality: Doubles) -> float:
    """Mean of log(rate / other rate) over the range of quality that both curves have; nan if there is none.

    Larger is better. Points that are no better than one of lower rate are left out, because there rate is not a
    function of quality.

    Shape:
        - rates, quality: [P]; other_rates, other_quality: [Q]; rates in kbit/s, any order
    """
    ours, theirs = _rising(rates, quality), _rising(other_rates, other_quality)
    if min(len(ours[0]), len(theirs[0])) < 2:
        return float("nan")
    low, high = max(ours[1][0], theirs[1][0]), min(ours[1][-1], theirs[1][-1])
    if not low < high:
        return float("nan")
    areas = [float(PchipInterpolator(q, log_rate).integrate(low, high)) for log_rate, q in (ours, theirs)]
    return (areas[0] - areas[1]) / float(high - low)


def saving(
    ours: Sequence[Row], theirs: Sequence[Row], metric: str, seed: int = 0, *, both_intervals: bool = True
) -> Saving:
    """Saving of the first system against the second over 8 to 96 kbit/s of the first, by one metric.

    Intervals are percentiles of the result over artists drawn with replacement, with a seed. The one of the curves of
    means takes nearly all the time, and is nan unless `both_intervals`.
    """
    kept = [row for row in ours if LOWEST / SLACK <= row.kbps <= HIGHEST * SLACK]
    clips = sorted({row.clip for row in kept} & {row.clip for row in theirs})
    single = np.array([_clip_ratio(_of(kept, clip), _of(theirs, clip), metric) for clip in clips])
    shared = np.isfinite(single)
    values = single[shared]
    tables = [_by_setting(rows, clips, metric) for rows in (kept, theirs)]
    rng = np.random.default_rng(seed)
    artist = {row.clip: row.artist or f"\0{row.clip}" for row in kept}
    artists = np.array([artist[clip] for clip in clips])
    drawn = [float(values[draw].mean()) for draw in _draws(artists[shared], RESAMPLES, rng)]
    draws = _draws(artists, RESAMPLES if both_intervals else 0, rng)
    return Saving(
        _percent(float(values.mean()) if len(values) else float("nan")),
        _percentiles(drawn),
        _percent(_mean_ratio(tables, np.arange(len(clips)))),
        _percentiles([_mean_ratio(tables, draw) for draw in draws]),
        len(values),
        int(len(single) - len(values)),
    )


def savings_table(rows: Sequence[Row], ours: str, others: Iterable[str]) -> str:
    """Markdown: savings of `ours` against every other system, by every metric."""
    own = curve_rows(rows, ours)
    lines = []
    for other in others:
        cells = [other]
        for metric in COMPARED:
            found = saving(own, curve_rows(rows, other), metric)
            cells += [
                _show(found.per_clip, found.per_clip_interval)
                + (f" ({found.clips} clips)" if found.dropped and found.clips else ""),
                _show(found.on_means, found.on_means_interval),
            ]
        lines.append(cells)
    note = (
        f"Rate that {ours} needs for the other's quality, as a change in per cent (below 0: saved), averaged over the "
        f"quality that both have from {LOWEST:g} to {HIGHEST:g} kbit/s of {ours}: Bjontegaard delta with pchip over "
        "log rate. First the geometric mean over clips, then the same on curves of means; 95 % intervals from artists "
        "drawn with replacement. A number of clips is given where some share no quality, - where none does. "
        + seen_note(COMPARED)
    )
    head = ["against", *(f"{METRICS[name].title}, {how}" for name in COMPARED for how in ("by clip", "on means"))]
    return section("Bitrate at equal quality (BD-rate)", note, head, lines)


def _draws(artists: npt.NDArray[np.str_], count: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the clips of as many artists as there are, drawn with replacement; none for fewer than two artists."""
    of = np.unique(artists, return_inverse=True)[1]
    groups = [np.flatnonzero(of == number) for number in range(int(of.max(initial=-1)) + 1)]
    if len(groups) > 1:
        for draw in rng.integers(len(groups), size=(count, len(groups))).tolist():
            yield np.concatenate([groups[number] for number in draw])


def _rising(rates: Doubles, quality: Doubles) -> tuple[Doubles, Doubles]:
    order = np.argsort(rates, kind="stable")
    log_rate, q = np.log(np.asarray(rates, np.float64)[order]), np.asarray(quality, np.float64)[order]
    best = np.maximum.accumulate(np.concatenate([[-np.inf], q]))[:-1]
    kept = q > best + 1e-9
    return log_rate[kept], q[kept]


def _of(rows: Iterable[Row], clip: str) -> list[Row]:
    return [row for row in rows if row.clip == clip]


def _clip_ratio(ours: Sequence[Row], theirs: Sequence[Row], metric: str) -> float:
    (a, p), (b, q) = curve(ours, metric), curve(theirs, metric)
    merit = METRICS[metric].merit
    return log_ratio(np.exp(a), merit(p), np.exp(b), merit(q))


def _by_setting(rows: Sequence[Row], clips: Sequence[str], metric: str) -> Doubles:
    """[settings, clips, 2]: rate and merit; nan where a clip was not measured or has no value."""
    number = {clip: i for i, clip in enumerate(clips)}
    settings = list(dict.fromkeys(row.setting for row in rows))
    table = np.full((len(settings), len(clips), 2), np.nan)
    for row in rows:
        value = row.metrics.get(metric, np.nan)
        if row.clip in number and np.isfinite(value):
            table[settings.index(row.setting), number[row.clip]] = row.kbps, METRICS[metric].merit(value)
    return table


def _mean_ratio(tables: Sequence[Doubles], chosen: npt.NDArray[np.int64]) -> float:
    curves = []
    for table in tables:
        part = table[:, chosen]
        # Only points that every clip has: the curve of means would otherwise jump between sets of clips.
        full = part[np.isfinite(part).all(axis=(1, 2))]
        curves += [full[..., 0].mean(axis=1), full[..., 1].mean(axis=1)] if full.size else [np.zeros(0), np.zeros(0)]
    return log_ratio(*curves)


def _percent(log: float) -> float:
    return float(100 * np.expm1(log))


def _percentiles(logs: Iterable[float]) -> tuple[float, float]:
    kept = [value for value in logs if np.isfinite(value)]
    if len(kept) < 2:
        return float("nan"), float("nan")
    low, high = np.percentile(kept, [2.5, 97.5])
    return _percent(float(low)), _percent(float(high))


def _show(value: float, interval: tuple[float, float]) -> str:
    if not np.isfinite(value):
        return "-"
    return f"{value:+.0f} %" + (f" [{interval[0]:+.0f}, {interval[1]:+.0f}]" if np.isfinite(interval[0]) else "")
