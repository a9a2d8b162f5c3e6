"""What shipped models measure on the demo song: floors under their quality, and ceilings over their rates.

`python -m training floors` writes the floors into a model's card, and `python -m training ship` does so for a new one.
"""

import pytest

from formats.grid import nominal_kbps
from training.ship import floors, golden

MODELS = {model.name: model for model in golden.shipped()}
TIERS = [(name, latent) for name, model in MODELS.items() for latent in model.latents]


@pytest.mark.parametrize("name", MODELS)
def test_every_decoder_has_a_floor_at_every_tier(name: str) -> None:
    model = MODELS[name]
    assert set(model.card["floors"]) == set(model.decoder_names)
    for tiers in model.card["floors"].values():
        assert set(tiers) == {str(latent) for latent in model.latents}


@pytest.mark.parametrize(("name", "latent"), TIERS)
def test_quality_floor_and_rate_ceiling(name: str, latent: int) -> None:
    model = MODELS[name]
    for decoder, found in floors.measure(model, latent).items():
        floor = model.card["floors"][decoder][str(latent)]
        assert found.mel <= floor["mel"]
        assert found.si_sdr >= floor["si_sdr"]
        assert found.kbps < nominal_kbps(latent) * 1.024
