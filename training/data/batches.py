"""Training items: random crops of music, augmented.

The music is any collection that `training.data.collection` reads: FMA, a folder with a manifest.csv, or any folder of
audio. It is decoded once (`training.data.shards`).
"""

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from codec.dsp import mdct, stereo, window_switching
from codec.dsp.gain_control import apply_gain_control
from formats.errors import UsageError
from formats.grid import BANDS, COEFFICIENTS, HOP, SAMPLE_RATE, WINDOW_UNITS, segment_count
from training.data.collection import collection
from training.data.fma import largest
from training.data.shards import Shards, scaled
from training.data.synthetic import synthesized
from training.data.tracks import Track

SYNTHESIZED = 0.05
"""Share of items that are synthesized, of kinds that recorded music contains hardly any of."""

NAMED = 10
"""Songs that cannot be used of which each is named."""


def listed(folder: Path, split: str) -> list[Path]:
    """Songs of one split (train, validation or test) of a collection, or all of one that has no splits; sorted.

    Of FMA the largest subset that is there is taken.

    Raises:
        UsageError: the folder is no collection, or has nothing in that split.
    """
    return sorted(track.path for track in _tracks(folder, split))


def with_voices(folder: Path, split: str) -> set[Path]:
    """Those of the songs that `listed` gives of which the collection says that there are voices."""
    return {track.path for track in _tracks(folder, split) if track.vocals}


def _tracks(folder: Path, split: str) -> list[Track]:
    tracks = collection(folder, largest(folder))
    if any(track.split for track in tracks):
        tracks = [track for track in tracks if track.split == split]
    if not tracks:
        raise UsageError(f"{folder} has no music in its split {split!r}")
    return tracks


class Music:
    """All songs of a list, to take random pieces from; decoded into `cache` if they are not there yet.

    Songs that cannot be used are left out, counted on stderr under `name`, and the first of them named. A second of a
    song in `weights` is taken so many times as often as one of another song.
    """

    def __init__(
        self,
        songs: Sequence[Path],
        cache: Path,
        name: str,
        weights: Mapping[Path, float] | None = None,
        limit_gb: float | None = None,
        *,
        tell: bool = True,
    ) -> None:
        tracks = [Track(path, str(path), "", "", "") for path in songs]
        self.shards = Shards.build(tracks, cache, shortest=0, limit_gb=limit_gb)
        if self.shards.skipped and tell:
            print(f"{name}: {self.shards.report()}", file=sys.stderr)
            named = self.shards.named()
            for line in named[:NAMED]:
                print(f"  left out {line}", file=sys.stderr)
            if len(named) > NAMED:
                print(f"  and {len(named) - NAMED} more", file=sys.stderr)
        weights = weights or {}
        lengths = np.array(self.shards.lengths, float)
        lengths *= [weights.get(track.path, 1.0) for track in self.shards.tracks]
        self.chance = lengths / max(1.0, lengths.sum())
        self._until = self.chance.cumsum()
        self._until /= np.maximum(self._until[-1:], np.finfo(float).tiny)

    def __len__(self) -> int:
        return len(self.shards)

    def enough(self, most: int, seconds: float, times: float = 1.0) -> int:
        """At most `most` pieces of so many seconds: no more than hold all the music `times` over, and at least one."""
        return max(1, min(most, math.ceil(times * sum(self.shards.lengths) / SAMPLE_RATE / seconds)))

    def crop(self, rng: np.random.Generator, length: int) -> NDArray[np.float32]:
        """A random piece of a random song, zeros after its end: [2, length] in [-1, 1].

        Raises:
            UsageError: there is no song.
        """
        if not len(self):
            raise UsageError("none of the music can be read")
        if not self.chance.any():
            raise UsageError("none of the music has any weight")
        # What `rng.choice` does with these chances, but it adds them all up for every piece.
        song = self.shards[int(self._until.searchsorted(rng.random(), side="right"))]
        start = int(rng.integers(0, max(1, song.shape[1] - length)))
        piece = scaled(song[:, start : start + length])
        return np.pad(piece, ((0, 0), (0, length - piece.shape[1])))


def bed(loops: Music, rng: np.random.Generator, length: int) -> NDArray[np.float32]:
    """Loops and one-shots mixed at random times, for transients and full bandwidth: [2, length]; else zeros."""
    x = np.zeros((2, length), np.float32)
    if not len(loops):
        return x
    for _ in range(int(rng.integers(2, 7))):
        piece = loops.crop(rng, int(rng.integers(length // 4, length)))
        start = int(rng.integers(0, length - piece.shape[1] + 1))
        pan = rng.uniform(0.3, 1, 2).astype(np.float32)
        x[:, start : start + piece.shape[1]] += piece * pan[:, None] * np.float32(rng.uniform(0.2, 0.8))
    return x


def item(music: Music, loops: Music, rng: np.random.Generator, frames: int) -> NDArray[np.float32]:
    """One augmented item: [2, (frames + 1) 700] left and right."""
    length = (frames + 1) * HOP
    if rng.random() < SYNTHESIZED:
        return synthesized(rng, length)
    if rng.random() < 0.1 and len(loops):
        x = bed(loops, rng, length)
    else:
        stretch = rng.uniform(0.92, 1.08) if rng.random() < 0.3 else 1.0
        x = music.crop(rng, int(length * stretch) + 8)
        if stretch != 1:
            x = soxr.resample(x.T, SAMPLE_RATE, SAMPLE_RATE / stretch, quality="MQ").T
        x = np.ascontiguousarray(x[:, :length])
        x = np.pad(x, ((0, 0), (0, length - x.shape[1])))
        if rng.random() < 0.12:
            x = x + bed(loops, rng, length) * np.float32(0.5)
        elif rng.random() < 0.08:
            x = x + music.crop(rng, length)
    if rng.random() < 0.5:
        x = x[::-1]
    x = x * np.float32(rng.choice([-1, 1]) * 10 ** (rng.uniform(-10, 6) / 20))
    peak = np.abs(x).max()
    return (x / peak if peak > 1 else x).astype(np.float32)


class Batch(NamedTuple):
    """Items of a training step.

    Attributes:
        coefficients: float32 [B, T, 1400].
        long: bool [B, S, 7], which units of 18 frames have long windows; S segments.
        rotation: uint8 [B, S, 24], indices of the rotation angles.
        waves: float32 [B, 2, (T - 1) 700], left and right.
    """

    coefficients: NDArray[np.float32]
    long: NDArray[np.bool_]
    rotation: NDArray[np.uint8]
    waves: NDArray[np.float32]


@dataclass(frozen=True)
class Maker:
    """Makes batches; it can be sent to other processes.

    Attributes:
        music, loops: what items are cut from.
        frames: MDCT frames of an item.
        transform: of the coefficients. "adapted": window lengths and rotation are those of files of ranked models
            (`codec.dsp.window_switching`, `codec.dsp.stereo`); "plain": short windows of mid and side; "none": there
            are no coefficients.
        waves: whether batches have their waves.
    """

    music: Music
    loops: Music
    frames: int
    transform: str = "adapted"
    waves: bool = True

    def make(self, names: Iterable[Sequence[int]]) -> Batch:
        """A batch of the items of these names, which are seeds: an item depends on its name alone.

        Gain control is applied as in files, also to the waves that decoded items are compared with.
        """
        made = [item(self.music, self.loops, np.random.default_rng(name), self.frames) for name in names]
        mid_side = np.stack([apply_gain_control(x) for x in stereo.sum_difference(np.stack(made)) / 2])
        rotation = np.zeros((len(made), segment_count(self.frames), BANDS), np.uint8)
        long = np.zeros((*rotation.shape[:2], WINDOW_UNITS), np.bool_)
        coefficients = np.zeros((len(made), 0, COEFFICIENTS), np.float32)
        if self.transform == "adapted":
            parts = zip(*map(window_switching.transform, mid_side), strict=True)
            coefficients, long = (np.stack(part) for part in parts)
            rotation = np.stack([stereo.choose_angles(one) for one in coefficients])
            coefficients = np.stack([stereo.rotate(*pair) for pair in zip(coefficients, rotation, strict=True)])
        elif self.transform == "plain":
            coefficients = np.stack([mdct.frames(x) for x in mid_side])
        waves = stereo.sum_difference(mid_side)[:, :, HOP:-HOP] if self.waves else np.zeros((0, 2, 0), np.float32)
        return Batch(coefficients, long, rotation, waves)


def names(seed: int | Sequence[int], number: int, size: int) -> list[list[int]]:
    """Names of the items of a batch: the seed's words, number of the batch, number of the item."""
    words = [seed] if isinstance(seed, int) else list(seed)
    return [[*words, number, item] for item in range(size)]


def batches(
    music: Music, loops: Music, seed: int | Sequence[int], size: int, frames: int, *, adapted: bool = True
) -> Iterator[Batch]:
    """Endless batches, which a seed names."""
    maker = Maker(music, loops, frames, "adapted" if adapted else "plain")
    return (maker.make(names(seed, number, size)) for number in count())
