"""The model that comes with the package, through the real calls: its rates and its tiers."""

import aez
import numpy as np
import pytest

from codec.audio.demo import song
from codec.runtime.models import by_name

SECONDS = 12
NAME = "music"  # by name: other tests make the tiny model the default


@pytest.fixture(autouse=True)
def _shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEZ_MODELS", raising=False)


@pytest.fixture(scope="module")
def original() -> np.ndarray:
    return np.concatenate(list(song(SECONDS)), 1)


def test_a_song_comes_back_whole(original: np.ndarray) -> None:
    decoded, rate = aez.decode(aez.encode(original, 44100, model=NAME, device="cpu"), device="cpu")
    assert (rate, decoded.shape) == (44100, original.shape)


@pytest.mark.parametrize("kbps", [6, 16, 48, 128])
def test_bitrate_lands_within_three_per_cent(original: np.ndarray, kbps: float) -> None:
    data = aez.encode(original, 44100, bitrate=kbps, model=NAME, device="cpu")
    assert len(data) / 125 / SECONDS == pytest.approx(kbps, rel=0.03)


def test_tiers_stand_in_order_on_the_frontier() -> None:
    model = by_name(NAME)
    assert model.latents == (32, 64, 128, 256, 512, 1024)
    bounds = [model.card["tiers"][str(tier)]["from_kbps"] for tier in model.latents]
    assert bounds == sorted(bounds)
    assert bounds[0] == 0
