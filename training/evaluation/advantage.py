"""One number for two codecs at equal rate: how much rate the one is ahead by, over all judges alike.

Metrics have units of their own. A difference is therefore divided by what an octave of rate is worth in that metric,
and every judge counts the same, whether it is one metric or several of one kind: the codec is chosen by no metric that
training has seen more than by one that it has not.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.evaluation.compare import finite_mean
from training.metrics.catalogue import METRICS

Doubles = NDArray[np.float64]

JUDGES = {
    "mel": ("mel",),
    "STFT": ("stft",),
    "ViSQOL": ("visqol",),
    "noise to mask": ("nmr",),
    "Zimtohrli": ("zimtohrli",),
    "tonal peaks": ("peaks_2k", "peaks_4k", "peaks_8k"),
    "envelopes": ("envelope_slow", "envelope_fast", "envelope_fast_4k"),
    "attacks": ("attack_before_db", "attack_loss_db"),
    "levels": ("level_0k", "level_2k", "level_4k", "level_8k", "loudness_error"),
    "channels": ("ild_error", "coherence_error"),
}
"""Metrics by judge."""

LIMIT = 1.0
"""Octaves by which a metric may be ahead or behind: one that hardly changes with the rate decides nothing alone."""


class Curve:
    """A codec's metrics by rate: means over clips of one setting each.

    Attributes:
        rate: float64 [n], log2 of kbit/s, rising.
        merit: by metric, float64 [n], higher is better.
    """

    def __init__(self, rate: Doubles, merit: dict[str, Doubles]) -> None:
        order = np.argsort(rate)
        self.rate = rate[order]
        self.merit = {name: values[order] for name, values in merit.items()}

    @classmethod
    def of_rows(cls, rows: Sequence[dict[str, float]], setting: str) -> "Curve":
        """The curve of measured rows with `kbps` and metrics, which are averaged where `setting` has the same value."""
        groups = [[row for row in rows if row[setting] == value] for value in sorted({row[setting] for row in rows})]
        rate = np.array([np.mean([np.log2(row["kbps"]) for row in group]) for group in groups])
        known = [name for members in JUDGES.values() for name in members if name in rows[0]]
        merits = {
            name: [finite_mean(METRICS[name].merit([row[name] for row in group])) for group in groups] for name in known
        }
        return cls(rate, {name: np.array(values) for name, values in merits.items()})

    def at(self, rate: Doubles, name: str) -> Doubles:
        """Merit of one metric at these rates."""
        return np.asarray(np.interp(rate, self.rate, self.merit[name]))


def common_rates(first: Curve, second: Curve, count: int = 200) -> Doubles:
    """Rates, log2 of kbit/s, within the range that both curves were measured at."""
    low, high = max(first.rate[0], second.rate[0]), min(first.rate[-1], second.rate[-1])
    return np.linspace(low, high, count)


def advantage(first: Curve, second: Curve, rate: Doubles) -> Doubles:
    """Octaves of rate by which `first` is ahead of `second` at these rates, mean over the judges.

    A metric that does not rise over the rates, or that neither has, is left out.
    """
    judges = []
    for members in JUDGES.values():
        found = [_octaves(first, second, rate, name) for name in members if name in first.merit]
        kept = [octaves for octaves in found if np.isfinite(octaves).all()]
        if kept:
            judges.append(np.mean(kept, axis=0))
    return np.asarray(np.mean(judges, axis=0))


def _octaves(first: Curve, second: Curve, rate: Doubles, name: str) -> Doubles:
    ours, theirs = first.at(rate, name), second.at(rate, name)
    worth = (ours[-1] + theirs[-1] - ours[0] - theirs[0]) / 2 / (rate[-1] - rate[0])
    if not worth > 0:
        return np.full(len(rate), np.nan)
    return np.asarray(np.clip((ours - theirs) / worth, -LIMIT, LIMIT))
