"""A folder of music to train on, and short training runs."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from training.data.songs import song
from training.loop import course, log
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


def run_ranked(folder: Path, config: TrainConfig, steps: int, **options: Any) -> Any:
    """Train so many steps; returns the checkpoint."""
    resumed = options.get("resume")
    done = torch.load(resumed, weights_only=True)["step"] if resumed else 0
    length = {"minutes": 1000, "steps": done + steps} if steps else {"minutes": 0}
    given = {"cache": folder / "cache", **length, "save_minutes": 60, "every": 1, "force": True, **options}
    train.train(config, train.Options(folder, folder / "run", **given))
    return torch.load(folder / "run" / "last.pt", weights_only=True)


def run_plain(patch: pytest.MonkeyPatch, folder: Path, config: PlainConfig, steps: int, **options: Any) -> Any:
    """Train up to this step; returns the checkpoint."""
    patch.setattr(plain_train, "FRAMES", 16)
    given = {"cache": folder / "cache", "minutes": 1000, "steps": steps, "save_minutes": 60, "every": 1, **options}
    given = {"start_pieces": 1, "batch": 2, "force": True, **given}
    plain_train.train(config, plain_train.Options(folder, folder / "run", **given))
    return torch.load(folder / "run" / "last.pt", weights_only=True)


def log_of(folder: Path) -> list[dict[str, float]]:
    """The rows of a run's log; what a row lacks is left out."""
    rows = log.read(folder / "run" / log.NAME)
    return [{name: float(value) for name, value in row.items() if value} for row in rows]


def stopped_after(patch: pytest.MonkeyPatch, steps: int) -> None:
    """Let a training loop be asked to stop, as by Ctrl-C, after so many steps of this process; -1 for never."""

    @contextmanager
    def asked(repeated: float) -> Iterator[Any]:
        left = [steps]

        def ask() -> bool:
            left[0] -= 1
            return left[0] == -1

        yield ask

    patch.setattr(course, "stoppable", asked)


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
