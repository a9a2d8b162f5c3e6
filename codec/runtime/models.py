"""The only place that knows where models lie, and what makes a model's id.

A model is a folder: encoder.onnx, decoder.onnx, tables.npz and model.json, its card. A file names the eight-byte id of
the decoder and tables that it needs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codec.runtime import trust
from formats.errors import ModelError
from formats.grid import COEFFICIENTS, HYPER_PER_FRAME

if TYPE_CHECKING:
    from formats.model.tables import Tables
    from formats.payload.chunk import AnyTables

CARD = "model.json"

DEFAULT = "music6"
"""The model that `encode` takes unless told."""

DEFAULT_LATENT = 128
"""Latents a frame that `encode` takes unless told, where a model's card names no other."""


KINDS = ("ranked", "mixed")
"""Latents ranked by where the song is, or each a fixed mix of the frame (formats/SPEC.md)."""

TRANSFORMS = ("mdct", "frames")
"""What a model's networks work on: MDCT frames, or raw windows that are overlap-added."""


def model_id(decoder: bytes, tables: AnyTables) -> bytes:
    """First eight bytes of SHA-256 over all that decoding needs."""
    return hashlib.sha256(hashlib.sha256(decoder).digest() + tables.digest()).digest()[:8]


@dataclass(frozen=True)
class Model:
    """One model folder, read lazily.

    Attributes:
        folder: where it lies.
        shipped: whether nobody named it: then only files whose hash the package knows are taken, see `codec.runtime.trust`.

    Raises:
        ModelError: a part is missing, or is not what the card says.
    """

    folder: Path
    shipped: bool = False

    @property
    def name(self) -> str:
        """Name of the folder: what `--model` takes."""
        return self.folder.name

    @cached_property
    def card(self) -> dict[str, Any]:
        """model.json."""
        try:
            card = json.loads(self._read(CARD))
            if not isinstance(card, dict) or len(bytes.fromhex(card["id"])) != 8:
                raise ValueError
            return card
        except (ValueError, KeyError, TypeError):
            raise ModelError(f"model {self.name!r} has a card that cannot be read") from None

    @property
    def id(self) -> bytes:
        """The eight bytes that files name this model by, as its card says."""
        return bytes.fromhex(self.card["id"])

    @property
    def kind(self) -> str:
        """One of KINDS."""
        return self._choice("kind", KINDS)

    @property
    def transform(self) -> str:
        """One of TRANSFORMS."""
        return self._choice("transform", TRANSFORMS)

    @cached_property
    def integers(self) -> AnyTables:
        """All that the bits of a file depend on."""
        from formats.model.plain_tables import PlainTables  # here, because `aez info` needs models' names and no NumPy
        from formats.model.tables import Tables

        data = self._read("tables.npz")
        if self.kind == "ranked":
            return Tables.from_bytes(data)
        found = PlainTables.from_bytes(data)
        if self.latents[-1] > len(found.intercept):
            raise ModelError(f"model {self.name!r} has {len(found.intercept)} latents, fewer than its card says")
        return found

    @property
    def long_blocks(self) -> bool:
        """Whether its networks know long blocks (`codec.dsp.window_switching`): those of models whose tables have loudness do."""
        return self.kind == "ranked" and self.tables.loudness is not None

    @property
    def tables(self) -> Tables:
        """`integers` of a ranked model: predictor, steps and frequencies.

        Raises:
            ModelError: this is a mixed model, which has no such tables.
        """
        from formats.model.tables import Tables

        if not isinstance(self.integers, Tables):
            raise ModelError(f"model {self.name!r} does not rank its latents")
        return self.integers

    @cached_property
    def encoder(self) -> bytes:
        """encoder.onnx; its hash is the card's."""
        data = self._read("encoder.onnx")
        if hashlib.sha256(data).hexdigest() != self.card.get("encoder_sha256"):
            raise ModelError(f"the encoder of model {self.name!r} is not the one its card names")
        return data

    @cached_property
    def decoder(self) -> bytes:
        """decoder.onnx; with the tables it makes the id that the card states."""
        data = self._read("decoder.onnx")
        if model_id(data, self.integers) != self.id:
            raise ModelError(f"the decoder and tables of model {self.name!r} are not the ones its card names")
        return data

    def gain(self, latent: int) -> int:
        """Default gain of a tier, from the measured frontier."""
        return int(self._tier(latent)["gain"])

    def reach(self, part: str) -> int:
        """Frames of context on either side that the network `part`, encoder or decoder, looks at."""
        try:
            return int(self.card["reach"][part])
        except (KeyError, TypeError, ValueError):
            raise ModelError(f"model {self.name!r} does not say how far its {part} looks") from None

    @cached_property
    def latents(self) -> tuple[int, ...]:
        """The latent counts that files of this model may have, rising; every one is a prefix of the next."""
        least = HYPER_PER_FRAME + (self.kind == "ranked")
        try:
            found = tuple(sorted(int(count) for count in self.card["tiers"]))
        except (KeyError, TypeError, ValueError):
            found = ()
        if not found or not least <= found[0] <= found[-1] <= HYPER_PER_FRAME + COEFFICIENTS:
            raise ModelError(f"model {self.name!r} does not say which latent counts it has")
        return found

    @property
    def default_latent(self) -> int:
        """Latents a frame where nobody asks for a number."""
        latent = self.card.get("default_latent", DEFAULT_LATENT)
        self._tier(latent)
        return int(latent)

    def main_count(self, latent: int) -> int:
        """Main latents a frame of files of `latent` latents."""
        return latent - HYPER_PER_FRAME if self.kind == "ranked" else latent

    def tier_for(self, kbps: float) -> int:
        """The tier on the measured frontier at a rate of `kbps` 1000 bit/s."""
        return max((t for t in self.latents if self._tier(t)["from_kbps"] <= kbps), default=self.latents[0])

    def _tier(self, latent: int) -> dict[str, float]:
        try:
            tier = self.card["tiers"][str(latent)]
            return {"gain": int(tier["gain"]), "from_kbps": float(tier["from_kbps"])}
        except (KeyError, TypeError, ValueError):
            raise ModelError(f"model {self.name!r} has no tier of {latent} latents") from None

    def _choice(self, key: str, known: tuple[str, ...]) -> str:
        value = self.card.get(key, known[0])
        if value not in known:
            raise ModelError(f"model {self.name!r} has a {key} that this version of aez does not know")
        return str(value)

    def _read(self, part: str) -> bytes:
        try:
            data = (self.folder / part).read_bytes()
        except OSError:
            raise ModelError(f"model {self.name!r} lacks {part}") from None
        if self.shipped and part != CARD:
            trust.check(self.name, part, data)
        return data


def named_folders() -> list[Path]:
    """Where AEZ_MODELS points."""
    return [Path(part) for part in os.environ.get("AEZ_MODELS", "").split(os.pathsep) if part]


def folders() -> list[Path]:
    """Where models are looked for: AEZ_MODELS first, then those that came with the package (or stand in the clone)."""
    return [*named_folders(), *trust.shipped_folders()]


def is_shipped(folder: Path) -> bool:
    """Whether models in this folder are there without anybody's naming it."""
    return folder in trust.shipped_folders() and folder not in named_folders()


def installed() -> list[Model]:
    """Every model that can be found, by name; the first of a name counts."""
    found: dict[str, Model] = {}
    for folder in folders():
        for card in sorted(folder.glob(f"*/{CARD}")):
            found.setdefault(card.parent.name, Model(card.parent, is_shipped(folder)))
    return list(found.values())


def by_name(name: str | None = None) -> Model:
    """The named model, the default one, or a model folder by its path.

    Raises:
        ModelError: there is none such.
    """
    wanted = name or DEFAULT
    for model in installed():
        if model.name == wanted:
            return model
    with contextlib.suppress(OSError, ValueError):  # what is no path at all
        if name and (Path(name) / CARD).is_file():
            return Model(Path(name).resolve())
    known = ", ".join(model.name for model in installed()) or "none"
    raise ModelError(f"there is no model {wanted!r}; installed: {known}")


def by_id(wanted: bytes) -> Model:
    """The model that a file needs.

    Raises:
        ModelError: no installed model has this id.
    """
    broken = []
    for model in installed():
        try:
            if model.id == wanted:
                return model
        except ModelError as error:
            broken.append(f" ({error})")
    raise ModelError(
        f"the file needs model {wanted.hex()}, which is not installed; a newer aez may bring it, or name its folder by "
        f"--model, or put it where AEZ_MODELS points{''.join(broken)}"
    )


def called(wanted: bytes) -> str:
    """Name of the installed model with this id; the id in hex where there is none."""
    try:
        return by_id(wanted).name
    except ModelError:
        return wanted.hex()
