"""Two codecs at equal measured rate, clip by clip: interpolated curves, paired differences, and claims."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from training.data.tracks import told_apart
from training.metrics.catalogue import METRICS

WIDTH_LIMIT = 3.0  # dB of stereo width error up to which a claim may be made
NMR_FROM = 46.0  # kbit/s, 48 less rate slack: below it, noise filling costs noise-to-mask ratio by construction
CLAIMED = ("mel", "stft", "visqol")


@dataclass(frozen=True)
class Row:
    """One clip through one system at one setting, measured."""

    clip: str
    system: str
    setting: str
    kbps: float  # measured: whole file, 1000 bit/s
    seconds: float
    coded_bytes: int
    encode_seconds: float
    decode_seconds: float
    length_error: int
    metrics: dict[str, float] = field(default_factory=dict)
    artist: str = ""  # who made the song; "" where unknown


@dataclass(frozen=True)
class Difference:
    """A paired difference over clips; above 0 is better for the first of the two."""

    mean: float
    half: float  # half of the 95 % interval over artists; infinite for fewer than two of them
    wins: float  # share of clips on which the first is better
    clips: int
    dropped: int  # clips left out: outside the other's measured rates, or without a value
    artists: int = 0  # of the clips; a clip whose artist is unknown counts as one

    @property
    def verdict(self) -> str:
        """'ahead' or 'behind' if the 95 % interval excludes zero, else 'level'; 'none' without clips."""
        if not self.clips:
            return "none"
        if abs(self.mean) <= self.half or self.mean == 0:
            return "level"
        return "ahead" if self.mean > 0 else "behind"


def stated(mean: float, half: float, digits: int, sign: str = "") -> str:
    """A mean and half of its 95 % interval in words; the mean alone where one artist gives no interval, - for none.

    Args:
        mean, half: as in `Difference`.
        digits: behind the point.
        sign: "+" for a plus before positive means.
    """
    if not math.isfinite(mean):
        return "-"
    return f"{mean:{sign}.{digits}f} " + (f"± {half:.{digits}f}" if math.isfinite(half) else "(one artist)")


def finite_mean(values: Iterable[float]) -> float:
    """Mean of what is finite; nan without any."""
    kept = [value for value in values if np.isfinite(value)]
    return float(np.mean(kept)) if kept else float("nan")


def difference(values: Iterable[float], artists: Iterable[str] | None = None, dropped: int = 0) -> Difference:
    """Mean, 95 % interval and win rate of paired differences; nan counts as dropped.

    Clips of one artist resemble each other, so that the interval counts artists: the variance of the mean is that of
    the artists' sums of deviations (Liang and Zeger 1986), with Student's quantile for as many artists. Where every
    clip has an artist of its own this is Student's interval.

    Args:
        values: one a clip.
        artists: of each clip; "" or None is an artist of its own.
        dropped: clips that were left out before.
    """
    given = np.array(list(values), np.float64)
    there = np.isfinite(given)
    kept = given[there]
    dropped += len(given) - len(kept)
    if not len(kept):
        return Difference(float("nan"), float("inf"), float("nan"), 0, dropped)
    own = np.array(told_apart([""] * len(given) if artists is None else artists))[there]
    of = np.unique(own, return_inverse=True)[1]
    count = int(of.max()) + 1
    half = float("inf")
    if count > 1:
        sums = np.bincount(of, kept - kept.mean())
        error = np.sqrt(count / (count - 1) * (sums**2).sum()) / len(kept)
        half = float(special.stdtrit(count - 1, 0.975) * error)
    return Difference(float(kept.mean()), half, float((kept > 0).mean()), len(kept), dropped, count)


def artist_count(rows: Iterable[Row]) -> int:
    """Number of artists of the rows' clips; a clip whose artist is unknown counts as one."""
    return len({row.artist or f"\0{row.clip}" for row in rows})


def curve(rows: Iterable[Row], metric: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """One clip's log rates (rising, distinct) and metric values; rows of equal rate are averaged, nan left out."""
    points: dict[float, list[float]] = {}
    for row in rows:
        value = row.metrics.get(metric, np.nan)
        if np.isfinite(value):
            points.setdefault(float(np.log(row.kbps)), []).append(value)
    rates = sorted(points)
    return np.array(rates), np.array([float(np.mean(points[rate])) for rate in rates])


def at_rate(rows: Iterable[Row], metric: str, kbps: float) -> float:
    """One clip's metric at a rate, linear in log rate between measured points; nan outside them."""
    rates, values = curve(rows, metric)
    if not len(rates):
        return float("nan")
    return float(np.interp(np.log(kbps), rates, values, left=np.nan, right=np.nan))


def paired(ours: Sequence[Row], theirs: Sequence[Row], metric: str, ratio: float = 1.0) -> Difference:
    """Difference of each of our rows (one per clip) to the other's curve for that clip at `ratio` times our rate.

    Values are interpolated first and turned into merits then, so that a level off by a dB counts the same either way.
    """
    merit = METRICS[metric].merit
    by_clip: dict[str, list[Row]] = {}
    for row in theirs:
        by_clip.setdefault(row.clip, []).append(row)
    return difference(
        [
            float(merit(row.metrics.get(metric, np.nan)) - merit(at_rate(by_clip.get(row.clip, ()), metric, rate)))
            for row in ours
            for rate in [row.kbps * ratio]
        ],
        [row.artist for row in ours],
    )


def groups(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """Rows by system and setting, in the order of their first appearance."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.system, row.setting), []).append(row)
    return found


def curve_rows(rows: Iterable[Row], system: str) -> list[Row]:
    """A system's rows at the rates it was asked for; its tiers only if they are all there is."""
    own = [row for row in rows if row.system == system]
    asked = [row for row in own if "kbit/s" in row.setting]
    return asked if len({row.setting for row in asked}) > 1 else own


def interval(rows: Sequence[Row], metric: str, *, size: bool = False) -> tuple[float, float]:
    """Mean of a metric (or, with `size`, of its size) and half of its 95 % interval over artists.

    nan values are left out; the result is (nan, inf) without any other.
    """
    values = [row.metrics.get(metric, float("nan")) for row in rows]
    found = difference([abs(value) for value in values] if size else values, [row.artist for row in rows])
    return found.mean, found.half


class Band(NamedTuple):
    """A curve with its interval, rates rising: all [P]."""

    kbps: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    half: npt.NDArray[np.float64]


def band(rows: Sequence[Row], metric: str) -> Band:
    """Mean and interval of every setting of one system, at its mean measured rate; nan without a finite value."""
    points = []
    for group in groups(rows).values():
        mean, half = interval(group, metric, size=metric == "width_error_db")
        if np.isfinite(mean):
            points.append((float(np.mean([row.kbps for row in group])), mean, half if np.isfinite(half) else 0.0))
    table = np.array(sorted(points), np.float64).reshape(-1, 3)
    return Band(table[:, 0], table[:, 1], table[:, 2])


def claim(ours: Sequence[Row], theirs: Sequence[Row]) -> str:
    """What may be claimed for a setting: 'ahead', 'behind', 'mixed' or 'none' (no common rates).

    Ahead means mel, STFT and ViSQOL ahead (from 48 kbit/s up noise-to-mask as well), stereo width off by less than
    3 dB on average, no more clipping than the other at the nearest rate, exact length. Behind means all three behind.
    """
    verdicts = {metric: paired(ours, theirs, metric).verdict for metric in (*CLAIMED, "nmr")}
    if any(verdicts[metric] == "none" for metric in CLAIMED):
        return "none"
    if all(verdicts[metric] == "behind" for metric in CLAIMED):
        return "behind"
    asked = [*CLAIMED, "nmr"] if np.mean([row.kbps for row in ours]) >= NMR_FROM else list(CLAIMED)
    clean = (
        mean_width(ours) < WIDTH_LIMIT
        and _clipped(ours, ours) <= _clipped(ours, theirs)
        and not any(row.length_error for row in ours)
    )
    return "ahead" if clean and all(verdicts[metric] == "ahead" for metric in asked) else "mixed"


def mean_width(rows: Iterable[Row]) -> float:
    """Mean absolute stereo width error in dB."""
    return float(np.mean([abs(row.metrics["width_error_db"]) for row in rows]))


def _clipped(ours: Sequence[Row], system: Sequence[Row]) -> float:
    # Clipped samples of the system over the clips of `ours`, each at its row of nearest log rate.
    total = 0.0
    for row in ours:
        same = [other for other in system if other.clip == row.clip]
        if same:
            rate = row.kbps
            total += min(same, key=lambda other: abs(np.log(other.kbps / rate))).metrics["clipped"]
    return total
