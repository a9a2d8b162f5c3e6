"""Plain autoencoders: the losses against closed forms, PCA as the start, the loop, and the export."""

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from codec.dsp import framing, mdct
from codec.runtime.models import Model
from formats.grid import BANDS, COEFFICIENTS, HOP, UNIT_SCALE, WINDOW_UNITS
from tests.support import MODELS
from training.data.batches import Batch
from training.data.songs import song
from training.plain import export, losses, train
from training.plain.losses import FAINT, LOSSES, SIZES, SMOOTHNESS
from training.plain.network import SCALE, Block, PlainAutoencoder, PlainConfig, compress, expand, overlap_add, windows
from training.ranked.export import main as export_main
from training.ranked.losses import basis
from training.ship.tiny import MIXED, SyntheticMusic, untrained_mixed

Array = NDArray[np.float32]
KINDS = sorted(MIXED)


@pytest.fixture(scope="module")
def models() -> dict[str, PlainAutoencoder]:
    return {kind: untrained_mixed(kind) for kind in KINDS}


@pytest.fixture(scope="module")
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    """Decoded and original, [2, 2, 6000]: the first item scaled by a half, the second another signal."""
    original = torch.from_numpy(np.stack([song(0.2, seed=n)[:, :6000] for n in (1, 2)]))
    other = torch.from_numpy(song(0.2, seed=5)[:, :6000].copy())
    return torch.stack([0.5 * original[0], other]), original


# Losses


def test_the_seven_losses_of_the_study_are_there() -> None:
    assert set(LOSSES) == {"mse", "l1", "mse-smooth", "stft-l1", "stft-l2", "log-stft-l1", "log-stft-l2"}


@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"mse-smooth"}))
def test_a_loss_is_zero_for_equal_signals_and_one_number_an_item(name: str, pair: tuple[Any, Any]) -> None:
    decoded, original = pair
    assert LOSSES[name](original, original, SIZES).abs().max() == 0
    got = LOSSES[name](decoded, original, SIZES)
    assert got.shape == (2,)
    assert (got > 0).all()
    alone = torch.cat([LOSSES[name](decoded[i : i + 1], original[i : i + 1], SIZES) for i in range(2)])
    torch.testing.assert_close(got, alone)


def test_losses_of_samples_are_their_formulas(pair: tuple[Any, Any]) -> None:
    a, b = (x.double().numpy() for x in pair)
    torch.testing.assert_close(
        LOSSES["mse"](*pair, SIZES), torch.tensor([np.mean((x - y) ** 2) for x, y in zip(a, b, strict=True)]).float()
    )
    torch.testing.assert_close(
        LOSSES["l1"](*pair, SIZES), torch.tensor([np.mean(np.abs(x - y)) for x, y in zip(a, b, strict=True)]).float()
    )
    # A ramp of slope s against silence: its roughness is s**2.
    ramp = 0.01 * torch.arange(100.0).expand(1, 2, -1)
    rough = LOSSES["mse-smooth"](ramp, ramp, SIZES)
    torch.testing.assert_close(rough, torch.tensor([SMOOTHNESS * 1e-4]), rtol=1e-4, atol=0)


def slow_magnitudes(x: Array, size: int) -> NDArray[np.float64]:
    """Magnitudes of one channel by NumPy: edges reflected, periodic Hann, hop a quarter."""
    padded = np.pad(x.astype(np.float64), size // 2, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return np.stack(
        [np.abs(np.fft.rfft(padded[at : at + size] * hann)) for at in range(0, len(padded) - size + 1, size // 4)]
    )


@pytest.mark.parametrize("sizes", [SIZES, (512,)])
def test_spectral_losses_are_their_formulas(sizes: tuple[int, ...], pair: tuple[Any, Any]) -> None:
    wanted: dict[str, list[float]] = {name: [] for name in LOSSES if "stft" in name}
    for a, b in zip(pair[0].numpy(), pair[1].numpy(), strict=True):
        level = np.sqrt(np.mean(b.astype(np.float64) ** 2))
        parts: dict[str, list[float]] = {name: [] for name in wanted}
        for size in sizes:
            p, q = (np.stack([slow_magnitudes(c / level, size) for c in x]) for x in (a, b))
            logs = np.log(p + FAINT) - np.log(q + FAINT)
            parts["stft-l1"].append(np.abs(p - q).mean())
            parts["stft-l2"].append(np.square(p - q).mean())
            parts["log-stft-l1"].append(np.abs(logs).mean())
            parts["log-stft-l2"].append(np.square(logs).mean())
        for name, values in parts.items():
            wanted[name].append(float(np.mean(values)))
    for name, values in wanted.items():
        torch.testing.assert_close(LOSSES[name](*pair, sizes), torch.tensor(values), rtol=2e-3, atol=1e-4)


def test_half_as_loud_is_log_two_apart() -> None:
    x = torch.randn(1, 2, 8000, generator=torch.Generator().manual_seed(0))
    near = math.log(2)
    assert float(LOSSES["log-stft-l1"](0.5 * x, x, SIZES)) == pytest.approx(near, rel=0.01)
    assert float(LOSSES["log-stft-l2"](0.5 * x, x, SIZES)) == pytest.approx(near**2, rel=0.02)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_gradients_are_finite_at_silence(name: str) -> None:
    x = torch.zeros(1, 2, 4000, requires_grad=True)
    LOSSES[name](x, torch.zeros(1, 2, 4000), SIZES).sum().backward()
    assert torch.isfinite(x.grad).all()  # type: ignore[arg-type]


def test_the_loss_of_compressed_coefficients() -> None:
    a, b = torch.full((2, 3, 4), 2.0), torch.tensor([2.0, 5.0])[:, None, None].expand(2, 3, 4)
    assert losses.compressed(a, b).tolist() == [0.0, 9.0]


# Networks


def test_compression_comes_back_and_has_a_gradient_at_zero() -> None:
    x = torch.linspace(-3, 3, 101)
    torch.testing.assert_close(expand(compress(x)), x)
    torch.testing.assert_close(train.compress_safely(x), compress(x), rtol=1e-4, atol=2e-3)
    zero = torch.zeros(3, requires_grad=True)
    train.compress_safely(zero).sum().backward()
    assert torch.isfinite(zero.grad).all()  # type: ignore[arg-type]


def test_windows_are_those_of_the_codec_and_add_up() -> None:
    x = song(0.3, seed=4)[:, : 9 * HOP]
    cut = windows(torch.from_numpy(x.copy())[None])
    np.testing.assert_array_equal(cut[0].numpy(), framing.forward(x))
    np.testing.assert_allclose(overlap_add(cut / 2)[0].numpy(), x[:, HOP:-HOP], atol=1e-7)


def test_a_block_starts_as_identity_and_follows_loudness() -> None:
    torch.manual_seed(0)
    block, x = Block(6, 5, 5), torch.randn(2, 9, 6) * 10
    assert torch.equal(block(x), x)
    torch.nn.init.normal_(block.down.weight)
    torch.testing.assert_close(block(100 * x), 100 * block(x), rtol=1e-3, atol=1e-2)
    # Its filter over time, against a convolution.
    torch.nn.init.normal_(block.taps)
    normal = x / torch.sqrt(x.square().mean(2, keepdim=True) + 1e-4)
    wanted = torch.nn.functional.conv1d(normal.transpose(1, 2), block.taps.T[:, None], padding=2, groups=6)
    size = torch.sqrt(x.square().mean(2, keepdim=True) + 1e-4)
    torch.testing.assert_close(block(x), x + size * block.down(torch.relu(block.up(wanted.transpose(1, 2)))))


@pytest.mark.parametrize("kind", KINDS)
def test_step_zero_is_projection_on_the_principal_directions(kind: str) -> None:
    config = MIXED[kind]
    model = train.start(config, SyntheticMusic(), 3, seed=1)
    x = song(1.0, seed=7)[:, : 40 * HOP]
    middle = np.stack([x[0] + x[1], x[0] - x[1]]) / 2
    coefficients = mdct.forward(middle).transpose(2, 0, 1).reshape(39, COEFFICIENTS)
    # The directions as the filterbank holds them, in MDCT coefficients.
    rows = model.encoder.enter.weight.detach()
    if kind == "time":
        rows = torch.einsum("wcn,kn->wck", rows.reshape(-1, 2, 2 * HOP), basis()).reshape(len(rows), -1)
    torch.testing.assert_close(rows @ rows.T, torch.eye(len(rows)), rtol=0, atol=1e-4)
    source = compress(torch.from_numpy(coefficients)) if kind == "dense" else torch.from_numpy(coefficients)
    cut = coefficients if kind == "dense" else framing.forward(middle)
    with torch.no_grad():
        latents = model.encoder(torch.from_numpy(np.ascontiguousarray(cut))[None])
        decoded = model.decoder(latents)[0]
    kept = (source @ rows.T)[:, : max(config.latents)]
    torch.testing.assert_close(latents[0], SCALE * kept, rtol=1e-3, atol=1e-3)
    wanted = kept @ rows[: max(config.latents)]
    if kind == "dense":
        torch.testing.assert_close(decoded, expand(wanted), rtol=1e-3, atol=1e-3)
    else:
        back = mdct.inverse(wanted.numpy().reshape(39, 2, HOP).transpose(1, 2, 0))
        np.testing.assert_allclose(framing.inverse(decoded.numpy()), back, atol=1e-4)


def test_principal_directions_are_those_of_the_covariance() -> None:
    rng = np.random.default_rng(0)
    scale = np.array([1, 5, 2, 0.1])
    pieces = [torch.from_numpy(rng.standard_normal((5000, 4)) * scale) for _ in range(2)]
    found = train.principal(iter([10 * pieces[0], pieces[1]]), 3).abs()
    torch.testing.assert_close(found, torch.eye(4)[:, [1, 2, 0]], rtol=0, atol=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_reach_is_what_decides_a_frame(kind: str, models: dict[str, PlainAutoencoder]) -> None:
    model, reach = models[kind], MIXED[kind].reach
    for part, size in ((model.encoder, MIXED[kind].size), (model.decoder, max(MIXED[kind].latents))):
        x = torch.randn(1, 21, size, generator=torch.Generator().manual_seed(0))
        x.requires_grad_()
        part(x)[0, 10].square().sum().backward()
        touched = x.grad[0].abs().sum(1).nonzero().flatten()  # type: ignore[index]
        assert (touched.min(), touched.max()) == (10 - reach, 10 + reach)


def test_sizes_of_the_study() -> None:
    time, dense = train.DEFAULTS["time"], train.DEFAULTS["dense"]
    assert 8 * max(time.latents) == 2 * HOP  # eight times fewer numbers than samples
    assert dense.latents == (32, 64, 128, 256, 512)
    for config in (time, dense):
        model = PlainAutoencoder(config)
        multiplies = sum(value.numel() for part in (model.encoder, model.decoder) for value in part.parameters())
        assert 63 * multiplies / 2 < 0.2e9  # a stereo second, each way
        assert PlainConfig.from_plain(json.loads(json.dumps(config.plain()))) == config


# The loop


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two songs and a loop."""
    (tmp_path / "loops").mkdir()
    for number in range(2):
        soundfile.write(tmp_path / f"{number}.wav", song(2.0, seed=number).T, 44100)
    soundfile.write(tmp_path / "loops" / "hit.wav", song(0.5, seed=9, channels=1).T, 44100)
    lines = "path,split\n0.wav,train\n1.wav,train\n"
    (tmp_path / "manifest.csv").write_text(lines)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, config: PlainConfig, steps: int, **options: Any) -> Any:
    """Train by a clock that ticks whenever it is asked; returns the checkpoint."""
    ticks: Iterator[float] = iter(range(10_000))
    monkeypatch.setattr(train, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    for name, value in {"BATCH": 2, "FRAMES": 16, "START_PIECES": 1}.items():
        monkeypatch.setattr(train, name, value)
    given: dict[str, Any] = {"music": folder, "cache": folder / "cache", "out": folder / "run", "resume": None}
    given |= {"minutes": 1000, "steps": steps, "save_minutes": 60, "every": 1, "seed": 0}
    train.train(config, argparse.Namespace(**(given | options)))
    return torch.load(folder / "run" / "last.pt", weights_only=True)


@pytest.mark.parametrize("kind", KINDS)
def test_training_moves_every_weight_and_resumes(kind: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    config = MIXED[kind]
    first = run(monkeypatch, folder, config, 3)
    assert (first["step"], first["config"]) == (3, config.plain())
    again = run(monkeypatch, folder, MIXED["time"], 5, resume=folder / "run" / "last.pt")
    assert (again["step"], again["config"]) == (5, config.plain())
    for name, value in again["model"].items():
        assert torch.isfinite(value).all()
        assert not torch.equal(value, first["model"][name]), name
    lines = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5]
    assert all(math.isfinite(line["log_distance"]) for line in lines)


def test_the_clock_stops_it(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    assert 0 < run(monkeypatch, folder, MIXED["dense"], 0, minutes=8 / 60)["step"] < 8


def test_training_lowers_the_loss_it_is_given(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """On one batch over and over: what is minimised falls, for a loss of samples and one of spectra."""
    monkeypatch.setattr(train, "batches", lambda *_, turned: iter(lambda: batch, None))
    monkeypatch.setattr(train, "STEPS", (0.5, 0.51))
    waves = np.stack([song(0.3, seed=n)[:, : 15 * HOP] for n in range(2)])
    coefficients = np.zeros((2, 16, COEFFICIENTS), np.float32)
    batch = Batch(coefficients, np.zeros((2, 1, WINDOW_UNITS), np.bool_), np.zeros((2, 1, BANDS), np.uint8), waves)
    for loss in ("mse", "log-stft-l1"):
        config = PlainConfig("time", loss, (24,), width=24, hidden=8)
        (folder / "run" / "log.jsonl").unlink(missing_ok=True)
        run(monkeypatch, folder, config, 60)
        lines = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
        before, after = (np.mean([line["log_distance"] for line in part]) for part in (lines[:8], lines[-8:]))
        assert after < before - 0.02


def test_unsent_latents_decide_nothing() -> None:
    """Without blocks, which may mix all of the stream into what is sent."""
    torch.manual_seed(0)
    model = PlainAutoencoder(PlainConfig("time", "mse", (16, 24), width=24, blocks=0))
    x, step = torch.randn(1, 8, 4 * HOP), torch.tensor([[[0.5]]])
    kept = (torch.arange(24) < 16).float()[None, None]
    few, bits = train.through(model, x, step, kept)
    whole, more = train.through(model, x, step, torch.ones(1, 1, 24))
    with torch.no_grad():
        model.encoder.enter.weight[16:] *= 3
    assert torch.equal(train.through(model, x, step, kept)[0], few)
    assert not torch.equal(whole, few)
    assert 0 < bits < more


# The export


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
    from codec.runtime.session import Network

    got = Network(data, {"x"}, "cpu")(x=np.ones((1, 2048), np.float32))["y"]
    assert np.array_equal(got, weight + small)


@pytest.mark.parametrize("kind", KINDS)
def test_levels_say_how_large_latents_are(kind: str, models: dict[str, PlainAutoencoder]) -> None:
    tables = export.count(models[kind], SyntheticMusic(), 4)
    with torch.no_grad():
        cut = np.concatenate(list(export.windows(MIXED[kind], SyntheticMusic(), 4, 0)))
        values = models[kind].encoder(torch.from_numpy(cut.reshape(4, -1, cut.shape[1])))
    size = values.abs().mean((0, 1)).double().numpy() * math.sqrt(math.pi / 2)
    assert np.abs(tables.levels(0) - np.clip(UNIT_SCALE + 4 * np.log2(size), 0, 47)).max() <= 0.51
    # Importance falls with the place, but for neighbours that are nearly equal.
    assert np.corrcoef(np.arange(len(size)), -np.log(size))[0, 1] > 0.5
    assert tables.main[10, 0] > tables.main[25, 0] > tables.main[30, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_becomes_a_model(
    kind: str, models: dict[str, PlainAutoencoder], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = MIXED[kind]
    state = {"model": {}, "ema": models[kind].state_dict(), "step": 7, "seen": 9.0, "spent": 2.0}
    torch.save(state | {"config": config.plain()}, folder / "last.pt")
    arguments = ["--checkpoint", folder / "last.pt", "--music", folder, "--cache", folder / "cache", "--pieces", 1]
    monkeypatch.setattr("sys.argv", ["export", *map(str, arguments), "--out", str(folder / "made")])
    export_main()
    made = Model(folder / "made")
    assert (made.kind, made.transform, made.latents) == ("mixed", config.transform, config.latents)
    assert made.default_latent == max(config.latents)
    assert made.reach("encoder") == made.reach("decoder") == config.reach
    assert made.encoder
    assert made.decoder
    assert max(made.card["parity_with_torch"].values()) < 1e-4
    assert made.card["training"]["steps"] == 7


@pytest.mark.parametrize("kind", KINDS)
def test_the_fixtures_have_the_sizes_of_the_code(kind: str) -> None:
    """Principal directions differ in sign between machines, so the files themselves cannot be compared."""
    card = Model(MODELS / f"tiny-{kind}").card
    assert card["reach"]["encoder"] == MIXED[kind].reach
    assert tuple(map(int, card["tiers"])) == MIXED[kind].latents
