"""The systems that are compared: functions of training songs and test songs to logits of five segments a song."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped,unused-ignore]
from sklearn.model_selection import GridSearchCV, GroupKFold  # type: ignore[import-untyped,unused-ignore]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped,unused-ignore]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped,unused-ignore]
from torch import nn

from formats.grid import SEGMENT
from training.genre.data import VOTES, Song, cut, starts
from training.genre.fit import Examples, fit, segments
from training.genre.network import FitConfig, predict

System = Callable[[Sequence[Song], Sequence[Song], int], NDArray[np.float64]]
"""(training songs, test songs, seed) -> logits [songs, 5, C]."""

STRENGTHS = (0.001, 0.01, 0.1)
"""Inverse regularisation of the logistic regressions, chosen by cross-validation by artist on the training songs."""


def labels(songs: Sequence[Song]) -> NDArray[np.int64]:
    """Class of each song."""
    return np.array([song.label for song in songs], np.int64)


def examples(songs: Sequence[Song], version: int) -> Examples:
    """Songs by their integers, tested in the version (tier) of this index."""
    return Examples(
        [song.latents for song in songs],
        [song.latents[version] for song in songs],
        labels(songs),
        [song.artist for song in songs],
        shift=True,
    )


def majority(classes: int) -> System:
    """Always the class with the most training songs."""

    def run(train: Sequence[Song], test: Sequence[Song], _: int) -> NDArray[np.float64]:
        share = np.bincount(labels(train), minlength=classes) / len(train)
        return np.broadcast_to(np.log(share + 1e-9), (len(test), VOTES, classes)).copy()

    return run


def latents(classes: int, version: int, c: FitConfig, other: Examples | None = None) -> System:
    """The network on the integers; `other` is music of other collections that it is calibrated on."""

    def run(train: Sequence[Song], test: Sequence[Song], seed: int) -> NDArray[np.float64]:
        net = fit(examples(train, version), classes, replace(c, seed=seed), other)
        return fitted(net, version)(train, test, seed)

    return run


def fitted(net: nn.Module, version: int) -> System:
    """A network that is trained already."""

    def run(_: Sequence[Song], test: Sequence[Song], __: int) -> NDArray[np.float64]:
        logits = predict(net, segments(examples(test, version).tested))
        return logits.reshape(len(test), VOTES, -1)

    return run


def tokens(classes: int, c: FitConfig) -> System:
    """The same network on the encoder's own features before the bottleneck."""
    return network(classes, c, lambda song: song.tokens)


def other(classes: int, c: FitConfig, model: str) -> System:
    """The same network on the latents of another model's files."""
    return network(classes, c, lambda song: song.others[model])


def network(classes: int, c: FitConfig, view: Callable[[Song], NDArray[np.float16]]) -> System:
    """The network on features of one kind, [G, D] for a song."""

    def run(train: Sequence[Song], test: Sequence[Song], seed: int) -> NDArray[np.float64]:
        own = [view(song) for song in train]
        known = Examples([(x,) for x in own], own, labels(train), [song.artist for song in train])
        net = fit(known, classes, replace(c, seed=seed))
        return predict(net, segments([view(song) for song in test])).reshape(-1, VOTES, classes)

    return run


def cepstra(song: Song) -> NDArray[np.float64]:
    """MFCCs of the five segments: means, deviations, and deviations of their differences. [5, 60]."""
    size = SEGMENT
    whole = song.mfcc.astype(np.float64)
    parts = [cut(whole, start, size) for start in starts(len(whole), size=size)]
    return np.stack([np.concatenate([x.mean(0), x.std(0), np.diff(x, axis=0).std(0)]) for x in parts])


def pooled(version: int) -> Callable[[Song], NDArray[np.float64]]:
    """Means and deviations over time of the network's input. [5, 304]."""

    def run(song: Song) -> NDArray[np.float64]:
        whole = song.latents[version].astype(np.float64)
        parts = [cut(whole, start) for start in starts(len(whole))]
        return np.stack([np.concatenate([x.mean(0), x.std(0)]) for x in parts])

    return run


def regression(classes: int, view: Callable[[Song], NDArray[np.float64]]) -> System:
    """Logistic regression on numbers of a segment; `view` gives those of a song's five segments, [5, D]."""

    def run(train: Sequence[Song], test: Sequence[Song], _: int) -> NDArray[np.float64]:
        x, y = np.concatenate([view(song) for song in train]), np.repeat(labels(train), VOTES)
        artists = np.repeat([song.artist for song in train], VOTES)
        folds = min(4, len(set(artists)))
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000))
        search = GridSearchCV(model, {"logisticregression__C": STRENGTHS}, cv=GroupKFold(folds), scoring="accuracy")
        search.fit(x, y, groups=artists)
        out = np.full((len(test) * VOTES, classes), np.log(1e-9))
        out[:, search.classes_] = search.predict_log_proba(np.concatenate([view(song) for song in test]))
        return out.reshape(len(test), VOTES, classes)

    return run
