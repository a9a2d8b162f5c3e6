"""Training items: random crops of real music, augmented.

The music is any collection that `training.data.collection` reads: FMA, a folder with a manifest.csv, or any folder of audio.
It is decoded once, see `training.data.shards`.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from codec.dsp import mdct, stereo, window_switching
from codec.dsp.gain_control import apply_gain_control
from formats.errors import UsageError
from formats.grid import BANDS, HOP, SAMPLE_RATE, WINDOW_UNITS, segment_count
from training.data.collection import Track, collection
from training.data.fma import largest
from training.data.shards import Shards
from training.data.synthetic import synthesized

SYNTHESIZED = 0.05
"""Share of items that are synthesized: what recorded music has next to none of."""


def listed(folder: Path, split: str) -> list[Path]:
    """Songs of one split (train, validation or test) of a collection, or all of one that has no splits; sorted.

    Of FMA it is the largest subset that is there.

    Raises:
        UsageError: the folder is no collection, or has nothing in that split.
    """
    tracks = collection(folder, largest(folder))
    if any(track.split for track in tracks):
        tracks = [track for track in tracks if track.split == split]
    if not tracks:
        raise UsageError(f"{folder} has no music in its split {split!r}")
    return sorted(track.path for track in tracks)


class Music:
    """All songs of a list, to take random pieces from; decoded under `cache` if they are not yet.

    What cannot be used is left out, and counted on stderr under `name`.
    """

    def __init__(self, songs: Sequence[Path], cache: Path, name: str) -> None:
        tracks = [Track(path, str(path), "", "", "") for path in songs]
        self.shards = Shards.build(tracks, cache, shortest=0)
        if self.shards.skipped:
            print(f"{name}: {self.shards.report()}", file=sys.stderr)
        lengths = np.array(self.shards.lengths, float)
        self.chance = lengths / max(1.0, lengths.sum())

    def __len__(self) -> int:
        return len(self.shards)

    def crop(self, rng: np.random.Generator, length: int) -> NDArray[np.float32]:
        """A random piece of a random song, zeros after its end: [2, length] in [-1, 1].

        Raises:
            UsageError: there is no song.
        """
        if not len(self):
            raise UsageError("none of the music can be read")
        song = self.shards[int(rng.choice(len(self.chance), p=self.chance))]
        start = int(rng.integers(0, max(1, song.shape[1] - length)))
        piece = song[:, start : start + length].astype(np.float32) / 32768
        return np.pad(piece, ((0, 0), (0, length - piece.shape[1])))


def bed(loops: Music, rng: np.random.Generator, length: int) -> NDArray[np.float32]:
    """Loops and one-shots stacked at random places, for attacks and full bandwidth: [2, length]; silence without."""
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
        long: bool [B, T / 126, 7], which units of 18 frames have long blocks.
        turns: uint8 [B, T / 126, 24].
        waves: float32 [B, 2, (T - 1) 700], left and right.
    """

    coefficients: NDArray[np.float32]
    long: NDArray[np.bool_]
    turns: NDArray[np.uint8]
    waves: NDArray[np.float32]


def batches(music: Music, loops: Music, seed: int, size: int, frames: int, *, turned: bool = True) -> Iterator[Batch]:
    """Endless batches; a seed names them.

    Coefficients are of the block lengths and turned as files of ranked models have them, see `codec.dsp.window_switching` and
    `codec.dsp.stereo`, or (not `turned`) short blocks of mid and side.
    """
    rng = np.random.default_rng(seed)
    while True:
        waves = np.stack([item(music, loops, rng, frames) for _ in range(size)])
        # As files have it, quiet before attacks is apply_gain_control, also in what decoded items are held against.
        middle = np.stack([apply_gain_control(x) for x in stereo.sum_difference(waves) / 2])
        waves = stereo.sum_difference(middle)
        turns = np.zeros((size, segment_count(frames), BANDS), np.uint8)
        long = np.zeros((*turns.shape[:2], WINDOW_UNITS), np.bool_)
        if turned:
            coefficients, long = (np.stack(part) for part in zip(*map(window_switching.transform, middle), strict=True))
            turns = np.stack([stereo.choose_angles(one) for one in coefficients])
            coefficients = np.stack([stereo.rotate(*pair) for pair in zip(coefficients, turns, strict=True)])
        else:
            coefficients = np.stack([mdct.frames(x) for x in middle])
        yield Batch(coefficients, long, turns, waves[:, :, HOP:-HOP])
