"""Items that lie on the device: what is drawn is what was made."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from formats.errors import UsageError
from formats.grid import SEGMENT
from tests.support.training_runs import write_music
from training.data.batches import Batch, batches
from training.data.produce import Recipe, produce
from training.ranked.library import Library
from training.ranked.objective import encode
from training.ranked.synthesis import rotate_back, synthesize
from training.ship.tiny import SyntheticMusic, untrained

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def made() -> list[Batch]:
    source = batches(SyntheticMusic(), SyntheticMusic(), 5, 2, SEGMENT)
    return [next(source) for _ in range(3)]


def test_what_is_drawn_is_what_was_made(made: list[Batch]) -> None:
    model = untrained()
    with Library(8, SEGMENT, CPU, lambda x: encode(model, x, None)) as library:
        library.fill(iter(made), 6)
        assert len(library) == 6
        got = library.take(torch.tensor([5, 0]))
        drawn = library.draw(40, np.random.default_rng(0))
    for number, (batch, row) in enumerate(((made[2], 1), (made[0], 0))):
        for name in ("coefficients", "long", "rotation"):
            assert np.array_equal(getattr(got, name)[number].numpy(), getattr(batch, name)[row])
        np.testing.assert_allclose(got.waves[number].numpy(), batch.waves[row], atol=3e-5)
        hyper = encode(model, torch.from_numpy(batch.coefficients[row : row + 1]), None)[0]
        assert got.hyper is not None and torch.equal(got.hyper[number], hyper)
    assert len(drawn.coefficients.flatten(1).unique(dim=0)) == 6


def test_hyper_latents_of_an_encoder_that_learns_are_not_kept(made: list[Batch]) -> None:
    with Library(2, SEGMENT, CPU, None) as library:
        library.add(made[0])
        assert library.draw(1, np.random.default_rng(0)).hyper is None


def test_training_begins_before_the_library_is_full(made: list[Batch]) -> None:
    """And a failure of what fills it leaves what is there."""

    def failing() -> Iterator[Batch]:
        yield made[0]
        raise OSError("no more")

    with Library(100, SEGMENT, CPU, None) as library:
        library.fill(failing(), 2)
        assert len(library) == 2
    with Library(100, SEGMENT, CPU, None) as library, pytest.raises(UsageError, match="no training items"):
        library.fill(iter(()), 2)


def test_processes_make_the_items_of_their_seed(tmp_path: Path) -> None:
    recipe = Recipe(write_music(tmp_path / "music"), tmp_path / "cache", 2.0, SEGMENT)
    music, loops = recipe.open()
    made = list(produce(recipe, [3], 3, 2, 2))
    assert len(made) == 3
    for number, batch in enumerate(made):
        wanted = next(batches(music, loops, [3, number], 2, SEGMENT))
        assert np.array_equal(batch.coefficients, wanted.coefficients) and np.array_equal(batch.long, wanted.long)
        rotated = rotate_back(torch.from_numpy(batch.coefficients), torch.from_numpy(batch.rotation))
        waves = synthesize(rotated, torch.from_numpy(batch.long))
        np.testing.assert_allclose(waves.numpy(), wanted.waves, atol=3e-5)
