"""Exported graphs and folders against the networks in torch."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.player import decoder_weights
from codec.runtime.models import Model
from formats.errors import UsageError
from formats.grid import COEFFICIENTS, GAIN_LIMIT, HOP, HYPER_SIZE, SCALES, TIERS
from formats.model.tables import MAGNITUDES
from formats.payload.chunk import MAGNITUDE_LIMIT
from tests.support.frames import frames_of
from tests.support.training_runs import write_music
from training.data.songs import song
from training.loop.checkpoint import save
from training.model_files.folder import Decoder
from training.model_files.graphs import run_graph
from training.ranked.config import NetworkConfig, TrainConfig
from training.ranked.decoder_graph import INPUTS, DecoderGraph
from training.ranked.encoder_graph import EncoderGraph
from training.ranked.export import Reference, add_decoder, decoder_part, example, export, main
from training.ranked.network import Autoencoder
from training.ranked.tables import integer_part, noise_pattern
from training.ship.tiny import TINY, SyntheticMusic, untrained


@pytest.fixture(autouse=True, scope="module")
def _made_once() -> Iterator[None]:
    """The exporter takes five seconds: a decoder that was exported is not exported again."""
    made: dict[str, Decoder] = {}

    def once(model: Autoencoder) -> Decoder:
        weights = hashlib.sha256()
        for value in model.state_dict().values():
            weights.update(value.numpy().tobytes())
        if (key := weights.hexdigest()) not in made:
            made[key] = decoder_part(model)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.ranked.export.decoder_part", once)
        yield


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
        sent = inputs[INPUTS.index("sent")]
        torch.testing.assert_close(DecoderGraph(model)(*inputs) * sent, Reference(model)(*inputs), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("batch", "frames"), [(1, 3), (1, 9), (8, 3), (8, 33), (3, 81)])
def test_exported_encoder_is_the_torch_one(exported: Path, batch: int, frames: int) -> None:
    x = frames_of(song(2.0, seed=batch)[:, : (frames + 1) * HOP])
    x = np.stack([x * np.float32(0.5**b) for b in range(batch)])
    got = run_graph(Model(exported).encoder, ("coefficients",))(coefficients=x)
    with torch.no_grad():
        hyper = untrained().encoder(torch.from_numpy(x))
    assert got["hyper"].shape == (batch, frames // 3, HYPER_SIZE)
    np.testing.assert_allclose(got["hyper"], hyper, atol=1e-3)


def decoded(graph: bytes, inputs: tuple[Tensor, ...]) -> NDArray[np.float32]:
    """What ONNX Runtime makes of decoder inputs; 0 in frames of which nothing was sent, as in `Reference`."""
    arrays = {name: value.numpy() for name, value in zip(INPUTS, inputs, strict=True)}
    return run_graph(graph, INPUTS)(**arrays)["coefficients"] * arrays["sent"]


@pytest.mark.parametrize(
    ("batch", "frames", "main"), [(1, 1, 112), (1, 2, 1), (1, 3, 0), (1, 79, 1008), (8, 1, 16), (8, 37, 112)]
)
def test_exported_decoder_is_the_torch_one(exported: Path, batch: int, frames: int, main: int) -> None:
    inputs = example(batch, frames, seed=frames, main=main)
    got = decoded(Model(exported).decoder().graph, inputs)
    with torch.no_grad():
        wanted = Reference(untrained())(*inputs).numpy()
    assert got.shape == (batch, frames, COEFFICIENTS)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


def test_exported_decoder_takes_the_largest_magnitudes_and_gains(exported: Path) -> None:
    """Frames of which nothing was sent stay finite too, because their neighbours see them."""
    indices, *others, gain = example(2, 20)
    indices[indices > 3], indices[indices < -3] = MAGNITUDE_LIMIT, -MAGNITUDE_LIMIT
    assert (abs(indices) == MAGNITUDE_LIMIT).any()
    for extreme in (-GAIN_LIMIT, 0, GAIN_LIMIT):
        inputs = (indices, *others, torch.full_like(gain, extreme))
        got = decoded(Model(exported).decoder().graph, inputs)
        with torch.no_grad():
            wanted = Reference(untrained())(*inputs).numpy()
        assert np.isfinite(got).all()
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6 * np.abs(wanted).max())


def test_exported_decoder_may_state_a_coefficient_twice(exported: Path) -> None:
    """Songs with fewer main latents are padded like that where they share a batch with others."""
    inputs, graph = example(1, 9), Model(exported).decoder().graph
    padded = [torch.cat([value, value[..., :1].expand(-1, -1, 5)], 2) for value in inputs[:2]]
    np.testing.assert_array_equal(decoded(graph, (*padded, *inputs[2:])), decoded(graph, inputs))


def test_a_wide_decoder_is_exported_by_the_same_code() -> None:
    model = Autoencoder(NetworkConfig(width=48, blocks=8, time=3, encoder_width=4, encoder_blocks=1)).eval()
    torch.nn.init.normal_(model.decoder.heads.weight, std=0.1)
    made = decoder_part(model)
    assert made.receptive_field == 8 and made.parity < 1e-5
    # Browsers play it, too, though what it has not learned is equal or zero, and so left out of the graph.
    weights = decoder_weights.read(made.graph, integer_part(model))
    for block in range(8):
        assert not weights[f"decoder.trunk.blocks.{block}.down.bias"].any()
    np.testing.assert_array_equal(weights["head_weights.0"], model.decoder.heads.weight.detach()[:50, :, 0, 0])


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
    got = decoded(added.graph, inputs)
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


def test_a_decoder_is_exported_anew_in_its_place(folder: Path, trained: Autoencoder) -> None:
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    add_decoder(trained, {"steps": 5}, "bright", folder)
    card = json.loads((folder / "model.json").read_text())
    add_decoder(trained, {}, "bright", folder, replace=True)
    assert json.loads((folder / "model.json").read_text()) == card  # with what is known of the training
    add_decoder(trained, {}, "standard", folder, replace=True)
    model = Model(folder)
    assert model.decoder().graph == model.decoder("bright").graph != before["decoder.onnx"]
    assert (folder / "tables.npz").read_bytes() == before["tables.npz"]
    with pytest.raises(UsageError, match="has no decoder 'dark'"):
        add_decoder(trained, {}, "dark", folder, replace=True)


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
    assert main(["--checkpoint", str(path), "--decoder", "fine", "--replace", "--out", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["decoder"] == "fine"
    out = tmp_path / "own"
    assert main(["--checkpoint", str(path), "--tables", str(folder), "--out", str(out)]) == 0
    assert (
        Model(out).id == Model(folder).id and (out / "tables.npz").read_bytes() == (folder / "tables.npz").read_bytes()
    )
    assert Model(out).decoder().graph == Model(folder).decoder("fine").graph
    with pytest.raises(SystemExit):
        main(["--checkpoint", str(path), "--out", str(out)])
    assert "--music is needed" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--checkpoint", str(path), "--replace", "--out", str(out)])
    assert "--replace is for --decoder" in capsys.readouterr().err


def test_code_lengths_can_be_had_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.ranked.export.restore", lambda _: (untrained(), {}))
    music, out = write_music(tmp_path / "music"), tmp_path / "new" / "lengths.npz"
    given = ["--music", str(music), "--cache", str(tmp_path / "cache"), "--pieces", "1", "--out", str(out)]
    assert main(given) == 0
    assert [path.name for path in out.parent.iterdir()] == ["lengths.npz"]
    with np.load(out, allow_pickle=False) as lengths:
        assert set(lengths) == {"main", "change", "limits"}
    with pytest.raises(SystemExit):
        main([*given, "--decoder", "x"])
