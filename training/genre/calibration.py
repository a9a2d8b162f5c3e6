"""Calibration of a classifier's probabilities, fitted on logits of songs whose artists it has not heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

ENOUGH = 2 / 3
"""Share of answers that are to be right; what is less certain than that is called uncertain."""

SHARPEST = 4.0
"""Most octaves by which logits are made larger or smaller."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Logits [..., C] divided by a temperature, plus a bias [C] (Guo et al. 2017)."""

    temperature: float
    bias: NDArray[np.float64]

    def __call__(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated logits."""
        return logits / self.temperature + self.bias

    def flatter(self, temperature: float) -> Calibration:
        """This one, and then another temperature, which leaves every answer the same."""
        return Calibration(self.temperature * temperature, self.bias / temperature)


def none(classes: int) -> Calibration:
    """One that changes nothing."""
    return Calibration(1.0, np.zeros(classes))


def calibrate(logits: NDArray[np.float64], labels: NDArray[np.int64], shrinkage: float) -> Calibration:
    """The temperature and bias of the lowest cross-entropy.

    Args:
        logits: [N, C], of songs that the classifier was not trained on.
        labels: [N].
        shrinkage: half of it times the squared bias is added to the sum of the songs' cross-entropies, because a few
            hundred songs say little about how common each genre is elsewhere.
    """
    songs = np.arange(len(labels))
    truth = np.eye(logits.shape[1])[labels]

    def cost(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scale = np.exp2(x[0])
        chances = log_softmax(logits * scale + x[1:], axis=1)
        wrong = np.exp(chances) - truth
        slope = np.append((wrong * logits).sum() * scale * np.log(2), wrong.sum(0) + shrinkage * x[1:])
        return float(shrinkage * (x[1:] ** 2).sum() / 2 - chances[songs, labels].sum()), slope

    limits = [(-SHARPEST, SHARPEST), *[(None, None)] * logits.shape[1]]
    found = minimize(cost, np.zeros(1 + logits.shape[1]), jac=True, method="L-BFGS-B", bounds=limits).x
    return Calibration(float(np.exp2(-found[0])), found[1:])


def temperature(kinds: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]]) -> float:
    """The temperature of the lowest cross-entropy over several kinds of music, which all count the same.

    Args:
        kinds: calibrated logits [N, C] and labels [N] of each kind.
    """

    def cost(octaves: float) -> float:
        chances = [log_softmax(logits * np.exp2(-octaves), axis=1) for logits, _ in kinds]
        pairs = zip(chances, kinds, strict=True)
        return -sum(float(said[np.arange(len(labels)), labels].mean()) for said, (_, labels) in pairs)

    return float(np.exp2(minimize_scalar(cost, bounds=(-SHARPEST, SHARPEST), method="bounded").x))


def certain_from(
    chances: NDArray[np.float64],
    right: NDArray[np.bool_],
    share: float = ENOUGH,
    weights: NDArray[np.float64] | None = None,
) -> float:
    """The lowest probability such that of the answers [N] with at least it, this share is right; 1 if there is none.

    `weights`: how often each answer counts; once if not given.
    """
    order = np.argsort(-chances, kind="stable")
    counts = np.ones(len(order)) if weights is None else weights[order]
    so_far = np.cumsum(right[order] * counts) / np.cumsum(counts)
    last = np.append(np.diff(chances[order]) != 0, True)  # of answers with equal probabilities, all are given
    good = np.flatnonzero((so_far >= share) & last)
    return float(chances[order[good[-1]]]) if len(good) else 1.0
