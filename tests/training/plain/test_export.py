"""The export of plain autoencoders: half weights, scales, the folder."""

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from codec.runtime.models import Model
from formats.grid import UNIT_SCALE
from tests.support import MODELS
from tests.support.training_runs import write_music
from training.model_files.graphs import run_graph
from training.plain import export
from training.plain.network import PlainAutoencoder
from training.ranked import export as ranked_export
from training.ranked.config import TrainConfig
from training.ship.tiny import PLAIN, SyntheticMusic, untrained_plain

KINDS = sorted(PLAIN)


@pytest.fixture(scope="module")
def models() -> dict[str, PlainAutoencoder]:
    return {kind: untrained_plain(kind) for kind in KINDS}


def test_half_weights_are_widened_exactly(models: dict[str, PlainAutoencoder]) -> None:
    weight = np.linspace(-1, 1, 2048, dtype=np.float32).reshape(1, 2048).astype(np.float16).astype(np.float32)
    small = np.array([1e-9], np.float32)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Mul", ["x", "w"], ["h"]), onnx.helper.make_node("Add", ["h", "s"], ["y"])],
        "g",
        [onnx.helper.make_tensor_value_info("x", 1, [1, 2048])],
        [onnx.helper.make_tensor_value_info("y", 1, [1, 2048])],
        [onnx.numpy_helper.from_array(weight, "w"), onnx.numpy_helper.from_array(small, "s")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    data = export.halved(model.SerializeToString())
    assert len(data) < 2048 * 3
    got = run_graph(data, ("x",))(x=np.ones((1, 2048), np.float32))["y"]
    assert np.array_equal(got, weight + small)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_music(tmp_path / "music")


@pytest.mark.parametrize("kind", KINDS)
def test_scale_indices_say_how_large_latents_are(kind: str, models: dict[str, PlainAutoencoder]) -> None:
    tables = export.count(models[kind], SyntheticMusic(), 4)
    with torch.no_grad():
        cut = np.concatenate(list(export.windows(PLAIN[kind], SyntheticMusic(), 4, 0)))
        values = models[kind].encoder(torch.from_numpy(cut.reshape(4, -1, cut.shape[1])))
    size = values.abs().mean((0, 1)).double().numpy() * math.sqrt(math.pi / 2)
    assert np.abs(tables.scale_indices(0) - np.clip(UNIT_SCALE + 4 * np.log2(size), 0, 47)).max() <= 0.51
    # Importance falls with the place, but for neighbours that are nearly equal.
    assert np.corrcoef(np.arange(len(size)), -np.log(size))[0, 1] > 0.5
    assert tables.main[10, 0] > tables.main[25, 0] > tables.main[30, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_becomes_a_model(kind: str, models: dict[str, PlainAutoencoder], folder: Path) -> None:
    config = PLAIN[kind]
    weights = models[kind].state_dict()
    state = {"model": weights, "ema": weights, "step": 7, "seen": 9.0, "spent": 2.0}
    torch.save(state | {"config": config.as_dict()}, folder / "last.pt")
    arguments = ["--checkpoint", folder / "last.pt", "--music", folder, "--cache", folder / "cache", "--pieces", 1]
    assert export.main([*map(str, arguments), "--out", str(folder / "made")]) == 0
    made = Model(folder / "made")
    assert (made.kind, made.transform, made.latents) == ("plain", config.transform, config.latents)
    assert made.default_latent == max(config.latents)
    decoder = made.decoder()
    assert made.encoder_context == decoder.context == config.receptive_field
    assert made.encoder and decoder.graph and decoder.noise is None
    assert made.tables.bitstream_id() == made.id
    for part in (made.card["encoder"], made.card["decoders"]["standard"]):
        assert part["parity_with_torch"] < 1e-4
    assert made.card["training"]["steps"] == 7


@pytest.mark.parametrize("kind", KINDS)
def test_the_fixtures_have_the_sizes_of_the_code(kind: str) -> None:
    """Principal directions differ in sign between machines, so the files themselves cannot be compared."""
    model = Model(MODELS / f"tiny-{kind}")
    assert model.encoder_context == model.decoder().context == PLAIN[kind].receptive_field
    assert model.latents == PLAIN[kind].latents


def test_each_export_refuses_checkpoints_of_the_other_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = {"plain": PLAIN["time"].as_dict(), "ranked": TrainConfig().as_dict()}
    for name, config in made.items():
        torch.save({"ema": {}, "step": 1, "seen": 1.0, "spent": 1.0, "config": config}, tmp_path / f"{name}.pt")
    for main, name in ((export.main, "ranked"), (ranked_export.main, "plain")):
        assert main(["--checkpoint", str(tmp_path / f"{name}.pt"), "--music", "m", "--out", str(tmp_path / "out")]) == 2
        assert f"{name}.pt is a checkpoint of a {name} autoencoder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
