"""Cards of shipped models and classifiers: complete, true to the files beside them, and without old names."""

import re
from pathlib import Path

import pytest

from codec.runtime.classifiers import Classifier
from codec.runtime.models import DEFAULT, Model
from training.ship import golden, pin

FOLDERS = pin.listed()
MODELS = golden.shipped()
CLASSIFIERS = [Classifier(folder) for folder in FOLDERS if (folder / Classifier.CARD).exists()]
KEYS = ["id", "date", "history", "kind", "transform", "default_latent", "tiers", "encoder", "decoder", "decoders"]
TOLD = ["training", "data"]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_model_is_what_its_card_says(model: Model) -> None:
    assert [key for key in model.card if key in KEYS] == KEYS
    assert set(TOLD) <= set(model.card)
    assert model.tables.bitstream_id() == model.id
    assert model.encoder
    for name in model.decoder_names:
        assert model.decoder(name).graph
        assert (model.decoder(name).noise is None) == (model.kind == "plain")
        assert model.card["decoders"][name]["parity_with_torch"] < 1e-4
    assert model.card["encoder"]["parity_with_torch"] < 1e-4
    assert all(abs(model.gain(latent)) < 200 for latent in model.latents)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_folder_has_no_decoder_that_its_card_does_not_name(model: Model) -> None:
    assert {path.name for path in (model.folder / "decoders").iterdir()} == set(model.decoder_names)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_date_history_and_attribution(folder: Path) -> None:
    found = Model(folder) if (folder / Model.CARD).exists() else Classifier(folder)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", found.card["date"])
    assert found.card["history"]
    assert all(re.match(r"20\d\d-\d\d-\d\d (?!20\d\d-)", line) for line in found.card["history"])
    assert found.card["data"]["licences"]
    assert (folder / found.card["data"].get("attribution", "ATTRIBUTION.md")).is_file()
    assert not re.search(r"\d", folder.name)  # versions stand in the card


def test_the_default_model_has_a_classifier() -> None:
    (default,) = (model for model in MODELS if model.name == DEFAULT)
    assert any(classifier.knows(default.id) for classifier in CLASSIFIERS)
    assert default.default_latent in default.latents


def test_no_two_models_have_the_same_bitstream() -> None:
    assert len({model.id for model in MODELS}) == len(MODELS)
