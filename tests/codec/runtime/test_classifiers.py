"""Genre classifiers: which there are, which bitstreams they know, and that they are what their cards say."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from codec.runtime import classifiers, models, trust
from codec.runtime.classifiers import FEATURES, Classifier
from formats.errors import ModelError
from tests.support.model_folders import change_card, flip, one_line
from tests.support.onnx_graphs import if_graph

BITSTREAM, OTHER = bytes(range(8)), bytes(8)


def made(folder: Path, bitstreams: list[bytes], **more: Any) -> Path:
    """A classifier folder with some network."""
    folder.mkdir(parents=True)
    graph = if_graph().SerializeToString()
    (folder / "genre.onnx").write_bytes(graph)
    card = {
        "classes": ["Rock", "Folk"],
        "bitstreams": [bitstream.hex() for bitstream in bitstreams],
        "features": FEATURES,
        "certain_from": 0.5,
        "sha256": hashlib.sha256(graph).hexdigest(),
        **more,
    }
    (folder / "genre.json").write_text(json.dumps(card))
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A classifier, the only one that is installed."""
    monkeypatch.setattr(models, "folders", lambda: [tmp_path])
    return made(tmp_path / "guess", [BITSTREAM])


def test_a_classifier_by_name_path_and_bitstream(folder: Path, tmp_path: Path) -> None:
    for found in (classifiers.by_name("guess"), classifiers.by_name(str(folder)), classifiers.for_model(BITSTREAM)):
        assert (found.name, found.folder, found.classes) == ("guess", folder, ["Rock", "Folk"])
        assert found.graph == (folder / "genre.onnx").read_bytes()
        assert found.knows(BITSTREAM) and not found.knows(OTHER)
        classifiers.check(found, BITSTREAM)
        with pytest.raises(ModelError, match=f"'guess' was not trained for the file's model {OTHER.hex()}"):
            classifiers.check(found, OTHER)
    assert not models.installed()
    with pytest.raises(ModelError, match=f"no installed classifier was trained for the file's model {OTHER.hex()}"):
        classifiers.for_model(OTHER)


def test_one_of_ones_own_in_a_clone_takes_no_file_from_the_package(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "another", [BITSTREAM, OTHER])
    monkeypatch.setattr(models, "is_shipped", lambda _: True)
    monkeypatch.setattr(trust, "lists", lambda name: name == "guess")
    assert classifiers.for_model(BITSTREAM).name == "guess"
    with pytest.raises(ModelError, match=r"'another' was trained for the file's model .*, and runs if it is named"):
        classifiers.for_model(OTHER)


@pytest.mark.parametrize("name", ["other", "", "..", "\0", "a" * 5000], ids=ascii)
def test_names_that_are_no_classifiers(folder: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"there is no classifier .*; installed: guess") as error:
        classifiers.by_name(name)
    one_line(error.value)


def test_a_changed_network_is_refused(folder: Path) -> None:
    flip(folder / "genre.onnx")
    with pytest.raises(ModelError, match=r"genre\.onnx of classifier 'guess' is not the one that its card names"):
        classifiers.by_name("guess").graph  # noqa: B018


def test_features_of_another_version_are_refused(folder: Path) -> None:
    change_card(folder, lambda card: card.update(features=FEATURES + 1), "genre.json")
    with pytest.raises(ModelError, match="made for another version of aez"):
        Classifier(folder).classes  # noqa: B018


@pytest.mark.parametrize("card", [b"", b"{", b"[]", b"[" * 100_000, b'{"classes": ["a"]}', b'{"classes": 1e999}'])
def test_a_broken_card_is_one_error_and_hides_no_other_classifier(folder: Path, card: bytes, tmp_path: Path) -> None:
    broken = made(tmp_path / "broken", [BITSTREAM])
    (broken / "genre.json").write_bytes(card)
    with pytest.raises(ModelError, match="classifier 'broken' has a card that cannot be read: ") as error:
        classifiers.by_name("broken").classes  # noqa: B018
    one_line(error.value)
    assert classifiers.for_model(BITSTREAM).name == "guess"
