"""Batches from several processes: those of their names, in their order, and a bounded number ahead."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from itertools import count
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from formats.errors import AezError, UsageError
from tests.support.training_runs import write_music
from training.data.batches import Maker, Music, names
from training.data.produce import AHEAD, Names, Recipe, produce
from training.ship.tiny import SyntheticMusic


class Broken:
    """A pool whose processes have died."""

    def __init__(self, *_: Any, **more: Any) -> None:
        pass

    def submit(self, *_: Any) -> None:
        raise BrokenProcessPool

    def shutdown(self, **more: Any) -> None:
        pass


def test_batches_are_the_same_for_any_number_of_processes(tmp_path: Path) -> None:
    """And what is made ahead is bounded, of a stream that has no end."""
    maker = Maker(*Recipe(write_music(tmp_path / "music"), tmp_path / "cache", 2.0).open(), 32)
    asked: list[int] = []

    def named() -> Iterator[Names]:
        for number in count():
            asked.append(number)
            yield names(3, number, 2)

    alone, several = produce(maker, named(), 0), produce(maker, named(), 2)
    wanted = [next(alone) for _ in range(3)]
    asked.clear()
    for one in wanted:
        assert all(np.array_equal(a, b) for a, b in zip(next(several), one, strict=True))
    # Whoever makes items is in no group with the training, which torchrun stops as one. Another one may still start.
    assert any(os.getpgid(maker.pid or 0) == maker.pid for maker in active_children())
    several.close()
    assert len(asked) == AHEAD * 2 + 2
    # An item depends on its own name, whatever batch it is in.
    single = maker.make([names(3, 1, 2)[1]])
    assert all(np.array_equal(a[0], b[1]) for a, b in zip(single, wanted[1], strict=True))


def test_a_small_cache_holds_the_middle_of_every_song(tmp_path: Path) -> None:
    folder = write_music(tmp_path / "music")
    for number in range(4):
        shutil.copyfile(folder / "a.wav", folder / "loops" / f"{number}.wav")
    music, loops = Recipe(folder, tmp_path / "cache", cache_gb=8 * 50_000 / 1e9).open()
    assert music.shards.lengths == [50_000, 50_000] and loops.shards.lengths == [20_000] * 5


def test_what_fails_in_a_process_is_told(tmp_path: Path) -> None:
    nothing = Music([], tmp_path, "train")
    with pytest.raises(UsageError, match="none of the music"):
        next(produce(Maker(nothing, nothing, 32), (names(1, n, 8) for n in count()), 0))


def test_a_process_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.data.produce.ProcessPoolExecutor", Broken)
    with pytest.raises(AezError, match="a process that makes training items died"):
        list(produce(Maker(SyntheticMusic(), SyntheticMusic(), 32), [names(1, 0, 1)], 1))
