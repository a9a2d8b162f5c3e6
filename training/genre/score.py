"""How often a classifier is right: by segment, vote and mean logits, with intervals by bootstrap over artists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.inspection.genre import softmax

RESAMPLES = 2000

BINS = 10
"""Parts of equal number that answers are divided into to compare what they state with how often they are right."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Logits of one system over the same songs, once or several times.

    Attributes:
        logits: [R, songs, 5, C], R repeats of a cross-validation, or 1.
        labels: [songs]; artists: of each song, what the intervals resample.
    """

    logits: NDArray[np.float64]
    labels: NDArray[np.int64]
    artists: Sequence[str]

    @property
    def by_mean(self) -> NDArray[np.int64]:
        """Class of each song by the mean of its segments' logits: [R, songs]."""
        return np.asarray(self.logits.mean(2).argmax(2), np.int64)

    @property
    def by_vote(self) -> NDArray[np.int64]:
        """Class of each song by majority of its segments' classes, ties by the mean of the logits: [R, songs]."""
        classes = self.logits.shape[3]
        votes = (self.logits.argmax(3)[..., None] == np.arange(classes)).sum(2)
        tied = votes == votes.max(2, keepdims=True)
        return np.asarray(np.where(tied, self.logits.mean(2), -np.inf).argmax(2), np.int64)

    @property
    def chances(self) -> NDArray[np.float64]:
        """Probabilities of each song by the mean of its segments' logits: [R, songs, C]."""
        return softmax(self.logits.mean(2))


def interval(
    right: NDArray[np.floating] | NDArray[np.bool_],
    artists: Sequence[str],
    seed: int | np.random.Generator = 0,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """95 % interval of a mean over songs, by bootstrap over artists, since songs of one artist are dependent."""
    names, of = np.unique(np.array(artists), return_inverse=True)
    sums, counts = np.bincount(of, right), np.bincount(of)
    draws = np.random.default_rng(seed).integers(len(names), size=(resamples, len(names)))
    means = sums[draws].sum(1) / counts[draws].sum(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def rate(right: NDArray[np.floating], artists: Sequence[str]) -> dict[str, float]:
    """A share of songs [songs], each counted 0 to 1, with its interval."""
    low, high = interval(right, artists)
    return {"accuracy": float(right.mean()), "low": low, "high": high}


def confusion(judged: Judged, *, vote: bool = False) -> NDArray[np.float64]:
    """Songs by class (rows) and predicted class (columns), mean over repeats; by mean logits, or by vote."""
    classes = judged.logits.shape[3]
    out = np.zeros((classes, classes))
    for predicted in judged.by_vote if vote else judged.by_mean:
        np.add.at(out, (judged.labels, predicted), 1 / len(judged.logits))
    return out


def per_class(matrix: NDArray[np.float64], classes: Sequence[str]) -> list[dict[str, Any]]:
    """Precision and recall of every class from the confusion matrix; precision is None for a class never predicted."""
    predicted = matrix.sum(0)
    return [
        {
            "genre": name,
            "songs": round(float(matrix[k].sum())),
            "precision": float(matrix[k, k] / predicted[k]) if predicted[k] else None,
            "recall": float(matrix[k, k] / matrix[k].sum()) if matrix[k].any() else None,
        }
        for k, name in enumerate(classes)
    ]


def calibration_error(chances: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> float:
    """Expected calibration error (Guo et al. 2017): by how much stated probabilities [N] miss the share that is right.

    Guesses are sorted and divided into parts of equal number, of which the mean difference is taken.
    """
    order = np.argsort(chances, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(part) * abs(chances[part].mean() - right[part].mean()) for part in parts) / len(order))


def calibration(judged: Judged, seed: int = 0) -> dict[str, Any]:
    """What the chosen class states on average, its calibration error, and by how much it states more than is right.

    The last two have 95 % intervals over artists. If that of the excess includes 0, these songs are too few to tell
    whether the classifier is too sure on average.

    Few songs in each part make the error of a bootstrap larger than that of the songs themselves, so the interval
    lies rather too high. `by_chance` is what the error of a calibrated classifier would be that states the same of as
    many independent songs: mean, and in 39 of 40 cases no more than `high`.
    """
    top, right = judged.chances.max(2), judged.by_mean == judged.labels
    names, of = np.unique(np.array(judged.artists), return_inverse=True)
    theirs = [np.flatnonzero(of == number) for number in range(len(names))]
    draws = np.random.default_rng(seed).integers(len(names), size=(RESAMPLES // 10, len(names)))
    songs = [np.concatenate([theirs[number] for number in draw]) for draw in draws]
    low, high = np.quantile([calibration_error(top[:, s].ravel(), right[:, s].ravel()) for s in songs], (0.025, 0.975))
    error = calibration_error(top.ravel(), right.ravel())
    rng = np.random.default_rng(seed)
    calibrated = [calibration_error(top.ravel(), rng.random(top.size) < top.ravel()) for _ in range(RESAMPLES // 10)]
    excess = (top - right).mean(0)
    below, above = interval(excess, judged.artists)
    return {
        "stated": float(top.mean()), "error": error, "low": float(low), "high": float(high),
        "by_chance": {"mean": float(np.mean(calibrated)), "high": float(np.quantile(calibrated, 0.975))},
        "excess": {"mean": float(excess.mean()), "low": below, "high": above},
    }  # fmt: skip


def answers(judged: Judged, certain_from: float) -> dict[str, Any]:
    """How often a classifier answers that is silent below a probability, and how often its answers are right."""
    given = judged.chances.max(2) >= certain_from
    right = (given & (judged.by_mean == judged.labels)).sum(0)
    share = right[given.any(0)] / given.sum(0)[given.any(0)]
    artists = [artist for artist, some in zip(judged.artists, given.any(0), strict=True) if some]
    found = {"certain_from": certain_from, "answered": rate(given.mean(0), judged.artists)}
    return found | ({"right": rate(share, artists)} if len(share) else {})


def score(name: str, judged: Judged, classes: Sequence[str], certain_from: float | None = None) -> dict[str, Any]:
    """Everything that results.json says about one system; where it may be uncertain, also how often it answers."""
    truth = judged.labels
    matrix = confusion(judged)
    chances = judged.chances
    detail = per_class(matrix, classes)
    recalls = [row["recall"] for row in detail if row["recall"] is not None]
    return {
        "system": name,
        "segment": rate((judged.logits.argmax(3) == truth[:, None]).mean((0, 2)), judged.artists),
        "vote": rate((judged.by_vote == truth).mean(0), judged.artists),
        "mean": rate((judged.by_mean == truth).mean(0), judged.artists),
        "mean_recall": float(np.mean(recalls)),
        "log_loss": float(-np.log(np.maximum(chances[:, np.arange(len(truth)), truth], 1e-12)).mean()),
        "brier": float(((chances - np.eye(len(classes))[truth]) ** 2).sum(2).mean()),
        "calibration": calibration(judged),
        **({} if certain_from is None else {"answers": answers(judged, certain_from)}),
        "classes": detail,
        "confusion": np.round(matrix, 3).tolist(),
        "confusion_vote": np.round(confusion(judged, vote=True), 3).tolist(),
    }
