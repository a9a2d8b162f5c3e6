"""Model folders: what a new export takes over from the card that is there."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codec.runtime.models import Model
from formats.model.tables import Tables
from training.model_files.folder import Decoder, Encoder, add_decoder, read_card, summary, write_card, write_model

TIERS = {"32": {"gain": 0, "from_kbps": 0.0}, "64": {"gain": 1, "from_kbps": 9.0}}


def write(folder: Path, tables: Tables, graph: bytes = b"decoder") -> dict[str, Any]:
    noise = np.zeros((2, 126, 1400), np.int8)
    return write_model(
        folder, kind="ranked", transform="mdct", tables=tables, encoder=Encoder(b"encoder", 3, 1e-6),
        decoder=Decoder(graph, 5, 2e-6, noise), tiers=TIERS, default_latent=64, training={"steps": 1},
    )  # fmt: skip


def test_the_runtime_reads_what_is_written(tmp_path: Path, tables: Tables) -> None:
    card = write(tmp_path / "m", tables)
    model = Model(tmp_path / "m")
    assert (model.encoder, model.decoder().graph, model.default_latent, model.latents) == (
        b"encoder", b"decoder", 64, (32, 64),
    )  # fmt: skip
    assert (model.encoder_context, model.decoder().context, model.gain(64)) == (3, 5, 1)
    assert model.tables.bitstream_id() == model.id == bytes.fromhex(card["id"])
    assert summary(card) == {"id": card["id"], "parity": {"encoder": 1e-6, "decoder": 2e-6}}
    assert read_card(tmp_path / "none") == {}


def test_what_other_commands_wrote_is_taken_over(tmp_path: Path, tables: Tables) -> None:
    card = write(tmp_path, tables)
    known = {"tiers": {"32": {"gain": 9, "from_kbps": 0.0}}, "default_latent": 32, "history": ["first"]}
    known |= {"data": {"songs": 3}, "metrics": {"clips": 1}}
    write_card(tmp_path, card | known | {"training": {"steps": 0}, "of-another-version": 1})
    again = write(tmp_path, tables, b"other")
    assert again == json.loads((tmp_path / "model.json").read_text())
    assert {key: again[key] for key in known} == known and again["training"] == {"steps": 1}
    assert "of-another-version" not in again
    assert Model(tmp_path).decoder().graph == b"other"


@pytest.mark.parametrize("same", [True, False])
def test_further_decoders_stay_with_their_bitstream(tmp_path: Path, tables: Tables, same: bool) -> None:
    write(tmp_path, tables)
    add_decoder(tmp_path, "bright", Decoder(b"bright", 1, 0.0, np.zeros((2, 126, 1400), np.int8)), {})
    moved = tables if same else dataclasses.replace(tables, offset=tables.offset + np.int32(1))
    write(tmp_path, moved)
    assert Model(tmp_path).decoder_names == (("standard", "bright") if same else ("standard",))
