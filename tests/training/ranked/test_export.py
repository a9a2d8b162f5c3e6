"""Exported graphs and folders against the networks in torch."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.runtime.models import Model
from formats.errors import UsageError
from formats.grid import COEFFICIENTS, HOP, HYPER_SIZE, SCALES, TIERS
from formats.model.tables import MAGNITUDES
from tests.support.frames import frames_of
from training.data.songs import song
from training.model_files.graphs import run_graph
from training.ranked.checkpoint import save
from training.ranked.config import TrainConfig
from training.ranked.export import DECODER_INPUTS, Reference, add_decoder, example, export, main
from training.ranked.network import Autoencoder
from training.ranked.onnx_graphs import DecoderGraph, EncoderGraph
from training.ranked.tables import noise_pattern
from training.ship.tiny import TINY, SyntheticMusic, untrained


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as `training.ranked.export` writes it."""
    out = tmp_path_factory.mktemp("models") / "small"
    export(untrained(), {"what": "a test"}, SyntheticMusic(), 1, out)
    return out


def test_graphs_are_the_networks_at_any_weights() -> None:
    model = untrained()
    with torch.no_grad():
        for layer in (model.decoder.heads, model.encoder.hyper):
            layer.weight.mul_(200)  # so that every clamp and every tanh bends
        x = torch.from_numpy(frames_of(song(1.0, seed=7)[:, : 31 * HOP]))[None]
        torch.testing.assert_close(EncoderGraph(model.encoder)(x), model.encoder(x), rtol=1e-4, atol=1e-4)
        inputs = example(2, 40)
        torch.testing.assert_close(DecoderGraph(model)(*inputs), Reference(model)(*inputs), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("batch", "frames"), [(1, 3), (1, 9), (8, 3), (8, 33), (3, 81)])
def test_exported_encoder_is_the_torch_one(exported: Path, batch: int, frames: int) -> None:
    x = frames_of(song(2.0, seed=batch)[:, : (frames + 1) * HOP])
    x = np.stack([x * np.float32(0.5**b) for b in range(batch)])
    got = run_graph(Model(exported).encoder, ("coefficients",))(coefficients=x)
    with torch.no_grad():
        hyper = untrained().encoder(torch.from_numpy(x))
    assert got["hyper"].shape == (batch, frames // 3, HYPER_SIZE)
    np.testing.assert_allclose(got["hyper"], hyper, atol=1e-3)


@pytest.mark.parametrize(("batch", "frames"), [(1, 1), (1, 2), (1, 79), (8, 1), (8, 37)])
def test_exported_decoder_is_the_torch_one(exported: Path, batch: int, frames: int) -> None:
    inputs = example(batch, frames, seed=frames)
    network = run_graph(Model(exported).decoder().graph, DECODER_INPUTS)
    got = network(**{name: value.numpy() for name, value in zip(DECODER_INPUTS, inputs, strict=True)})["coefficients"]
    with torch.no_grad():
        wanted = Reference(untrained())(*inputs).numpy()
    assert got.shape == (batch, frames, COEFFICIENTS)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


def test_the_card_tells_what_is_there(exported: Path) -> None:
    model = Model(exported)
    decoder = model.decoder()
    assert decoder.graph and model.encoder and model.ranked_tables  # checked against the card as they are read
    assert (model.kind, model.transform, model.decoder_names) == ("ranked", "mdct", ("standard",))
    assert model.id == model.ranked_tables.bitstream_id()
    assert (model.encoder_context, decoder.context) == (TINY.encoder_receptive_field, TINY.decoder_receptive_field)
    assert decoder.noise is not None and np.array_equal(decoder.noise, noise_pattern(untrained()))
    for part in (model.card["encoder"], model.card["decoders"]["standard"]):
        assert part["parity_with_torch"] < 1e-4
    assert set(model.latents) == set(TIERS)
    assert model.card["training"] == {"what": "a test"}
    with np.load(exported.parent / "small-code-lengths.npz", allow_pickle=False) as lengths:
        assert lengths["main"].shape == (SCALES, MAGNITUDES)


# Further decoders


@pytest.fixture
def trained() -> Autoencoder:
    """The tiny model after its decoder and its noise alone have learned something."""
    model = untrained()
    with torch.no_grad():
        model.decoder.heads.weight.add_(0.01)
        model.noise.pattern.mul_(0.5)
    return model


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "small"))


def test_a_decoder_is_added_and_the_rest_left_alone(folder: Path, trained: Autoencoder) -> None:
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    add_decoder(trained, {"steps": 5}, "bright", folder)
    model = Model(folder)
    assert model.decoder_names == ("standard", "bright")
    added, standard = model.decoder("bright"), model.decoder()
    assert added.noise is not None and np.array_equal(added.noise, noise_pattern(trained))
    inputs = example(1, 7)
    got = run_graph(added.graph, DECODER_INPUTS)(
        **{name: value.numpy() for name, value in zip(DECODER_INPUTS, inputs, strict=True)}
    )["coefficients"]
    with torch.no_grad():
        wanted = Reference(trained)(*inputs).numpy()
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
    assert model.card["decoders"]["bright"]["training"] == {"steps": 5}
    for name in ("tables.npz", "encoder.onnx"):
        assert (folder / name).read_bytes() == before[name]
    assert (standard.name, standard.graph) == ("standard", before["decoder.onnx"])
    with pytest.raises(UsageError, match="has a decoder 'bright' already"):
        add_decoder(trained, {}, "bright", folder)
    with pytest.raises(UsageError, match="cannot name a decoder"):
        add_decoder(trained, {}, "../elsewhere", folder)


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("encoder.hyper.weight", "encoder is not that of"),
        ("scales.predictor", "predictor, loudness differ"),
        ("scales.bias", "intercept, bias differ"),
        ("scales.steady", "steady, steadiness differ"),
    ],
)
def test_another_bitstream_gets_no_decoder_in_the_folder(
    folder: Path, trained: Autoencoder, part: str, told: str
) -> None:
    with torch.no_grad():
        trained.get_parameter(part).add_(0.05)
    card = (folder / "model.json").read_text()
    with pytest.raises(UsageError, match=told):
        add_decoder(trained, {}, "other", folder)
    assert (folder / "model.json").read_text() == card and not (folder / "decoders" / "other").exists()


def test_the_command_adds_decoders_and_takes_tables(
    folder: Path, trained: Autoencoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.pt"
    save(path, ema=trained.state_dict(), config=TrainConfig(TINY).as_dict(), step=3, seen=1.0, spent=1.0)
    assert main(["--checkpoint", str(path), "--decoder", "fine", "--out", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["decoder"] == "fine"
    assert main(["--checkpoint", str(path), "--decoder", "fine", "--out", str(folder)]) == 2
    assert capsys.readouterr().err == f"export: {folder} has a decoder 'fine' already\n"
    out = tmp_path / "own"
    assert main(["--checkpoint", str(path), "--tables", str(folder), "--out", str(out)]) == 0
    assert (
        Model(out).id == Model(folder).id and (out / "tables.npz").read_bytes() == (folder / "tables.npz").read_bytes()
    )
    assert Model(out).decoder().graph == Model(folder).decoder("fine").graph
    with pytest.raises(SystemExit):
        main(["--checkpoint", str(path), "--out", str(out)])
    assert "--music is needed" in capsys.readouterr().err
