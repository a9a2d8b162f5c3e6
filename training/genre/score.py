"""How often a classifier is right: by segment, vote and mean logits, with intervals by bootstrap over artists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000


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


def interval(right: NDArray[np.floating], artists: Sequence[str], seed: int = 0) -> tuple[float, float]:
    """95 % interval of a mean over songs, by bootstrap over artists, since songs of one artist are dependent."""
    names, of = np.unique(np.array(artists), return_inverse=True)
    sums, counts = np.bincount(of, right), np.bincount(of)
    draws = np.random.default_rng(seed).integers(len(names), size=(RESAMPLES, len(names)))
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


def calibration_error(chances: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017): by how much stated probabilities [N] miss the share that is right.

    Guesses are sorted and divided into parts of equal number, of which the mean difference is taken.
    """
    order = np.argsort(chances, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(part) * abs(chances[part].mean() - right[part].mean()) for part in parts) / len(order))


def score(name: str, judged: Judged, classes: Sequence[str]) -> dict[str, Any]:
    """Everything that results.json says about one system."""
    truth = judged.labels
    matrix = confusion(judged)
    logits = judged.logits.mean(2)
    chances = (
        logits - np.log(np.exp(logits - logits.max(2, keepdims=True)).sum(2, keepdims=True)) - logits.max(2)[..., None]
    )
    detail = per_class(matrix, classes)
    recalls = [row["recall"] for row in detail if row["recall"] is not None]
    return {
        "system": name,
        "segment": rate((judged.logits.argmax(3) == truth[:, None]).mean((0, 2)), judged.artists),
        "vote": rate((judged.by_vote == truth).mean(0), judged.artists),
        "mean": rate((judged.by_mean == truth).mean(0), judged.artists),
        "mean_recall": float(np.mean(recalls)),
        "log_loss": float(-chances[:, np.arange(len(truth)), truth].mean()),
        "calibration_error": calibration_error(np.exp(chances.max(2)).ravel(), (judged.by_mean == truth).ravel()),
        "classes": detail,
        "confusion": np.round(matrix, 3).tolist(),
        "confusion_vote": np.round(confusion(judged, vote=True), 3).tolist(),
    }
