"""Training of the genre network: random segments, loudness shifts, calibration on held-out artists."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from codec.inspection.genre import POWERS, softmax
from formats.grid import HYPER_MIN, HYPER_SIZE
from formats.model.scales import SEGMENT_VECTORS
from training.genre.calibration import calibrate, certain_from, none, temperature
from training.genre.data import VOTES, cut, starts
from training.genre.network import Ensemble, FitConfig, GenreNet, predict

FEWEST_STEPS = 12
"""Least steps of an epoch, however few songs there are."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Songs as a fit takes them.

    Attributes:
        versions: for each song its vectors [G, D] in one or more versions (tiers), of which one is drawn each time.
        tested: for each song the version that it is tested in.
        labels: class of each song.
        groups: artist of each song.
        shift: whether the vectors are `codec.inspection.genre.features`, whose loudness may be shifted.
    """

    versions: Sequence[Sequence[NDArray[np.floating]]]
    tested: Sequence[NDArray[np.floating]]
    labels: NDArray[np.int64]
    groups: Sequence[str]
    shift: bool = False

    def part(self, which: NDArray[np.int64]) -> Examples:
        """Some of the songs."""
        versions, tested = [self.versions[i] for i in which], [self.tested[i] for i in which]
        return Examples(versions, tested, self.labels[which], [self.groups[i] for i in which], self.shift)


def segments(songs: Sequence[NDArray[np.floating]]) -> Tensor:
    """The five segments of each song [G, D] that decide its label: [songs 5, 42, D]."""
    parts = [cut(song, start) for song in songs for start in starts(len(song))]
    return torch.from_numpy(np.stack(parts).astype(np.float32))


def parts(groups: Sequence[str], labels: NDArray[np.int64], count: int, seed: int) -> list[NDArray[np.int64]]:
    """Songs by index, divided into `count` parts or as many as there are groups; no group is in two of them."""
    from sklearn.model_selection import StratifiedGroupKFold  # type: ignore[import-untyped,unused-ignore]

    count = min(count, len(set(groups)), int(np.bincount(labels).max()))
    if count < 2:
        return []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        kind = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        return [test for _, test in kind.split(labels, labels, groups)]


def shifted(x: NDArray[np.float32], half_octaves: float) -> NDArray[np.float32]:
    """Features of the same music at another loudness; silence stays silence. [T, 152] -> same."""
    out = x.copy()
    out[:, :POWERS] = np.maximum(x[:, :POWERS] + np.float32(half_octaves), HYPER_MIN)
    out[:, :HYPER_SIZE][x[:, :HYPER_SIZE] <= HYPER_MIN] = HYPER_MIN
    return out


def crops(m: Examples, which: NDArray[np.int64], offset: float, rng: np.random.Generator) -> Tensor:
    """One random segment of each song in `which`: [B, 42, D]."""
    out = []
    for song in which:
        version = m.versions[song][int(rng.integers(len(m.versions[song])))]
        x = cut(version, int(rng.integers(max(1, len(version) - SEGMENT_VECTORS + 1)))).astype(np.float32)
        out.append(shifted(x, float(rng.uniform(-offset, offset))) if m.shift else x)
    return torch.from_numpy(np.stack(out))


def fit(m: Examples, classes: int, c: FitConfig, other: Examples | None = None) -> Ensemble:
    """Train the members, each without one part of the artists, and calibrate by what they say of those.

    All learn for the same number of steps, so that nothing is chosen by the songs that calibrate. A single artist
    leaves none for that: there is one member then, as it is.

    Other artists of the same collection sound more alike, and were labelled by the same hand. So a last temperature
    and the limit of what is uncertain are fitted on the members' mean for `other`, music of other collections, as
    well: both kinds count the same.
    """
    left_out = parts(m.groups, m.labels, c.members, c.seed)
    logits = np.zeros((len(m.labels), classes))
    members = []
    for number, part in enumerate(left_out or [np.zeros(0, np.int64)]):
        torch.manual_seed(c.seed * 1000 + number)
        rest = np.setdiff1d(np.arange(len(m.labels)), part)
        members.append(_member(m.part(rest), classes, c, np.random.default_rng([c.seed, number])))
        if len(part):
            said = predict(members[-1], segments([m.tested[i] for i in part]))
            logits[part] = said.reshape(-1, VOTES, classes).mean(1)
    if not left_out:
        return Ensemble(members, none(classes)).eval()
    found = calibrate(logits, m.labels, c.shrinkage)
    kinds = [(logits, m.labels)]
    if other is not None:
        x = segments(other.tested)
        mean = np.mean([predict(member, x).reshape(-1, VOTES, classes).mean(1) for member in members], 0)
        kinds.append((mean, other.labels))
        found = found.flatter(temperature([(found(said), labels) for said, labels in kinds]))
    chances = [softmax(found(said)) for said, _ in kinds]
    right = [said.argmax(1) == labels for said, (_, labels) in zip(chances, kinds, strict=True)]
    weights = [np.full(len(labels), 1 / len(labels)) for _, labels in kinds]
    top = np.concatenate([said.max(1) for said in chances])
    limit = certain_from(top, np.concatenate(right), weights=np.concatenate(weights))
    return Ensemble(members, found, limit).eval()


def _member(m: Examples, classes: int, c: FitConfig, rng: np.random.Generator) -> GenreNet:
    count, size = len(m.labels), m.tested[0].shape[1]
    net = GenreNet(size, classes, c)
    sample = crops(m, rng.integers(count, size=256), c.offset, rng).reshape(-1, size)
    net.mean.copy_(sample.mean(0))
    net.deviation.copy_(sample.std(0) + 0.1)
    repeats = max(c.crops, -(-FEWEST_STEPS * c.batch // count))
    steps = -(-count * repeats // c.batch)
    optimizer = torch.optim.AdamW(net.parameters(), c.rate, weight_decay=c.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, c.epochs * steps)
    for _ in range(c.epochs):
        for part in np.array_split(rng.permutation(np.tile(np.arange(count), repeats)), steps):
            logits = net(crops(m, part, c.offset, rng))
            loss = functional.cross_entropy(logits, torch.from_numpy(m.labels[part]), label_smoothing=c.smoothing)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return net.eval()
