"""Models: where their folders lie, and how they are found by name or by bitstream.

A model is one bitstream, an encoder for it, and any number of decoders:

    model.json                          its card (`codec.runtime.cards`)
    tables.npz                          the tables that a file's bits depend on; their hash is the bitstream id
    encoder.onnx
    decoders/NAME/decoder.onnx
    decoders/NAME/noise.npy             ranked models only
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from codec.runtime import cards, trust
from codec.runtime.model_folder import GRAPH_LIMIT, ModelFolder
from formats.errors import ModelError
from formats.grid import HYPER_PER_FRAME

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from formats.model import AnyTables
    from formats.model.tables import Tables

DEFAULT = "music"
"""The model that encoding uses by default."""

TABLES_LIMIT = 1 << 24
"""Bytes of tables.npz, at most."""


class DecoderNetwork(NamedTuple):
    """One decoder of a model's files.

    Attributes:
        name: by which users choose it.
        graph: bytes of decoder.onnx.
        noise: int8 [2, 126, 1400], noise pattern for coefficients that were not sent, with short and with long windows;
            None for plain models.
        context: frames on either side of a frame that the network uses.
    """

    name: str
    graph: bytes
    noise: NDArray[np.int8] | None
    context: int


class Model(ModelFolder):
    """One model: a bitstream, its encoder, and its decoders; read lazily.

    Raises:
        ModelError: a file is missing, or is not the one that the card names.
    """

    CARD = "model.json"
    NOUN = "model"

    @cached_property
    def _facts(self) -> cards.ModelCard:
        try:
            return cards.model_card(self.card)
        except cards.CardError as error:
            raise self.bad_card(error) from None

    @property
    def id(self) -> bytes:
        """The bitstream id that the card states: eight bytes, as in the headers of files."""
        return self._facts.bitstream

    @property
    def kind(self) -> str:
        """One of `cards.KINDS`."""
        return self._facts.kind

    @property
    def transform(self) -> str:
        """One of `cards.TRANSFORMS`."""
        return self._facts.transform

    @cached_property
    def tables(self) -> AnyTables:
        """The tables that the bits of a file depend on, checked against the bitstream id of the card."""
        from formats.model.plain_tables import PlainTables  # imported here, so that `aez info` starts without NumPy
        from formats.model.tables import Tables

        data = self.read("tables.npz", TABLES_LIMIT)
        tables: AnyTables = Tables.from_bytes(data) if self.kind == "ranked" else PlainTables.from_bytes(data)
        if isinstance(tables, PlainTables) and self.latents[-1] > len(tables.intercept):
            raise ModelError(f"model {self.name!r} has {len(tables.intercept)} latents, fewer than its card says")
        if tables.bitstream_id() != self.id:
            raise ModelError(f"tables.npz of model {self.name!r} is not the one that its card names")
        return tables

    @property
    def ranked_tables(self) -> Tables:
        """`tables` of a ranked model.

        Raises:
            ModelError: this is a plain model, which has no scales to predict.
        """
        from formats.model.tables import Tables

        if not isinstance(self.tables, Tables):
            raise ModelError(f"model {self.name!r} does not rank its latents")
        return self.tables

    @cached_property
    def encoder(self) -> bytes:
        """Bytes of encoder.onnx."""
        return self.read_as("encoder.onnx", GRAPH_LIMIT, self.encoder_sha256)

    @property
    def encoder_sha256(self) -> str:
        """Hash of encoder.onnx that the card states."""
        return self._facts.encoder.sha256

    @property
    def encoder_context(self) -> int:
        """Frames on either side of a frame that the encoder uses."""
        return self._facts.encoder.context

    @property
    def decoder_names(self) -> tuple[str, ...]:
        """Names of the decoders, the default one first."""
        default = self._facts.decoder
        return (default, *(name for name in self._facts.decoders if name != default))

    def decoder_entry(self, name: str | None = None) -> tuple[str, cards.NetworkEntry]:
        """Name of the named decoder, or of the default one, and what the card says about it.

        Raises:
            ModelError: there is no such decoder.
        """
        wanted = self._facts.decoder if name is None else name
        entry = self._facts.decoders.get(wanted) if isinstance(wanted, str) else None
        if entry is None:
            known = ", ".join(self.decoder_names)
            raise ModelError(f"model {self.name!r} has no decoder {wanted!r}; it has {known}")
        return wanted, entry

    def decoder(self, name: str | None = None) -> DecoderNetwork:
        """The named decoder, or the default one.

        Raises:
            ModelError: there is no such decoder, or its files are not those that the card names.
        """
        wanted, entry = self.decoder_entry(name)
        place = f"decoders/{wanted}"
        graph = self.read_as(f"{place}/decoder.onnx", GRAPH_LIMIT, entry.sha256)
        if not entry.noise_sha256:
            return DecoderNetwork(wanted, graph, None, entry.context)
        from codec.runtime import noise_pattern

        raw = self.read_as(f"{place}/noise.npy", noise_pattern.SIZE_LIMIT, entry.noise_sha256)
        return DecoderNetwork(wanted, graph, noise_pattern.read(raw), entry.context)

    def gain(self, latent: int) -> int:
        """Default gain of a tier, in 1/32 octave, from the measured frontier.

        Raises:
            ModelError: the model has no such tier.
        """
        try:
            return self._facts.tiers[latent].gain
        except KeyError:
            known = ", ".join(map(str, self.latents))
            raise ModelError(f"model {self.name!r} has no tier of {latent} latents; it has {known}") from None

    @property
    def latents(self) -> tuple[int, ...]:
        """Tiers of this model in latents per frame, ascending; the latents of each are a prefix of the next."""
        return tuple(self._facts.tiers)

    @property
    def default_latent(self) -> int:
        """The tier that encoding uses by default, in latents per frame."""
        return self._facts.default_latent

    def main_count(self, latent: int) -> int:
        """Main latents per frame of a tier of `latent` latents."""
        return latent - HYPER_PER_FRAME if self.kind == "ranked" else latent

    def tier_for(self, kbps: float) -> int:
        """The best tier, by the measured frontier, at `kbps` kbit/s (1000 bit/s)."""
        tiers = self._facts.tiers
        return max((latent for latent in tiers if tiers[latent].from_kbps <= kbps), default=self.latents[0])


class MissingModelError(ModelError):
    """No model has the bitstream that a file names, or none that runs without being named."""


class OtherModelError(ModelError):
    """The model that was named has another bitstream than the file."""


F = TypeVar("F", bound=ModelFolder)


def shipped_folders() -> list[Path]:
    """Folders of models that need not be named: in the package, or beside it in the clone."""
    here = Path(__file__).parent.parent
    return [here / "models", here.parent / "models"]


def named_folders() -> list[Path]:
    """The folders that the environment variable AEZ_MODELS names."""
    return [Path(part) for part in os.environ.get("AEZ_MODELS", "").split(os.pathsep) if part]


def folders() -> list[Path]:
    """Folders that are searched for models: those of AEZ_MODELS first, then those of the package or the clone."""
    return [*named_folders(), *shipped_folders()]


def is_shipped(folder: Path) -> bool:
    """Whether a folder of models belongs to the package or the clone, and is not named by AEZ_MODELS."""
    return folder in shipped_folders() and folder not in named_folders()


def all_of(kind: type[F]) -> list[F]:
    """Every model folder of a kind; of several with the same name, the first that is found."""
    named: dict[str, F] = {}
    for found in _every(kind):
        named.setdefault(found.name, found)
    return list(named.values())


def first_of(kind: type[F], fits: Callable[[F], bool]) -> tuple[F | None, str]:
    """The first model folder of a kind that fits, whatever its name; in brackets, what is wrong with those before it.

    Folders of the same name hide one another only from users who name them: a broken one in AEZ_MODELS takes no file
    from the model that it hides. Nor does one of the user's own in a clone take files from the package's: one that runs
    unnamed comes before those that have to be named.
    """
    to_be_named: F | None = None
    broken = ""
    for found in _every(kind):
        try:
            if not fits(found):
                continue
        except ModelError as error:
            broken += f" ({error})"
            continue
        if found.runs_unnamed:
            return found, broken
        to_be_named = to_be_named or found
    return to_be_named, broken


def _every(kind: type[F]) -> Iterator[F]:
    for folder in folders():
        with contextlib.suppress(OSError):  # a folder that cannot be read has no models
            for card in sorted(folder.glob(f"*/{kind.CARD}")):
                yield kind(card.parent, is_shipped(folder))


def one_of(kind: type[F], name: str, *, by_path: bool = True) -> F:
    """The model folder of a kind by its name or, with `by_path`, by its path if none has this name.

    A folder that is no model of the package is trusted, because it was named.

    Raises:
        ModelError: there is no such folder.
    """
    if not isinstance(name, str | os.PathLike):
        raise ModelError(f"a {kind.NOUN} is given by its name or the path of its folder, not {name!r}")
    installed = all_of(kind)
    for found in installed:
        if found.name == name:
            # A name that the package does not have is one of the user's own models, which runs because it was named.
            return found if trust.lists(name) else kind(found.folder)
    with contextlib.suppress(OSError, ValueError):  # the name may not be a valid path
        if by_path and name and (Path(name) / kind.CARD).is_file():
            return kind(Path(name).resolve())
    known = ", ".join(found.name for found in installed) or "none"
    raise ModelError(f"there is no {kind.NOUN} {name!r}; installed: {known}")


def installed() -> list[Model]:
    """Every model; of several with the same name, the first that is found."""
    return all_of(Model)


def by_name(name: str | None = None) -> Model:
    """A model by its name or by the path of its folder; the default model if None.

    Raises:
        ModelError: there is no such model.
    """
    return one_of(Model, DEFAULT if name is None else name, by_path=name is not None)


def by_id(wanted: bytes) -> Model:
    """The first installed model with a bitstream id that runs without being named.

    Raises:
        MissingModelError: there is none.
    """
    found, broken = first_of(Model, lambda model: model.id == wanted)
    if found is None:
        raise MissingModelError(
            f"the file needs a model of bitstream {wanted.hex()}, which is not installed; a newer aez may bring it, or "
            f"name the folder that holds it, or put that where AEZ_MODELS points{broken}"
        )
    if not found.runs_unnamed:
        raise MissingModelError(
            f"the file needs a model of bitstream {wanted.hex()}; {found.name!r} is one, and runs if it is named"
        )
    return found


def for_file(bitstream: bytes, named: str | None = None) -> Model:
    """The model for a file: the named one or, if None, the first installed one with the file's bitstream.

    Args:
        bitstream: the id in the file's header.
        named: name of an installed model, or path of a model's folder.

    Raises:
        MissingModelError: none is named, and none is installed that runs without that; OtherModelError: the named one
            has another bitstream; ModelError: there is none of that name.
    """
    if named is None:
        return by_id(bitstream)
    model = by_name(named)
    if model.id != bitstream:
        known = found_by_id(bitstream)
        other = f", as {known.name!r} is" if known else ""
        raise OtherModelError(
            f"the file needs a model of bitstream {bitstream.hex()}{other}; {model.name!r} is of {model.id.hex()}"
        )
    return model


def found_by_id(wanted: bytes) -> Model | None:
    """The model with a bitstream id, to say what is known of it; it need not run without being named."""
    return first_of(Model, lambda model: model.id == wanted)[0]


def called(wanted: bytes) -> str:
    """Name of the installed model with this bitstream id; the id in hexadecimal digits if there is none."""
    found = found_by_id(wanted)
    return found.name if found else wanted.hex()
