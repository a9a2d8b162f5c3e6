"""Synthesized training items: their shape and range, that a seed names them, and that none of them is silent."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from formats.grid import HOP, SAMPLE_RATE
from training.data import batches, synthetic
from training.ship.tiny import SyntheticMusic

Floats = npt.NDArray[np.float32]
MAKERS: list[Callable[[np.random.Generator, synthetic.Doubles], synthetic.Doubles]] = [
    synthetic.glide, synthetic.bar, synthetic.burst, synthetic.click,
]  # fmt: skip


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
@pytest.mark.parametrize("length", [1, 2, 50, SAMPLE_RATE])
def test_every_sound_is_finite_and_heard(
    maker: Callable[[np.random.Generator, synthetic.Doubles], synthetic.Doubles], length: int
) -> None:
    for seed in range(12):
        x = maker(np.random.default_rng(seed), np.arange(length) / SAMPLE_RATE)
        assert x.shape == (length,)
        assert np.isfinite(x).all()
        assert np.abs(x).max() < 30  # 24 partials at most
        if length > 50:
            assert np.abs(x).max() > 0.01


def test_nothing_sounds_above_the_highest_frequency() -> None:
    for maker in (synthetic.glide, synthetic.bar):
        for seed in range(8):
            x = maker(np.random.default_rng(seed), np.arange(SAMPLE_RATE) / SAMPLE_RATE)
            power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
            assert power[21_500:].sum() < 0.01 * power.sum()


@pytest.mark.parametrize("length", [2 * HOP, 31 * HOP, 127 * HOP])
def test_items_have_two_channels_in_range(length: int) -> None:
    silent = 0
    for seed in range(24):
        x = synthetic.synthesized(np.random.default_rng(seed), length)
        assert x.shape == (2, length) and x.dtype == np.float32
        assert np.isfinite(x).all() and np.abs(x).max() <= 1
        silent += not np.abs(x).max() > 0.05
        assert np.array_equal(x, synthetic.synthesized(np.random.default_rng(seed), length))
    # A piece shorter than the wait for its first sound may have none.
    assert silent < (24 if length < 0.6 * SAMPLE_RATE else 1)


def test_seeds_give_different_items() -> None:
    items = [synthetic.synthesized(np.random.default_rng(seed), SAMPLE_RATE) for seed in range(12)]
    assert len({x.tobytes() for x in items}) == 12
    sides = [np.abs(x[0] - x[1]).max() for x in items]
    assert sum(side > 0.01 for side in sides) > 6  # panned


def test_some_items_of_a_batch_are_synthesized(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    class Hiss(SyntheticMusic):
        def crop(self, rng: np.random.Generator, length: int) -> Floats:
            return rng.uniform(-0.5, 0.5, (2, length)).astype(np.float32)

    def counted(rng: np.random.Generator, length: int) -> Floats:
        calls.append(length)
        return synthetic.synthesized(rng, length)

    monkeypatch.setattr(batches, "synthesized", counted)
    rng = np.random.default_rng(0)
    for _ in range(200):
        x = batches.item(Hiss(), Hiss(), rng, 4)
        assert x.shape == (2, 5 * HOP) and np.isfinite(x).all() and np.abs(x).max() <= 1
    assert 2 <= len(calls) <= 25
    assert set(calls) == {5 * HOP}
