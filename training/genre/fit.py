"""Training of the genre network: random segments, loudness shifts, early stopping on held-out artists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from codec.inspection.genre import POWERS
from formats.grid import HYPER_MIN, HYPER_SIZE
from formats.model.scales import SEGMENT_VECTORS
from training.genre.data import VOTES, cut, starts
from training.genre.network import Ensemble, FitConfig, GenreNet, predict

FEWEST_STEPS = 12
"""Least steps of an epoch, however few songs there are."""

TEMPERATURES = np.geomspace(0.2, 5, 65)


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


def held_out(groups: Sequence[str], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which songs decide when to stop: all songs of random artists, at most `share` of the songs, but one artist."""
    names = np.array(groups)
    chosen = np.zeros(len(names), np.bool_)
    for artist in rng.permutation(np.unique(names)):
        theirs = names == artist
        if not chosen.any() or (chosen | theirs).sum() <= share * len(names):
            chosen |= theirs
    return chosen


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


def fit(m: Examples, classes: int, c: FitConfig) -> Ensemble:
    """Train the members; the temperature is the best one for the songs that decided when to stop."""
    members, logits, truth = [], [], []
    for number in range(c.members):
        rng = np.random.default_rng([c.seed, number])
        chosen = held_out(m.groups, c.held_out, rng)
        stop, train = m.part(np.flatnonzero(chosen)), m.part(np.flatnonzero(~chosen))
        torch.manual_seed(c.seed * 1000 + number)
        members.append(_member(train, stop, classes, c, rng))
        logits.append(predict(members[-1], segments(stop.tested)).reshape(-1, VOTES, classes).mean(1))
        truth.append(stop.labels)
    return Ensemble(members, temperature(np.concatenate(logits), np.concatenate(truth))).eval()


def temperature(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The divisor of logits [N, C] that gives the lowest cross-entropy; Guo et al. 2017."""
    scaled = torch.from_numpy(logits[None] / TEMPERATURES[:, None, None])
    chosen = scaled.log_softmax(2).numpy()[:, np.arange(len(labels)), labels]
    return float(TEMPERATURES[chosen.mean(1).argmax()])


def calibrated(net: Ensemble, logits: NDArray[np.float64], labels: NDArray[np.int64]) -> Ensemble:
    """The ensemble with its temperature corrected by logits of songs whose artists its kind had not heard.

    The temperature of `fit` comes from the songs that decided when each member stopped, on which members do too well.

    Args:
        net: an ensemble.
        logits: [R, songs, 5, C], of ensembles that were fitted in the same way without these songs' artists.
        labels: [songs].
    """
    mean = logits.mean(2)
    return Ensemble(
        [*net.members],
        net.temperature * temperature(mean.reshape(-1, mean.shape[2]), np.tile(labels, len(mean))),
    ).eval()


def _member(m: Examples, stop: Examples, classes: int, c: FitConfig, rng: np.random.Generator) -> GenreNet:
    count, size = len(m.labels), m.tested[0].shape[1]
    net = GenreNet(size, classes, c)
    sample = crops(m, rng.integers(count, size=256), c.offset, rng).reshape(-1, size)
    net.mean.copy_(sample.mean(0))
    net.deviation.copy_(sample.std(0) + 0.1)
    check, truth = segments(stop.tested), torch.from_numpy(np.repeat(stop.labels, VOTES))
    repeats = max(c.crops, -(-FEWEST_STEPS * c.batch // count))
    steps = -(-count * repeats // c.batch)
    optimizer = torch.optim.AdamW(net.parameters(), c.rate, weight_decay=c.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, c.epochs * steps)
    best, best_at, kept = float("inf"), 0, net.state_dict()
    for epoch in range(c.epochs):
        net.train()
        for part in np.array_split(rng.permutation(np.tile(np.arange(count), repeats)), steps):
            logits = net(crops(m, part, c.offset, rng))
            loss = functional.cross_entropy(logits, torch.from_numpy(m.labels[part]), label_smoothing=c.smoothing)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        net.eval()
        with torch.no_grad():
            now = float(functional.cross_entropy(net(check), truth))
        if now < best:
            best, best_at, kept = now, epoch, {name: value.clone() for name, value in net.state_dict().items()}
        elif epoch - best_at >= c.patience:
            break
    net.load_state_dict(kept)
    return net.eval()
