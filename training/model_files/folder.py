"""Model folders: one bitstream, one encoder, one decoder or more, and the card that describes them.

    NAME/model.json  tables.npz  encoder.onnx  decoders/<decoder>/decoder.onnx  decoders/<decoder>/noise.npy

The card's id is that of the tables: files name it, and every decoder of the folder decodes them.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.runtime.cards import NAME
from formats.errors import UsageError
from formats.model import AnyTables

CARD = "model.json"

STANDARD = "standard"
"""Name of the decoder that an export makes, and the default one of its folder."""


@dataclass(frozen=True)
class Encoder:
    """An encoder network to be written.

    Attributes:
        graph: encoder.onnx.
        receptive_field: frames of context on either side that decide what comes out for a frame.
        parity: largest relative difference between ONNX Runtime and torch.
    """

    graph: bytes
    receptive_field: int
    parity: float


@dataclass(frozen=True)
class Decoder(Encoder):
    """A decoder network to be written, and its noise pattern, int8 [2, 126, 1400]; a plain model has none."""

    noise: NDArray[np.int8] | None = None


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a folder; empty where there is none."""
    card = folder / CARD
    found: dict[str, Any] = json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}
    return found


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write model.json."""
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def write_model(
    folder: Path,
    *,
    kind: str,
    transform: str,
    tables: AnyTables,
    encoder: Encoder,
    decoder: Decoder,
    tiers: dict[str, dict[str, Any]],
    default_latent: int,
    training: dict[str, Any],
) -> dict[str, Any]:
    """Write a whole folder with one decoder; returns the card.

    What only other commands know (measured tiers, data, history) is taken over from a card that is there already, and
    so are further decoders as long as the bitstream is the same, and metrics as long as `measure_alike` says so.

    Args:
        folder: made if need be.
        kind: "ranked" or "plain".
        transform: "mdct" or "frames".
        tables: decide the bitstream and its id.
        encoder: network from frames to latents.
        decoder: network from latents to frames; becomes the folder's default decoder.
        tiers: default gain and bounds by latents a frame, for a folder that has none.
        default_latent: tier that is taken where nobody asks for one.
        training: what the card says of the training.
    """
    old = read_card(folder)
    identity = tables.bitstream_id().hex()
    others = old.get("decoders", {}) if old.get("id") == identity else {}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "encoder.onnx").write_bytes(encoder.graph)
    (folder / "tables.npz").write_bytes(tables.to_bytes())
    card: dict[str, Any] = {
        "id": identity,
        "date": date.today().isoformat(),
        "history": old.get("history", []),
        "kind": kind,
        "transform": transform,
        "default_latent": old.get("default_latent", default_latent),
        "tiers": old.get("tiers") or tiers,
        "encoder": {**_entry(encoder), "parity_with_torch": encoder.parity},
        "decoder": STANDARD,
        "decoders": {**others, STANDARD: _write_decoder(folder, STANDARD, decoder)},
        "training": training,
        **({"data": old["data"]} if "data" in old else {}),
    }
    if "metrics" in old and measure_alike(old, card):
        card["metrics"] = old["metrics"]
    write_card(folder, card)
    return card


def update_card(folder: Path, **changes: Any) -> dict[str, Any]:
    """Change members of the card of a folder, without metrics that do not hold any more; returns the card."""
    old = read_card(folder)
    new = {**old, **changes}
    if not measure_alike(old, new):
        new.pop("metrics", None)
    write_card(folder, new)
    return new


def measure_alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether the metrics of one card are true of another one too.

    They are measured through encoder, bitstream and default decoder, each tier at its default gain. Where one of these
    is not the same they are figures of a model that is gone.
    """
    return _measured(one) == _measured(other)


def _measured(card: dict[str, Any]) -> tuple[object, ...]:
    """What the metrics of a card depend on."""
    decoder = card["decoders"][card["decoder"]]
    gains = {latent: tier["gain"] for latent, tier in card["tiers"].items()}
    return card["id"], card["encoder"]["sha256"], decoder["sha256"], decoder.get("noise_sha256"), gains


def add_decoder(folder: Path, name: str, decoder: Decoder, training: dict[str, Any]) -> dict[str, Any]:
    """Add a further decoder to a folder, whose bitstream and default decoder stay as they are; returns the card.

    Raises:
        UsageError: the name is not one for a folder, or a decoder has it already.
    """
    card = read_card(folder)
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a decoder: take up to 40 small letters, digits, dots and dashes")
    if name in card["decoders"] or (folder / "decoders" / name).exists():
        raise UsageError(f"{folder} has a decoder {name!r} already")
    card["decoders"][name] = {**_write_decoder(folder, name, decoder), "training": training}
    write_card(folder, card)
    return card


def replace_decoder(folder: Path, name: str, decoder: Decoder) -> dict[str, Any]:
    """Write a decoder of a folder anew, from the checkpoint that it was made from; returns the card.

    The network is the same, so the card keeps its metrics.

    Raises:
        UsageError: there is no decoder of that name.
    """
    card = read_card(folder)
    if name not in card["decoders"]:
        raise UsageError(f"{folder} has no decoder {name!r}")
    card["decoders"][name].update(_write_decoder(folder, name, decoder))
    write_card(folder, card)
    return card


def _write_decoder(folder: Path, name: str, decoder: Decoder) -> dict[str, Any]:
    """Write the files of a decoder; its entry in the card."""
    path = folder / "decoders" / name
    path.mkdir(parents=True, exist_ok=True)
    (path / "decoder.onnx").write_bytes(decoder.graph)
    entry = {**_entry(decoder), "parity_with_torch": decoder.parity}
    if decoder.noise is not None:
        file = io.BytesIO()
        np.save(file, decoder.noise, allow_pickle=False)
        (path / "noise.npy").write_bytes(file.getvalue())
        entry["noise_sha256"] = hashlib.sha256(file.getvalue()).hexdigest()
    return entry


def _entry(part: Encoder) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(part.graph).hexdigest(), "receptive_field": part.receptive_field}


def summary(card: dict[str, Any]) -> dict[str, Any]:
    """What an export prints: the id, and both differences between ONNX Runtime and torch."""
    decoder = card["decoders"][card["decoder"]]["parity_with_torch"]
    return {"id": card["id"], "parity": {"encoder": card["encoder"]["parity_with_torch"], "decoder": decoder}}
