"""Genre classifiers: folders beside the models, with genre.onnx and genre.json, their card.

A classifier's folder has no model.json. Its card lists the ids of the bitstreams on whose integers the classifier was
trained.
"""

from __future__ import annotations

from functools import cached_property

from codec.runtime import cards, models
from codec.runtime.model_folder import GRAPH_LIMIT, ModelFolder
from formats.errors import ModelError

GRAPH, CARD = "genre.onnx", "genre.json"

FEATURES = 1
"""Version of `codec.inspection.genre.features`; a card names the version that its graph was trained for."""


class Classifier(ModelFolder):
    """One classifier folder, read lazily.

    Raises:
        ModelError: a file is missing, or is not the one that the card names.
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

    @property
    def certain_from(self) -> float:
        """Probability of the likeliest genre from which on the answer is not "uncertain"."""
        return self._facts.certain_from

    @cached_property
    def graph(self) -> bytes:
        """genre.onnx."""
        return self.read_as(GRAPH, GRAPH_LIMIT, self._facts.sha256)

    def knows(self, bitstream: bytes) -> bool:
        """Whether it was trained on integers of the bitstream definition with this id."""
        return bitstream in self._facts.bitstreams


def installed() -> list[Classifier]:
    """Every classifier in the folders of models; of several with the same name, the first that is found."""
    return models.all_of(Classifier)


def by_name(name: str) -> Classifier:
    """A classifier by its name, or by the path of its folder.

    Raises:
        ModelError: there is no such classifier.
    """
    return models.one_of(Classifier, name)


def for_model(bitstream: bytes) -> Classifier:
    """The first installed classifier that was trained for this bitstream and runs without being named.

    Raises:
        ModelError: there is none.
    """
    found, broken = models.first_of(Classifier, lambda classifier: classifier.knows(bitstream))
    if found is None:
        raise ModelError(f"no installed classifier was trained for {_called(bitstream)}{broken}")
    if not found.runs_unnamed:
        raise ModelError(f"classifier {found.name!r} was trained for {_called(bitstream)}, and runs if it is named")
    return found


def check(classifier: Classifier, bitstream: bytes) -> None:
    """Raise ModelError where the classifier was not trained for the bitstream definition with this id."""
    if not classifier.knows(bitstream):
        raise ModelError(f"classifier {classifier.name!r} was not trained for {_called(bitstream)}")


def _called(bitstream: bytes) -> str:
    return f"the file's model {models.called(bitstream)}"
