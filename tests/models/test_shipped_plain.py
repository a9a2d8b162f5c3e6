"""The plain autoencoders that come with the package, through the real calls: floors under what they measured."""

import io

import aez
import numpy as np
import pytest

from codec.audio.demo import song
from codec.runtime.models import by_name
from formats import Reader
from formats.grid import nominal_kbps

SECONDS = 6


@pytest.fixture(scope="module")
def original() -> np.ndarray:
    return np.concatenate(list(song(SECONDS)), 1)


@pytest.fixture(autouse=True)
def _shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEZ_MODELS", raising=False)


def si_sdr(x: np.ndarray, y: np.ndarray) -> float:
    target = (x * y).sum() / (x * x).sum() * x
    return float(10 * np.log10((target**2).sum() / ((y - target) ** 2).sum()))


@pytest.mark.parametrize("name", ["dense", "time"])
def test_every_latent_count_adds_quality_under_its_ceiling(name: str, original: np.ndarray) -> None:
    quality = []
    for latent in by_name(name).latents:
        data = aez.encode(original, 44100, latent=latent, model=name, device="cpu")
        assert len(data) / 125 / SECONDS < nominal_kbps(latent) * 1.024
        assert Reader(io.BytesIO(data)).header.latent == latent
        decoded, rate = aez.decode(data, device="cpu")
        assert (rate, decoded.shape) == (44100, original.shape)
        quality.append(si_sdr(original, decoded))
    assert quality == sorted(quality)
    assert quality[-1] > {"dense": 4.6, "time": 2.0}[name]


@pytest.mark.parametrize("name", ["dense", "time"])
def test_their_cards_say_what_they_are(name: str) -> None:
    model = by_name(name)
    assert (model.kind, model.transform) == ("mixed", {"dense": "mdct", "time": "frames"}[name])
    assert model.default_latent == model.latents[-1] == {"dense": 512, "time": 175}[name]
    assert model.card["data"]["licences"]
    assert (model.folder / model.card["data"]["attribution"]).is_file()
    assert len(model.encoder) + len(model.decoder) < 6_000_000
