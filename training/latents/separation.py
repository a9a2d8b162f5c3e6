"""Separation of genres in a space: k-NN accuracy and silhouette across artists, next to those of shuffled labels.

Songs of one artist (one album, one studio) are close to each other whatever their genre, so a song is only compared
with songs by other artists. Neighbours are found once for all labellings, so that 8,000 songs take minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import GroupKFold

from training.data.tracks import told_apart
from training.genre.score import interval

Distances = NDArray[np.float32]
Mask = NDArray[np.bool_]
Labels = NDArray[np.int64]
Fit = Callable[[NDArray[np.float64], Labels], Callable[[NDArray[np.float64]], NDArray[np.float64]]]
"""Training points and labels -> a projection."""

K = 5
"""Neighbours that vote."""

FOLDS = 5
"""Parts that artists are divided into for a method that uses labels."""

DRAWS = 1000
"""Bootstrap samples of an interval."""


@dataclass(frozen=True)
class Separation:
    """Numbers of one space; NaN where there is nothing to compare.

    Attributes:
        knn: share of songs whose genre the majority of their 5 nearest songs by other artists have.
        knn_low, knn_high: 95 % interval of it, by a bootstrap over artists.
        balanced: mean over genres of the share of their songs that k-NN gets right.
        silhouette: mean silhouette (Rousseeuw 1987) with distances to other artists' songs only, -1...1.
        chance_knn, chance_balanced, chance_silhouette: means of the same over shuffled labels.
        chance_knn_high: 95 % of the shuffles stay at or below it.
        p: share of labellings, this one among the shuffled, whose k-NN accuracy is at least this one's.
    """

    knn: float
    knn_low: float
    knn_high: float
    balanced: float
    silhouette: float
    chance_knn: float
    chance_balanced: float
    chance_silhouette: float
    chance_knn_high: float
    p: float


def distances(points: NDArray[np.float64]) -> Distances:
    """Euclidean distances of [n, D]: [n, n]."""
    return np.asarray(pairwise_distances(points), np.float32)


def strangers(artists: Sequence[str]) -> Mask:
    """Pairs of songs by different artists [n, n]; every unknown artist ("") is one of its own."""
    names = np.array(told_apart(artists))
    return np.asarray(names[:, None] != names)


def neighbours(far: NDArray[np.floating], mask: Mask, k: int = K) -> tuple[NDArray[np.int64], Mask]:
    """The `k` nearest songs of each, nearest first, and which of those are real: [n, k] each."""
    k = min(k, far.shape[1])
    allowed = np.where(mask, far, np.float32(np.inf))
    if k < 1:
        near = np.zeros((len(far), 0), np.int64)
        return near, near.astype(np.bool_)
    # The k-th smallest distance bounds the candidates; all at that distance count, and the first ones are taken.
    bound = np.partition(allowed, k - 1, axis=1)[:, k - 1 : k]
    near = np.stack([_first(row, limit, k) for row, limit in zip(allowed, bound[:, 0], strict=True)])
    return near, np.isfinite(np.take_along_axis(allowed, near, 1))


def _first(row: NDArray[np.floating], limit: float, k: int) -> NDArray[np.int64]:
    """The k nearest of one song, nearest first, of equal ones the first."""
    found = np.flatnonzero(row <= limit)
    return np.asarray(found[np.argsort(row[found], kind="stable")[:k]], np.int64)


def votes(near: NDArray[np.int64], real: Mask, labels: Labels) -> Labels:
    """The most frequent label of the neighbours, nearer ones deciding ties; -1 where there is no neighbour: [n]."""
    weight = (1 - 1e-3 * np.arange(near.shape[1])) * real
    total = np.zeros((len(near), labels.max() + 1))
    for column in range(near.shape[1]):
        np.add.at(total, (np.arange(len(near)), labels[near[:, column]]), weight[:, column])
    return np.where(real.any(1), total.argmax(1), -1)


def silhouette(far: Distances, mask: Mask, labels: Labels) -> float:
    """Mean of (b - a) / max(a, b): a, mean distance to the own genre, b, to the nearest other one.

    It is 0 for a song that has no song of its genre, or of any other genre, to be compared with.
    """
    return Space([Block.whole(far, mask)]).silhouette(labels)


def balanced(right: Mask, labels: Labels) -> float:
    """Mean over genres of the share that is right."""
    return float(np.mean([right[labels == genre].mean() for genre in np.unique(labels)]))


def held_out(points: NDArray[np.float64], labels: Labels, artists: Sequence[str], fit: Fit) -> list[Block]:
    """Distances of songs to those that a projection was fitted on, without them and anything else by their artists."""
    blocks = []
    for train, test in _folds(artists):
        if len(np.unique(labels[train])) < 2:
            continue
        project = fit(points[train], labels[train])
        ours, theirs = project(points[test]), project(points[train])
        far = pairwise_distances(ours, theirs).astype(np.float32)
        near = np.asarray(KDTree(theirs).query(ours, range(1, 1 + min(K, len(train))))[1], np.int64)
        blocks.append(Block(test, train, far, near=near))
    return blocks


def left_out(labels: Labels, artists: Sequence[str]) -> Mask:
    """Songs of a fifth of the artists, on which a projection that uses labels can be looked at; none of one artist."""
    chosen = np.zeros(len(labels), np.bool_)
    for train, test in islice(_folds(artists), 1):
        rest = labels[train]
        chosen[test] = len(np.unique(rest[rest >= 0])) > 1
    return chosen


def _folds(artists: Sequence[str]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield songs to fit on and songs of a fifth of the artists that are left out; nothing if there is one artist."""
    groups = told_apart(artists)
    count = min(FOLDS, len(set(groups)))
    if count > 1:
        yield from GroupKFold(count, shuffle=True, random_state=0).split(groups, groups=groups)


def separation(compare: Callable[[Labels], Space], labels: Labels, artists: Sequence[str], shuffles: int) -> Separation:
    """Measure a space.

    Args:
        compare: labels -> space; one that does not depend on labels is the same every time.
        labels: [n], 0 to number of genres.
        artists: [n].
        shuffles: labellings that the values of chance are taken from.
    """
    if len(np.unique(labels)) < 2:
        return Separation(*[float("nan")] * 10)
    rng = np.random.default_rng(0)
    right, deep, across = compare(labels).judge(labels)
    low, high = interval(right, told_apart(artists), rng, DRAWS)
    chance = []
    for _ in range(shuffles):
        permuted = rng.permutation(labels)
        found = compare(permuted).judge(permuted)
        chance.append((found[0].mean(), found[1], found[2]))
    means = np.mean(chance, 0)
    accuracy = float(right.mean())
    shuffled = np.array([row[0] for row in chance])
    p = (1 + int((shuffled >= accuracy).sum())) / (1 + shuffles)
    return Separation(
        accuracy, low, high, deep, across, float(means[0]), float(means[1]), float(means[2]),
        float(np.quantile(shuffled, 0.95)), p,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Block:
    """Songs `rows` [R] that are compared with songs `columns` [C].

    Attributes:
        far, mask: distances, and which of the pairs count, [R, C]; with no mask all do.
        near: the nearest columns of each row, nearest first, where they are known: [R, K].
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    far: Distances
    mask: Mask | None = None
    near: NDArray[np.int64] | None = None

    @classmethod
    def whole(cls, far: Distances, mask: Mask) -> Block:
        """All songs with all songs."""
        everyone = np.arange(len(far))
        return cls(everyone, everyone, far, mask)


class Space:
    """Songs with their neighbours, which are found once for all labellings.

    A song in no block has no neighbours. Blocks have no song twice among their rows.
    """

    def __init__(self, blocks: Sequence[Block], k: int = K) -> None:
        self._blocks = []
        self._near = []
        for b in blocks:
            if b.mask is None:
                far, there = b.far, np.ones((1, len(b.columns)), np.float32)
            else:
                far, there = np.where(b.mask, b.far, np.float32(0)), b.mask.astype(np.float32)
            self._blocks.append((b.rows, b.columns, far, there))
            if b.near is None:
                near, real = neighbours(b.far, np.ones((1, 1), np.bool_) if b.mask is None else b.mask, k)
            else:
                near, real = b.near, np.ones(b.near.shape, np.bool_)
            self._near.append((b.rows, b.columns[near], real))

    def judge(self, labels: Labels) -> tuple[Mask, float, float]:
        """Songs that k-NN gets right [n], balanced accuracy, silhouette."""
        right = np.zeros(len(labels), np.bool_)
        for rows, near, real in self._near:
            right[rows] = votes(near, real, labels) == labels[rows]
        return right, balanced(right, labels), self.silhouette(labels)

    def silhouette(self, labels: Labels) -> float:
        """See the function `silhouette`."""
        member = np.eye(labels.max() + 1, dtype=np.float32)[labels]
        total = 0.0
        for rows, columns, far, there in self._blocks:
            sums = far @ member[columns]
            count = np.broadcast_to(there @ member[columns], sums.shape)
            mean = np.full(count.shape, np.inf, np.float32)
            np.divide(sums, count, out=mean, where=count > 0)
            which = np.arange(len(rows))
            own = mean[which, labels[rows]]
            mean[which, labels[rows]] = np.inf
            other = mean.min(1, initial=np.inf)
            good = np.isfinite(own) & np.isfinite(other) & (np.maximum(own, other) > 0)
            total += float(((other[good] - own[good]) / np.maximum(own[good], other[good])).sum())
        return total / len(labels)
