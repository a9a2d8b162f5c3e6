"""Items that lie on the device: what is drawn is what was made."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from formats.errors import UsageError
from formats.grid import SEGMENT
from training.data.batches import Batch, Maker, batches, names
from training.items.library import Library, with_waves
from training.ranked.objective import encode
from training.ship.tiny import SyntheticMusic, untrained

CPU = torch.device("cpu")
MAKER = Maker(SyntheticMusic(), SyntheticMusic(), SEGMENT, waves=False)


@pytest.fixture(scope="module")
def made() -> list[Batch]:
    source = batches(SyntheticMusic(), SyntheticMusic(), 5, 2, SEGMENT)
    return [next(source) for _ in range(3)]


def test_what_is_drawn_is_what_was_made(made: list[Batch]) -> None:
    model = untrained()
    with Library(8, MAKER, CPU, lambda x: encode(model, x, None)) as library:
        library.fill(iter(made), 6)
        assert len(library) == 6
        got = with_waves(library.take(torch.tensor([5, 0])), MAKER)
        drawn = library.draw(40, np.random.default_rng(0))
    for number, (batch, row) in enumerate(((made[2], 1), (made[0], 0))):
        for name in ("coefficients", "long", "rotation"):
            assert np.array_equal(getattr(got, name)[number].numpy(), getattr(batch, name)[row])
        np.testing.assert_allclose(got.waves[number].numpy(), batch.waves[row], atol=3e-5)
        hyper = encode(model, torch.from_numpy(batch.coefficients[row : row + 1]), None)[0]
        assert got.hyper is not None and torch.equal(got.hyper[number], hyper)
    assert len(drawn.coefficients.flatten(1).unique(dim=0)) == 6


def test_hyper_latents_of_an_encoder_that_learns_are_not_kept(made: list[Batch]) -> None:
    with Library(2, MAKER, CPU, None) as library:
        library.add(made[0])
        assert library.draw(1, np.random.default_rng(0)).hyper is None


def test_training_begins_before_the_library_is_full(made: list[Batch]) -> None:
    """And a failure of what fills it leaves what is there."""

    def failing() -> Iterator[Batch]:
        yield made[0]
        raise OSError("no more")

    with Library(100, MAKER, CPU, None) as library:
        library.fill(failing(), 2)
        assert len(library) == 2
    with Library(100, MAKER, CPU, None) as library, pytest.raises(UsageError, match="no training items"):
        library.fill(iter(()), 2)


def test_waves_of_plain_items_are_those_that_they_were_made_of() -> None:
    """For any number of frames, and whole: nothing of them is left out by what is sent to a library."""
    maker = Maker(SyntheticMusic(), SyntheticMusic(), 64, "plain")
    made = maker.make(names(3, 0, 2))
    with Library(2, maker, CPU) as library:
        library.add(made)
        got = with_waves(library.take(torch.tensor([1, 0])), maker)
    np.testing.assert_allclose(got.waves.numpy(), made.waves[::-1], atol=3e-5)
    assert np.array_equal(got.coefficients.numpy(), made.coefficients[::-1])


def test_a_full_library_keeps_the_latest_items(made: list[Batch]) -> None:
    added = threading.Event()

    def more_than_it_holds() -> Iterator[Batch]:
        yield from (*made, made[0])
        added.set()

    with Library(4, MAKER, CPU) as library:
        library.fill(more_than_it_holds(), 8)
        assert added.wait(60) and len(library) == 4
        got = library.take(torch.arange(4)).coefficients.numpy()
    assert np.array_equal(got, np.concatenate([made[2].coefficients, made[0].coefficients]))


def test_a_library_that_is_renewed_waits_for_no_more_than_it_holds(made: list[Batch]) -> None:
    enough = threading.Event()

    def endless() -> Iterator[Batch]:
        yield from made[:2]
        enough.wait(20)
        yield made[2]

    with Library(4, MAKER, CPU) as library:
        library.fill(endless(), 64)
        assert np.array_equal(library.take(torch.tensor([0])).coefficients[0].numpy(), made[0].coefficients[0])
        enough.set()


def test_why_there_are_no_items_is_told() -> None:
    def failing() -> Iterator[Batch]:
        raise UsageError("none of the music can be read")
        yield

    with Library(2, MAKER, CPU) as library, pytest.raises(UsageError, match="made: none of the music can be read"):
        library.fill(failing(), 2)
