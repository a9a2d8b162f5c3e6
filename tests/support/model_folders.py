"""Model folders that tests change: copies of the tiny models, damaged files, further decoders, rewritten cards."""

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from formats.model.tables import Tables
from tests.support import MODELS


def copied(name: str, target: Path) -> Path:
    """A copy of a tiny model as a folder of the same name in `target`."""
    return Path(shutil.copytree(MODELS / name, target / name))


def flip(path: Path, byte: int | None = None) -> None:
    """Change one bit of a file, in its middle or at a byte."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if byte is None else byte] ^= 1
    path.write_bytes(data)


def change_card(folder: Path, change: Callable[[dict[str, Any]], None], name: str = "model.json") -> None:
    """Rewrite a card after `change` has had its way with it."""
    card = json.loads((folder / name).read_text())
    change(card)
    (folder / name).write_text(json.dumps(card))


def own_model(target: Path, name: str = "mine") -> Path:
    """A model of one's own: the tiny one with other frequencies, so that its bitstream is none that is installed."""
    folder = copied("tiny", target).rename(target / name)
    tables = Tables.from_bytes((folder / "tables.npz").read_bytes())
    other = replace(tables, main=np.ascontiguousarray(tables.main[::-1]))
    (folder / "tables.npz").write_bytes(other.to_bytes())
    change_card(folder, lambda card: card.update(id=other.bitstream_id().hex()))
    return folder


def npy(array: np.ndarray) -> bytes:
    """An array as bytes of an .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def add_decoder(folder: Path, name: str, graph: bytes | None = None, noise: bytes | None = None) -> None:
    """Give a ranked model another decoder: by default the standard one's network with the noise negated."""
    standard, place = folder / "decoders" / "standard", folder / "decoders" / name
    graph = (standard / "decoder.onnx").read_bytes() if graph is None else graph
    noise = npy(-np.load(standard / "noise.npy")) if noise is None else noise
    place.mkdir()
    (place / "decoder.onnx").write_bytes(graph)
    (place / "noise.npy").write_bytes(noise)

    def entry(card: dict[str, Any]) -> None:
        card["decoders"][name] = {
            **card["decoders"]["standard"],
            "sha256": hashlib.sha256(graph).hexdigest(),
            "noise_sha256": hashlib.sha256(noise).hexdigest(),
        }

    change_card(folder, entry)


def one_line(error: Exception) -> str:
    """The text of an error, which is one line fit for a terminal."""
    text = str(error)
    assert text.isprintable()
    return text
