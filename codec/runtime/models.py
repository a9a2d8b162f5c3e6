"""Model folders: where they lie, and that they are what their cards say.

A model is one definition of a bitstream and any number of decoders of it:

    model.json                          its card (`codec.runtime.cards`)
    tables.npz                          all that the bits of a file depend on; their hash is the id that files name
    encoder.onnx
    decoders/NAME/decoder.onnx
    decoders/NAME/noise.npy             ranked models only
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

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
"""The model that encoding takes where no other is asked for."""

TABLES_LIMIT = 1 << 24
"""Bytes of tables.npz, at most."""


@dataclass(frozen=True, eq=False)
class Decoder:
    """One decoder of a model's files.

    Attributes:
        name: by which it is asked for.
        graph: decoder.onnx.
        noise: int8 [2, 126, 1400], what unsent coefficients are filled with, for short windows and for long ones; None
            for plain models.
        context: frames on either side of a frame that the network looks at.
    """

    name: str
    graph: bytes
    noise: NDArray[np.int8] | None
    context: int


@dataclass(frozen=True)
class Model(ModelFolder):
    """One model: a definition of a bitstream, its encoder, and its decoders.

    Raises:
        ModelError: a part is missing, or is not what the card says.
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
        """The eight bytes by which files name their bitstream definition, as the card says."""
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
        """All that the bits of a file depend on; they make the id that the card states."""
        from formats.model.plain_tables import PlainTables  # here, because `aez info` needs models' names and no NumPy
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
        """encoder.onnx."""
        return self.read_as("encoder.onnx", GRAPH_LIMIT, self._facts.encoder.sha256)

    @property
    def encoder_context(self) -> int:
        """Frames on either side of a frame that the encoder looks at."""
        return self._facts.encoder.context

    @property
    def decoder_names(self) -> tuple[str, ...]:
        """Names of the decoders, the default one first."""
        default = self._facts.decoder
        return (default, *(name for name in self._facts.decoders if name != default))

    def decoder(self, name: str | None = None) -> Decoder:
        """The named decoder, or the default one.

        Raises:
            ModelError: there is none such, or its files are not those that the card names.
        """
        wanted = self._facts.decoder if name is None else name
        entry = self._facts.decoders.get(wanted)
        if entry is None:
            known = ", ".join(self.decoder_names)
            raise ModelError(f"model {self.name!r} has no decoder {wanted!r}; it has {known}")
        place = f"decoders/{wanted}"
        graph = self.read_as(f"{place}/decoder.onnx", GRAPH_LIMIT, entry.sha256)
        if not entry.noise_sha256:
            return Decoder(wanted, graph, None, entry.context)
        from codec.runtime import noise_pattern

        raw = self.read_as(f"{place}/noise.npy", noise_pattern.SIZE_LIMIT, entry.noise_sha256)
        return Decoder(wanted, graph, noise_pattern.read(raw), entry.context)

    def gain(self, latent: int) -> int:
        """Default gain of a tier, in 1/32 octave, from the measured frontier."""
        return self._tier(latent).gain

    @property
    def latents(self) -> tuple[int, ...]:
        """The latent counts that files of this model may have, rising; every one is a prefix of the next."""
        return tuple(self._facts.tiers)

    @property
    def default_latent(self) -> int:
        """Latents a frame where nobody asks for a number."""
        return self._facts.default_latent

    def main_count(self, latent: int) -> int:
        """Main latents a frame of files of `latent` latents."""
        return latent - HYPER_PER_FRAME if self.kind == "ranked" else latent

    def tier_for(self, kbps: float) -> int:
        """The tier on the measured frontier at a rate of `kbps` 1000 bit/s."""
        tiers = self._facts.tiers
        return max((latent for latent in tiers if tiers[latent].from_kbps <= kbps), default=self.latents[0])

    def _tier(self, latent: int) -> cards.Tier:
        try:
            return self._facts.tiers[latent]
        except KeyError:
            known = ", ".join(map(str, self.latents))
            raise ModelError(f"model {self.name!r} has no tier of {latent} latents; it has {known}") from None


class MissingModelError(ModelError):
    """No installed model has the bitstream definition that a file names."""


F = TypeVar("F", bound=ModelFolder)


def named_folders() -> list[Path]:
    """Where AEZ_MODELS points."""
    return [Path(part) for part in os.environ.get("AEZ_MODELS", "").split(os.pathsep) if part]


def folders() -> list[Path]:
    """Where models are looked for: AEZ_MODELS first, then those that came with the package (or stand in the clone)."""
    return [*named_folders(), *trust.shipped_folders()]


def is_shipped(folder: Path) -> bool:
    """Whether models in this folder are there without anybody's naming it."""
    return folder in trust.shipped_folders() and folder not in named_folders()


def all_of(kind: type[F]) -> list[F]:
    """Every model folder of a kind that can be found, by name; the first of a name counts."""
    found: dict[str, F] = {}
    for folder in folders():
        with contextlib.suppress(OSError):  # a folder that cannot be listed has no models
            for card in sorted(folder.glob(f"*/{kind.CARD}")):
                found.setdefault(card.parent.name, kind(card.parent, is_shipped(folder)))
    return list(found.values())


def one_of(kind: type[F], name: str, *, by_path: bool = True) -> F:
    """The model folder of a kind by its name, or (`by_path`) where none has this name, by its path.

    Raises:
        ModelError: there is none such.
    """
    installed = all_of(kind)
    for found in installed:
        if found.name == name:
            return found
    with contextlib.suppress(OSError, ValueError):  # what is no path at all
        if by_path and (Path(name) / kind.CARD).is_file():
            return kind(Path(name).resolve())
    known = ", ".join(found.name for found in installed) or "none"
    raise ModelError(f"there is no {kind.NOUN} {name!r}; installed: {known}")


def installed() -> list[Model]:
    """Every model that can be found, by name; the first of a name counts."""
    return all_of(Model)


def by_name(name: str | None = None) -> Model:
    """The named model, the default one, or a model folder by its path.

    Raises:
        ModelError: there is none such.
    """
    return one_of(Model, name or DEFAULT, by_path=bool(name))


def by_id(wanted: bytes) -> Model:
    """The model that a file needs: the first one whose bitstream definition has this id.

    Raises:
        MissingModelError: no installed model has it.
    """
    broken = []
    for model in installed():
        try:
            if model.id == wanted:
                return model
        except ModelError as error:
            broken.append(f" ({error})")
    raise MissingModelError(
        f"the file needs a model of bitstream {wanted.hex()}, which is not installed; a newer aez may bring it, or "
        f"name the folder that holds it, or put that where AEZ_MODELS points{''.join(broken)}"
    )


def for_file(bitstream: bytes, named: str | None = None) -> Model:
    """The model for a file: the one that is named, else the first installed one with the file's bitstream definition.

    Args:
        bitstream: the id in the file's header.
        named: name of an installed model, or a model's folder.

    Raises:
        ModelError: there is no such model, or the named one has another bitstream definition.
    """
    if named is None:
        return by_id(bitstream)
    model = by_name(named)
    if model.id != bitstream:
        raise ModelError(
            f"the file needs a model of bitstream {bitstream.hex()}; model {model.name!r} has {model.id.hex()}"
        )
    return model


def called(wanted: bytes) -> str:
    """Name of the installed model with this id; the id in hex where there is none."""
    try:
        return by_id(wanted).name
    except ModelError:
        return wanted.hex()
