"""The models of songs of several models: those that the user named, and behind them those that are installed."""

from __future__ import annotations

from collections.abc import Sequence

from codec.runtime.models import Model, by_id, by_name


class NamedModels:
    """Finds the model of a song by its bitstream. For many threads."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        """Look models up.

        Args:
            names: names of models or paths of their folders; of several with one bitstream, the first is taken. They
                come before what is installed.

        Raises:
            ModelError: there is no such model, or a file of it is missing or is not the one that its card names.
        """
        self._named: dict[bytes, Model] = {}
        self._installed: dict[bytes, Model] = {}
        for name in names:
            model = by_name(name)
            _ = model.tables, model.decoder()  # what is damaged is told now, and not to a listener
            self._named.setdefault(model.id, model)

    def of(self, bitstream: bytes) -> Model:
        """Return the model of a bitstream, always the same one.

        Raises:
            MissingModelError: none was named that has it, and none is installed that runs without being named.
        """
        found = self._named.get(bitstream) or self._installed.get(bitstream)
        return found or self._installed.setdefault(bitstream, by_id(bitstream))

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
