"""Where genre classifiers lie, and that they are what their cards say.

A classifier is a folder beside the codec models: genre.onnx and genre.json, its card. It has no model.json, and so is
no codec model; its card lists the ids of the codec models whose integers it was trained on.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from codec.runtime import models, trust
from formats.errors import ModelError

GRAPH, CARD = "genre.onnx", "genre.json"

FEATURES = 1
"""Version of `codec.inspection.genre.features`; a card names the one that its graph takes."""


@dataclass(frozen=True)
class Classifier:
    """One classifier folder, read lazily.

    Raises:
        ModelError: a part is missing, or is not what the card says.
    """

    folder: Path
    shipped: bool = False

    @property
    def name(self) -> str:
        """Name of the folder: what `--classifier` takes."""
        return self.folder.name

    @cached_property
    def card(self) -> dict[str, Any]:
        """genre.json: classes, codec_models (ids in hex), features, sha256 of the graph."""
        try:
            card = json.loads(self._read(CARD))
            strings = (*card["classes"], *card["codec_models"], card["sha256"])
            if not card["classes"] or not all(isinstance(value, str) for value in strings):
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise ModelError(f"classifier {self.name!r} has a card that cannot be read") from None
        if card.get("features") != FEATURES:
            raise ModelError(f"classifier {self.name!r} was made for another version of aez")
        return dict(card)

    @property
    def classes(self) -> list[str]:
        """Names of the genres, in the order of the graph's logits."""
        return list(self.card["classes"])

    @cached_property
    def graph(self) -> bytes:
        """genre.onnx; its hash is the card's."""
        data = self._read(GRAPH)
        if self.shipped:  # nobody named it
            trust.check(self.name, GRAPH, data)
        if hashlib.sha256(data).hexdigest() != self.card["sha256"]:
            raise ModelError(f"the network of classifier {self.name!r} is not the one its card names")
        return data

    def knows(self, model: bytes) -> bool:
        """Whether it was trained on integers of the codec model with this id."""
        return model.hex() in self.card["codec_models"]

    def _read(self, part: str) -> bytes:
        try:
            return (self.folder / part).read_bytes()
        except OSError:
            raise ModelError(f"classifier {self.name!r} lacks {part}") from None


def installed() -> list[Classifier]:
    """Every classifier in the folders where models are, by name; the first of a name counts."""
    found: dict[str, Classifier] = {}
    for folder in models.folders():
        for card in sorted(folder.glob(f"*/{CARD}")):
            found.setdefault(card.parent.name, Classifier(card.parent, models.is_shipped(folder)))
    return list(found.values())


def by_name(name: str) -> Classifier:
    """The named classifier, or a classifier's folder by its path.

    Raises:
        ModelError: there is none such.
    """
    for classifier in installed():
        if classifier.name == name:
            return classifier
    if (Path(name) / CARD).is_file():
        return Classifier(Path(name).resolve())
    known = ", ".join(classifier.name for classifier in installed()) or "none"
    raise ModelError(f"there is no classifier {name!r}; installed: {known}")


def for_model(model: bytes) -> Classifier:
    """The first installed classifier that was trained for the codec model with this id.

    Raises:
        ModelError: there is none.
    """
    for classifier in installed():
        if classifier.knows(model):
            return classifier
    raise ModelError(f"no installed classifier was trained for {_called(model)}")


def check(classifier: Classifier, model: bytes) -> None:
    """ModelError where the classifier was not trained for the codec model with this id."""
    if not classifier.knows(model):
        raise ModelError(f"classifier {classifier.name!r} was not trained for {_called(model)}")


def _called(model: bytes) -> str:
    return f"the file's codec model {models.called(model)}"
