"""A folder of music to train on, and short training runs by a clock that ticks whenever it is asked."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from training.data.songs import song
from training.plain import train as plain_train
from training.plain.network import PlainConfig
from training.ranked import train
from training.ranked.config import TrainConfig
from training.ship.tiny import TINY

SHORT = TrainConfig(network=TINY, seconds=2.0, batch=2, warmup=1)


def write_music(folder: Path) -> Path:
    """A folder as `training.data.batches` describes it: two songs to train on, one to test on, one loop."""
    (folder / "loops").mkdir(parents=True)
    rows = [("a.wav", "train"), ("b.flac", "train"), ("secret.wav", "test"), ("kept.wav", "validation")]
    for number, (name, _) in enumerate(rows):
        soundfile.write(folder / name, song(3.0, seed=number).T, 44100)
    soundfile.write(folder / "loops" / "hit.wav", song(1.0, seed=9, channels=1).T, 44100)
    with (folder / "manifest.csv").open("w", newline="") as lines:
        csv.writer(lines).writerows([("path", "split"), *rows])
    return folder


def ticking(patch: pytest.MonkeyPatch, module: Any) -> None:
    """Replace a module's clock by one that goes on by a second whenever it is asked."""
    ticks: Iterator[float] = iter(range(10_000))
    patch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(ticks)))


def run_ranked(patch: pytest.MonkeyPatch, folder: Path, config: TrainConfig, steps: int, **options: Any) -> Any:
    """Train so many steps; returns the checkpoint."""
    ticking(patch, train)  # a step asks twice, first at 1, 3, 5 ...
    given = {"cache": folder / "cache", "minutes": 2 * steps / 60, "save_minutes": 60, "every": 1, **options}
    train.train(config, train.Options(folder, folder / "run", **given))
    return torch.load(folder / "run" / "last.pt", weights_only=True)


def run_plain(patch: pytest.MonkeyPatch, folder: Path, config: PlainConfig, steps: int, **options: Any) -> Any:
    """Train up to this step; returns the checkpoint."""
    ticking(patch, plain_train)
    for name, value in {"BATCH": 2, "FRAMES": 16}.items():
        patch.setattr(plain_train, name, value)
    given = {"cache": folder / "cache", "minutes": 1000, "steps": steps, "save_minutes": 60, "every": 1, **options}
    given = {"start_pieces": 1, **given}
    plain_train.train(config, plain_train.Options(folder, folder / "run", **given))
    return torch.load(folder / "run" / "last.pt", weights_only=True)


def stopped_after(patch: pytest.MonkeyPatch, module: Any, steps: int) -> None:
    """Let a training loop be asked to stop, as by Ctrl-C, after so many steps of this process; -1 for never."""

    @contextmanager
    def asked() -> Iterator[Any]:
        left = [steps]

        def ask() -> bool:
            left[0] -= 1
            return left[0] == -1

        yield ask

    patch.setattr(module, "stoppable", asked)


def same(a: Any, b: Any) -> bool:
    """Whether two states are equal, whatever they are made of."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else bool(a == b)


def code_lengths_file(folder: Path) -> Path:
    """Code lengths of the tiny model, as an export writes them."""
    from training.ranked.tables import code_lengths, count
    from training.ship.tiny import SyntheticMusic, untrained

    path = folder / "lengths.npz"
    np.savez(path, allow_pickle=False, **code_lengths(*count(untrained(), SyntheticMusic(), 1)))
    return path
