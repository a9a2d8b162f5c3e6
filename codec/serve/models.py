"""The models of the songs that a page or a server has: those that the user named, and those that are installed."""

from __future__ import annotations

from collections.abc import Sequence

from codec.runtime import trust
from codec.runtime.models import MissingModelError, Model, by_id, by_name


class Models:
    """Finds the model of a song by its bitstream."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        """Look models up.

        Args:
            names: names of models or paths of their folders; of several with one bitstream, the first is taken. They
                come before what is installed.

        Raises:
            ModelError: there is no such model, or a file of it is missing or is not the one that its card names.
        """
        self._named: dict[bytes, Model] = {}
        for name in names:
            model = by_name(name)
            _ = model.tables, model.decoder()  # what is damaged is told now, and not to a listener
            self._named.setdefault(model.id, model)

    def of(self, bitstream: bytes) -> Model:
        """Return the model of a bitstream.

        Raises:
            MissingModelError: none was named that has it, and none is installed that need not be named.
        """
        if bitstream in self._named:
            return self._named[bitstream]
        found = by_id(bitstream)
        if found.shipped and not trust.lists(found.name):
            raise MissingModelError(
                f"the file needs a model of bitstream {bitstream.hex()}; {found.name!r} is one, and runs if it is named"
            )
        return found

    def named(self, bitstream: bytes) -> str | None:
        """Return the folder of the model of a bitstream where the user named it; None where it was found."""
        return str(self._named[bitstream].folder) if bitstream in self._named else None

    @property
    def first(self) -> Model:
        """What the user named first, or else the default model."""
        return next(iter(self._named.values()), None) or by_name()

    @property
    def at_hand(self) -> list[Model]:
        """What the user named, and the default model, unless one of its bitstream was named."""
        default = by_name()
        return list((self._named | ({} if default.id in self._named else {default.id: default})).values())
