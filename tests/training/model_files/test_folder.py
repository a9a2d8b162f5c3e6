"""Model folders: what a new export takes over from the card that is there."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codec.runtime.models import Model
from formats.model.tables import Tables
from training.model_files.folder import (
    Decoder,
    Encoder,
    add_decoder,
    read_card,
    replace_decoder,
    summary,
    update_card,
    write_card,
    write_model,
)

TIERS = {"32": {"gain": 0, "from_kbps": 0.0}, "64": {"gain": 1, "from_kbps": 9.0}}


def write(
    folder: Path, tables: Tables, graph: bytes = b"decoder", encoder: bytes = b"encoder", noise: int = 0
) -> dict[str, Any]:
    pattern = np.full((2, 126, 1400), noise, np.int8)
    return write_model(
        folder, kind="ranked", transform="mdct", tables=tables, encoder=Encoder(encoder, 3, 1e-6),
        decoder=Decoder(graph, 5, 2e-6, pattern), tiers=TIERS, default_latent=64, training={"steps": 1},
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
    known |= {"data": {"songs": 3}}
    write_card(tmp_path, card | known | {"training": {"steps": 0}, "of-another-version": 1})
    again = write(tmp_path, tables, b"other")
    assert again == json.loads((tmp_path / "model.json").read_text())
    assert {key: again[key] for key in known} == known and again["training"] == {"steps": 1}
    assert "of-another-version" not in again
    assert Model(tmp_path).decoder().graph == b"other"


@pytest.mark.parametrize(
    ("changed", "stay"),
    [({}, True), ({"encoder": b"other"}, False), ({"graph": b"other"}, False), ({"noise": 1}, False)],
)
def test_metrics_stay_with_the_model_that_they_were_measured_with(
    tmp_path: Path, tables: Tables, changed: dict[str, Any], stay: bool
) -> None:
    write_card(tmp_path, write(tmp_path, tables) | {"metrics": {"clips": 1}})
    assert ("metrics" in write(tmp_path, tables, **changed)) == stay


def test_metrics_go_with_another_bitstream_default_decoder_or_gain(tmp_path: Path, tables: Tables) -> None:
    bright = Decoder(b"bright", 1, 0.0, np.zeros((2, 126, 1400), np.int8))
    write(tmp_path, tables)
    measured = add_decoder(tmp_path, "bright", bright, {}) | {"metrics": {"clips": 1}}
    write_card(tmp_path, measured)
    assert update_card(tmp_path, date="2026-01-01", decoder="standard") == measured | {"date": "2026-01-01"}
    assert replace_decoder(tmp_path, "standard", bright)["metrics"]
    for change in ({"decoder": "bright"}, {"tiers": {**TIERS, "64": {"gain": 2, "from_kbps": 9.0}}}):
        write_card(tmp_path, measured)
        assert "metrics" not in update_card(tmp_path, **change)
        assert read_card(tmp_path) == {key: value for key, value in (measured | change).items() if key != "metrics"}
    write_card(tmp_path, measured)
    assert "metrics" not in write(tmp_path, dataclasses.replace(tables, offset=tables.offset + np.int32(1)))


@pytest.mark.parametrize("same", [True, False])
def test_further_decoders_stay_with_their_bitstream(tmp_path: Path, tables: Tables, same: bool) -> None:
    write(tmp_path, tables)
    add_decoder(tmp_path, "bright", Decoder(b"bright", 1, 0.0, np.zeros((2, 126, 1400), np.int8)), {})
    moved = tables if same else dataclasses.replace(tables, offset=tables.offset + np.int32(1))
    write(tmp_path, moved)
    assert Model(tmp_path).decoder_names == (("standard", "bright") if same else ("standard",))
