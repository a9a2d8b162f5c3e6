"""Genre classifiers: folders beside the models, with genre.onnx and genre.json, their card.

A classifier has no model.json, and so is no model; its card lists the ids of the bitstream definitions whose integers
it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from codec.runtime import cards, models
from codec.runtime.model_folder import GRAPH_LIMIT, ModelFolder
from formats.errors import ModelError

GRAPH, CARD = "genre.onnx", "genre.json"

FEATURES = 1
"""Version of `codec.inspection.genre.features`; a card names the one that its graph takes."""


@dataclass(frozen=True)
class Classifier(ModelFolder):
    """One classifier folder, read lazily.

    Raises:
        ModelError: a part is missing, or is not what the card says.
    """

    CARD = CARD
    NOUN = "classifier"

    @cached_property
    def _facts(self) -> cards.ClassifierCard:
        try:
            facts = cards.classifier_card(self.card)
        except cards.CardError as error:
            raise self.bad_card(error) from None
        if facts.features != FEATURES:
            raise ModelError(f"classifier {self.name!r} was made for another version of aez")
        return facts

    @property
    def classes(self) -> list[str]:
        """Names of the genres, in the order of the graph's logits."""
        return list(self._facts.classes)

    @cached_property
    def graph(self) -> bytes:
        """genre.onnx."""
        return self.read_as(GRAPH, GRAPH_LIMIT, self._facts.sha256)

    def knows(self, bitstream: bytes) -> bool:
        """Whether it was trained on integers of the bitstream definition with this id."""
        return bitstream in self._facts.bitstreams


def installed() -> list[Classifier]:
    """Every classifier in the folders where models are, by name; the first of a name counts."""
    return models.all_of(Classifier)


def by_name(name: str) -> Classifier:
    """The named classifier, or a classifier's folder by its path.

    Raises:
        ModelError: there is none such.
    """
    return models.one_of(Classifier, name, by_path=bool(name))


def for_model(bitstream: bytes) -> Classifier:
    """The first installed classifier that was trained for the bitstream definition with this id.

    Raises:
        ModelError: there is none.
    """
    broken = []
    for classifier in installed():
        try:
            if classifier.knows(bitstream):
                return classifier
        except ModelError as error:  # a broken classifier hides no other one
            broken.append(f" ({error})")
    raise ModelError(f"no installed classifier was trained for {_called(bitstream)}{''.join(broken)}")


def check(classifier: Classifier, bitstream: bytes) -> None:
    """Raise ModelError where the classifier was not trained for the bitstream definition with this id."""
    if not classifier.knows(bitstream):
        raise ModelError(f"classifier {classifier.name!r} was not trained for {_called(bitstream)}")


def _called(bitstream: bytes) -> str:
    return f"the file's model {models.called(bitstream)}"
