"""Songs of three classes for tests of classifiers, made of random features."""

from pathlib import Path

import numpy as np

from codec.inspection import genre as runtime
from formats.grid import HYPER_SIZE
from training.data.tracks import Track
from training.genre import data
from training.genre.data import Song

CLASSES = 3


def songs(rng: np.random.Generator, count: int = 60, separation: float = 2.0) -> list[Song]:
    """Songs of three classes that differ in the mean of ten features; five by every artist."""
    means = rng.normal(0, separation, (CLASSES, 10))
    out = []
    for number in range(count):
        label = number % CLASSES
        x = rng.normal(0, 3, (90, runtime.SIZE)).astype(np.float16)
        x[:, HYPER_SIZE : HYPER_SIZE + 10] += means[label].astype(np.float16)
        artist = f"artist {label} {number // 15}"
        track = Track(Path(f"{number}.wav"), str(number), "abc"[label], artist, "")
        mfcc = rng.normal(size=(270, data.MFCCS)).astype(np.float16)
        mfcc[:, :10] += means[label].astype(np.float16)
        out.append(Song(track, label, (x, x), x[:, HYPER_SIZE : HYPER_SIZE + 30], mfcc))
    return out
