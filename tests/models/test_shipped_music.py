"""The model that comes with the package, through the real calls: a floor under its quality and its rates."""

import aez
import numpy as np
import pytest

from codec.audio.demo import song
from codec.runtime.models import by_name
from formats.grid import nominal_kbps
from training.metrics.spectral import mel_distance

SECONDS = 12
NAME = "music6"  # by name: other tests make the tiny model the default


@pytest.fixture(scope="module")
def original() -> np.ndarray:
    return np.concatenate(list(song(SECONDS)), 1)


@pytest.fixture(autouse=True)
def _shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEZ_MODELS", raising=False)


def si_sdr(x: np.ndarray, y: np.ndarray) -> float:
    target = (x * y).sum() / (x * x).sum() * x
    return float(10 * np.log10((target**2).sum() / ((y - target) ** 2).sum()))


# Mel distance and SI-SDR, a tenth off what the model measured when it was made; the song is hard, noise and clicks.
FLOORS = {
    32: (1.58, -0.2),
    64: (1.49, -0.2),
    128: (1.30, 0.47),
    256: (1.30, 0.87),
    512: (1.20, 2.86),
    1024: (0.89, 7.54),
}


@pytest.mark.parametrize("latent", FLOORS)
def test_quality_floor_and_rate_ceiling(original: np.ndarray, latent: int) -> None:
    data = aez.encode(original, 44100, latent=latent, model=NAME, device="cpu")
    assert len(data) / 125 / SECONDS < nominal_kbps(latent) * 1.024
    decoded, rate = aez.decode(data, device="cpu")
    assert rate == 44100
    assert decoded.shape == original.shape
    most, least = FLOORS[latent]
    assert mel_distance(original, decoded) < most
    assert si_sdr(original, decoded) > least


@pytest.mark.parametrize("kbps", [6, 16, 48, 128])
def test_bitrate_lands_within_three_per_cent(original: np.ndarray, kbps: float) -> None:
    data = aez.encode(original, 44100, bitrate=kbps, model=NAME, device="cpu")
    assert len(data) / 125 / SECONDS == pytest.approx(kbps, rel=0.03)


def test_tiers_stand_in_order_on_the_frontier() -> None:
    tiers = by_name(NAME).card["tiers"]
    assert list(tiers) == [str(tier) for tier in FLOORS]
    bounds = [tiers[str(tier)]["from_kbps"] for tier in FLOORS]
    assert bounds == sorted(bounds)
    assert bounds[0] == 0
