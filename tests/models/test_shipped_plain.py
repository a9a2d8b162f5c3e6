"""The plain autoencoders of the study, which stand in the clone: what they are, and that more latents are better."""

import io

import aez
import numpy as np
import pytest

from codec.audio.demo import song
from codec.runtime.models import by_name
from formats import Reader
from training.metrics.clip import si_sdr

SECONDS = 6


@pytest.fixture(scope="module")
def original() -> np.ndarray:
    return np.concatenate(list(song(SECONDS)), 1)


@pytest.fixture(autouse=True)
def _shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEZ_MODELS", raising=False)


@pytest.mark.parametrize("name", ["dense", "time"])
def test_every_latent_count_adds_quality(name: str, original: np.ndarray) -> None:
    quality = []
    for latent in by_name(name).latents:
        data = aez.encode(original, 44100, latent=latent, model=name, device="cpu")
        assert Reader(io.BytesIO(data)).header.latent == latent
        decoded, rate = aez.decode(data, device="cpu")
        assert (rate, decoded.shape) == (44100, original.shape)
        quality.append(si_sdr(original, decoded))
    assert quality == sorted(quality)
    assert quality[-1] > {"dense": 4.6, "time": 2.0}[name]


@pytest.mark.parametrize(
    ("name", "transform", "latent"), [("dense", "mdct", 512), ("time", "frames", 175)], ids=["dense", "time"]
)
def test_their_cards_say_what_they_are(name: str, transform: str, latent: int) -> None:
    model = by_name(name)
    assert (model.kind, model.transform) == ("plain", transform)
    assert model.default_latent == model.latents[-1] == latent
    assert len(model.encoder) + len(model.decoder().graph) < 6_000_000
