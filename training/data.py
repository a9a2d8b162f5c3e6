"""Training items: random crops of real music, augmented, as int16 in memory.

A folder as ../shared/music describes itself: `manifest.csv` with the columns path and split, or any folder of audio.
Everything is decoded once to 44.1 kHz stereo int16 and kept in one cache file beside an index.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from codec.mdct import forward
from formats.grid import HOP, SAMPLE_RATE

AUDIO = {".flac", ".wav", ".ogg", ".mp3", ".aif", ".aiff", ".opus"}


def listed(folder: Path, split: str) -> list[Path]:
    """Songs of one split of a manifest, or all audio below a folder without one; sorted."""
    manifest = folder / "manifest.csv"
    if manifest.exists():
        with manifest.open(newline="") as lines:
            return sorted(folder / row["path"] for row in csv.DictReader(lines) if row["split"] == split)
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO)


def load(path: Path) -> NDArray[np.int16]:
    """A whole file as 44.1 kHz stereo: [2, N]."""
    x, rate = soundfile.read(path, dtype="float32", always_2d=True)
    x = x[:, [0, min(1, x.shape[1] - 1)]]
    if rate != SAMPLE_RATE:
        x = soxr.resample(x, rate, SAMPLE_RATE)
    samples: NDArray[np.int16] = np.round(np.clip(x.T, -1, 1) * 32767).astype(np.int16)
    return samples


class Music:
    """All songs of a list in one int16 array [2, N] with their bounds; cached under `cache`."""

    def __init__(self, songs: list[Path], cache: Path, name: str) -> None:
        data, index = cache / f"{name}.npy", cache / f"{name}.json"
        names = [path.name for path in songs]
        if not index.exists() or json.loads(index.read_text())["songs"] != names:
            cache.mkdir(parents=True, exist_ok=True)
            parts = [load(path) for path in songs]
            np.save(data, np.concatenate(parts, 1))
            bounds = np.cumsum([0, *(part.shape[1] for part in parts)]).tolist()
            index.write_text(json.dumps({"songs": names, "bounds": bounds}))
        self.samples: NDArray[np.int16] = np.load(data, mmap_mode="r")
        self.bounds: list[int] = json.loads(index.read_text())["bounds"]
        lengths = np.diff(self.bounds).astype(float)
        self.chance = lengths / lengths.sum()

    def crop(self, rng: np.random.Generator, length: int) -> NDArray[np.float32]:
        """A random piece of a random song, zeros after its end: [2, length] in [-1, 1]."""
        song = int(rng.choice(len(self.chance), p=self.chance))
        low, high = self.bounds[song], self.bounds[song + 1]
        start = int(rng.integers(low, max(low + 1, high - length)))
        piece = self.samples[:, start : min(start + length, high)].astype(np.float32) / 32768
        return np.pad(piece, ((0, 0), (0, length - piece.shape[1])))


def bed(loops: Music, rng: np.random.Generator, length: int) -> NDArray[np.float32]:
    """Loops and one-shots stacked at random places, for attacks and full bandwidth: [2, length]."""
    x = np.zeros((2, length), np.float32)
    for _ in range(int(rng.integers(2, 7))):
        piece = loops.crop(rng, int(rng.integers(length // 4, length)))
        start = int(rng.integers(0, length - piece.shape[1] + 1))
        pan = rng.uniform(0.3, 1, 2).astype(np.float32)
        x[:, start : start + piece.shape[1]] += piece * pan[:, None] * np.float32(rng.uniform(0.2, 0.8))
    return x


def item(music: Music, loops: Music, rng: np.random.Generator, frames: int) -> NDArray[np.float32]:
    """One augmented item: [2, (frames + 1) 700] left and right."""
    length = (frames + 1) * HOP
    if rng.random() < 0.1:
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


def batches(
    music: Music, loops: Music, seed: int, size: int, frames: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Endless (coefficients [B, T, 1400], left and right [B, 2, (T - 1) 700]) pairs; a seed names its sequence."""
    rng = np.random.default_rng(seed)
    while True:
        waves = np.stack([item(music, loops, rng, frames) for _ in range(size)])
        middle = np.stack([waves[:, 0] + waves[:, 1], waves[:, 0] - waves[:, 1]], 1) / 2
        coefficients = np.stack([forward(x).transpose(2, 0, 1).reshape(frames, -1) for x in middle])
        yield coefficients, waves[:, :, HOP:-HOP]
