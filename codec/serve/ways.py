"""How the songs of a server are played: decoded by the browser or, where its player cannot run their model, here."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from codec.player.model_files import model_files
from codec.runtime.models import MissingModelError, Model, by_name
from codec.runtime.named_models import NamedModels
from codec.serve.library import Song
from formats.errors import ModelError


@dataclass(frozen=True)
class Way:
    """How the songs of a bitstream are played.

    Attributes:
        files: their model in the player's form, by name, where browsers decode them; None where they cannot.
        missing: why nobody can decode them, in a line; empty where at least the server can.
    """

    files: Mapping[str, bytes] | None = None
    missing: str = ""


class Ways:
    """Ways by bitstream; each model is looked for and converted once. For many threads."""

    def __init__(self, models: NamedModels, *, in_browsers: bool, encoded: bytes = b"") -> None:
        """Nothing is converted yet.

        Args:
            models: of the songs.
            in_browsers: whether the player was built; without it, everything is decoded here.
            encoded: bitstream of what is encoded on demand.
        """
        self._models, self._in_browsers, self._encoded = models, in_browsers, encoded
        self._lock = threading.Lock()
        self._known: dict[bytes, Way] = {}

    def of(self, song: Song) -> Way:
        """Return how a song is played; the first of its bitstream takes a second."""
        bitstream = song.bitstream if song.coded else self._encoded
        if not bitstream:
            return Way({})  # the file is damaged, which whoever decodes it finds out
        return self._way(bitstream)

    def row(self, song: Song) -> dict[str, str]:
        """Return what a list has to say of a song that browsers cannot decode: why, or where its wav is."""
        way = self.of(song)
        if way.missing:
            return {"problem": way.missing}
        return {"wav": f"songs/{song.id}.wav"} if way.files is None else {}

    def file(self, bitstream: str, name: str) -> bytes | None:
        """Return a file of a model that browsers load; None where there is none, or no song of that bitstream."""
        for known in {model.id for model in self._models.at_hand} | self._known.keys():
            if known.hex() == bitstream:
                return (self._way(known).files or {}).get(name)
        return None

    def prepare(self) -> None:
        """Convert the models at hand, so that nobody has to wait for that."""
        with contextlib.suppress(ModelError):  # of the default model, of which whoever asks for it is told
            for model in self._models.at_hand:
                self._way(model.id)

    @property
    def first(self) -> Model:
        """The model that a page loads at once: the first at hand of the kind that browsers run."""
        return next((model for model in self._models.at_hand if model.kind == "ranked"), None) or by_name()

    def _way(self, bitstream: bytes) -> Way:
        with self._lock:
            if bitstream not in self._known:
                self._known[bitstream] = self._find(bitstream)
            return self._known[bitstream]

    def _find(self, bitstream: bytes) -> Way:
        try:
            model = self._models.of(bitstream)
        except MissingModelError:
            missing = f"the song was made with a model that this server does not have, of bitstream {bitstream.hex()}"
            return Way(missing=f"{missing}; whoever runs it can add the model: aez serve --model")
        except ModelError as error:
            return Way(missing=str(error))
        try:
            return Way(model_files(model) if self._in_browsers else None)
        except ModelError:
            return Way()  # the player cannot run it; if it is broken, too, that is told where it is to decode a song
