"""The base of models and classifiers: a folder with a card, whose files are used only if they are trusted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from codec.runtime import cards, trust
from formats.errors import ModelError

GRAPH_LIMIT = 1 << 28
"""Bytes of a network's file, at most."""


@dataclass(frozen=True)
class ModelFolder:
    """A folder that holds networks and a card, read lazily: base of `Model` and `codec.runtime.classifiers.Classifier`.

    Attributes:
        folder: path of the folder.
        shipped: whether the folder was found without being named by the user; then only files whose hash the package
            knows are used (`codec.runtime.trust`).

    Raises:
        ModelError: a file is missing, or is not the one that the card names.
    """

    folder: Path
    shipped: bool = False

    CARD: ClassVar[str]
    """Name of the card's file, which marks a folder of this kind."""

    NOUN: ClassVar[str]
    """What error texts call a folder of this kind."""

    @property
    def name(self) -> str:
        """Name of the folder, by which users choose it."""
        return self.folder.name

    @property
    def runs_unnamed(self) -> bool:
        """Whether it runs without being named: it came with the package, or lies where AEZ_MODELS points."""
        return not self.shipped or trust.lists(self.name)

    @cached_property
    def card(self) -> dict[str, Any]:
        """The card's JSON object, not checked yet."""
        try:
            return cards.load(self.read(self.CARD, cards.SIZE_LIMIT))
        except cards.CardError as error:
            raise self.bad_card(error) from None

    def bad_card(self, error: cards.CardError) -> ModelError:
        """The error for a broken card."""
        return ModelError(f"{self.NOUN} {self.name!r} has a card that cannot be read: {error}")

    def read(self, part: str, limit: int) -> bytes:
        """Read a file of at most `limit` bytes, by its path in the folder."""
        path = self.folder / part
        try:
            if not path.is_file():  # a pipe would be waited for
                raise FileNotFoundError
            with path.open("rb") as file:
                data = file.read(limit + 1)
        except OSError:
            raise ModelError(f"{self.NOUN} {self.name!r} lacks {part}, or it cannot be read") from None
        if len(data) > limit:
            raise ModelError(f"{part} of {self.NOUN} {self.name!r} is larger than {limit} bytes")
        if self.shipped and part != self.CARD:
            trust.check(self.name, part, data)
        return data

    def read_as(self, part: str, limit: int, sha256: str) -> bytes:
        """Read a file, as `read` does, and compare it with the hash that the card states."""
        import hashlib

        data = self.read(part, limit)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ModelError(f"{part} of {self.NOUN} {self.name!r} is not the one that its card names")
        return data
