"""Training of plain autoencoders: PCA as the start, the loop, resuming."""

import math
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from codec.dsp import framing, mdct
from formats.errors import UsageError
from formats.grid import BANDS, COEFFICIENTS, HOP, WINDOW_UNITS
from tests.support.training_runs import log_of, run_plain, same, stopped_after, write_music
from training.data.batches import Batch, Maker, names
from training.data.produce import produce
from training.data.songs import song
from training.items.library import on_device, with_waves
from training.items.synthesis import inverse_mdct_matrix
from training.loop import schedule
from training.loop.weights import clip_gradients
from training.plain import train
from training.plain.losses import LOSSES
from training.plain.network import DEFAULTS, SCALE, PlainAutoencoder, PlainConfig, compress, expand
from training.ship.tiny import PLAIN, SyntheticMusic

KINDS = sorted(PLAIN)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_music(tmp_path / "music")


@pytest.mark.parametrize("kind", KINDS)
def test_step_zero_is_projection_on_the_principal_directions(kind: str) -> None:
    config = PLAIN[kind]
    model = train.start(config, SyntheticMusic(), 3, seed=1)
    x = song(1.0, seed=7)[:, : 40 * HOP]
    mid_side = np.stack([x[0] + x[1], x[0] - x[1]]) / 2
    coefficients = mdct.forward(mid_side).transpose(2, 0, 1).reshape(39, COEFFICIENTS)
    # The directions as the filterbank holds them, in MDCT coefficients.
    rows = model.encoder.enter.weight.detach()
    if kind == "time":
        rows = torch.einsum("wcn,kn->wck", rows.reshape(-1, 2, 2 * HOP), inverse_mdct_matrix()).reshape(len(rows), -1)
    torch.testing.assert_close(rows @ rows.T, torch.eye(len(rows)), rtol=0, atol=1e-4)
    source = compress(torch.from_numpy(coefficients)) if kind == "dense" else torch.from_numpy(coefficients)
    cut = coefficients if kind == "dense" else framing.forward(mid_side)
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


def test_a_run_goes_on_on_another_device(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counts of steps stay on the CPU: on a GPU, AdamW would wait for it once for each weight and step."""
    run_plain(monkeypatch, folder, PLAIN["time"], 1)
    resumed = train.Options(folder, folder / "again", resume=folder / "run" / "last.pt")
    run = train.begin(PLAIN["time"], resumed, SyntheticMusic(), torch.device("meta"))
    learned = [*run.model.state_dict().values(), *run.average.values()]
    assert {value.device.type for value in learned} == {"meta"}
    states = run.optimiser.state.values()
    assert {(state["exp_avg"].device.type, state["step"].device.type) for state in states} == {("meta", "cpu")}


@pytest.mark.parametrize("kind", KINDS)
def test_training_moves_every_weight_and_resumes(kind: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    config = PLAIN[kind]
    first = run_plain(monkeypatch, folder, config, 3)
    assert (first["step"], first["config"]) == (3, config.as_dict())
    again = run_plain(monkeypatch, folder, config, 5, resume=folder / "run" / "last.pt")
    assert (again["step"], again["config"]) == (5, config.as_dict())
    for name, value in again["model"].items():
        assert torch.isfinite(value).all()
        assert not torch.equal(value, first["model"][name]), name
    rows = log_of(folder)
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5]
    for row in rows:
        assert row["loss"] == pytest.approx(row["log_distance"] + train.RATE * row["log_bits"], rel=1e-4)


def test_the_clock_stops_it(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Which is asked once before every step."""
    ticks = count()
    monkeypatch.setattr(schedule, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    assert 0 < run_plain(monkeypatch, folder, PLAIN["dense"], 0, minutes=8 / 60)["step"] < 8


def test_training_lowers_the_loss_it_is_given(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """On one batch over and over: what is minimised falls, for a loss of samples and one of spectra."""
    monkeypatch.setattr(Maker, "make", lambda *_: batch)
    monkeypatch.setattr(train, "STEPS", (0.5, 0.51))
    waves = np.stack([song(0.3, seed=n)[:, : 15 * HOP] for n in range(2)])
    coefficients = np.zeros((2, 16, COEFFICIENTS), np.float32)
    batch = Batch(coefficients, np.zeros((2, 1, WINDOW_UNITS), np.bool_), np.zeros((2, 1, BANDS), np.uint8), waves)
    for loss in ("mse", "log-stft-l1"):
        config = PlainConfig("time", loss, (24,), width=24, hidden=8)
        run_plain(monkeypatch, folder, config, 60)
        rows = log_of(folder)
        before, after = (np.mean([row["log_distance"] for row in part]) for part in (rows[:8], rows[-8:]))
        assert after < before - 0.02


def test_latents_that_are_not_sent_change_nothing() -> None:
    """Without blocks, which may combine all of the stream into what is sent."""
    torch.manual_seed(0)
    model = PlainAutoencoder(PlainConfig("time", "mse", (16, 24), width=24, blocks=0))
    x, step = torch.randn(1, 8, 4 * HOP), torch.tensor([[[0.5]]])
    kept = (torch.arange(24) < 16).float()[None, None]
    few, bits = train.run_codec(model, x, step, kept)
    whole, more = train.run_codec(model, x, step, torch.ones(1, 1, 24))
    with torch.no_grad():
        model.encoder.enter.weight[16:] *= 3
    assert torch.equal(train.run_codec(model, x, step, kept)[0], few)
    assert not torch.equal(whole, few)
    assert 0 < bits < more


# A resumed run


def configured(*given: str) -> PlainConfig:
    return train.configured(train.parser().parse_args(["--music", "m", "--out", "o", *given]))


@pytest.fixture
def checkpoint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint of two steps of the kind time, begun with seed 4."""
    run_plain(monkeypatch, folder, replace(PLAIN["time"], loss="l1"), 2, seed=4)
    return (folder / "run" / "last.pt").rename(folder / "first.pt")


def test_a_resumed_run_has_the_configuration_of_its_checkpoint(checkpoint: Path) -> None:
    known = replace(PLAIN["time"], loss="l1")
    assert configured("--resume", str(checkpoint)) == known
    assert configured("--resume", str(checkpoint), "--kind", "time", "--seed", "4") == known
    assert configured("--resume", str(checkpoint), "--loss", "mse") == PLAIN["time"]
    assert configured("--kind", "dense") == DEFAULTS["dense"] and configured() == DEFAULTS["time"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--kind", "dense"), "is of kind time, not dense"),
        (("--seed", "0"), "was begun with seed 4, not 0"),
    ],
)
def test_what_a_resumed_run_keeps_is_refused_in_one_line(
    checkpoint: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, str], told: str
) -> None:
    assert train.main(["--music", "m", "--out", "o", "--resume", str(checkpoint), *given]) == 2
    assert capsys.readouterr().err == f"train-plain: {checkpoint} {told}\n"


def test_the_kind_dense_has_a_loss_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--music", "m", "--out", "o", "--kind", "dense", "--loss", "l1"]) == 2
    assert "has a loss of its own" in capsys.readouterr().err


def test_the_seed_goes_on(folder: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed run draws what the same run without interruption would, whatever the command line's default."""
    names: list[Any] = []
    make = Maker.make

    def noted(maker: Maker, named: Any) -> Any:
        names.extend(named)
        return make(maker, named)

    monkeypatch.setattr(Maker, "make", noted)
    again = run_plain(monkeypatch, folder, PLAIN["time"], 3, resume=checkpoint)
    assert names == [[4, 0, 2, 0], [4, 0, 2, 1]] and again["seed"] == 4


def test_the_first_line_after_a_resume_is_a_mean(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It averages the steps that there were: part of an interval is not divided by the whole of it."""
    monkeypatch.setattr(train, "distance", lambda config, decoded, x, sizes: 0 * decoded.sum((1, 2)) + math.exp(3))
    run_plain(monkeypatch, folder, PLAIN["time"], 2)
    first = (folder / "run" / "last.pt").rename(folder / "first.pt")
    run_plain(monkeypatch, folder, PLAIN["time"], 3, resume=first, every=3)
    (row,) = log_of(folder)
    assert (row["step"], row["log_distance"]) == (3, 3.0)


def test_the_last_steps_of_a_run_have_a_row(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_plain(monkeypatch, folder, PLAIN["time"], 3, every=2)
    assert [row["step"] for row in log_of(folder)] == [2, 3]
    run_plain(monkeypatch, folder, PLAIN["time"], 4, every=4, resume=folder / "run" / "last.pt")
    assert [row["step"] for row in log_of(folder)] == [2, 3, 4]


def test_averaged_weights_alone_cannot_be_resumed(
    folder: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = torch.load(checkpoint, weights_only=True)
    torch.save({key: value for key, value in state.items() if key not in ("model", "optimiser")}, checkpoint)
    with pytest.raises(UsageError, match="averaged weights only"):
        run_plain(monkeypatch, folder, PLAIN["time"], 3, resume=checkpoint)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_in_two_halves_is_the_run_in_one(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = run_plain(monkeypatch, folder, PLAIN[kind], 4, every=3)
    rows = log_of(folder)
    assert schedule.KEY not in whole  # a finished run's schedule is over
    stopped_after(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        run_plain(monkeypatch, folder, PLAIN[kind], 4, every=3)
    checkpoint = folder / "run" / "last.pt"
    half = torch.load(checkpoint, weights_only=True)
    assert half["step"] == 2 and half[schedule.KEY]["first"] == 0
    stopped_after(monkeypatch, -1)
    again = run_plain(monkeypatch, folder, PLAIN[kind], 4, every=3, resume=checkpoint)
    for part in ("model", "ema", "optimiser", "step", "seen"):
        assert same(again[part], whole[part])
    terms = ("step", "loss", "log_distance", "log_bits", "norm")  # of steps 1 to 3, though 1 and 2 are the first run's
    assert [[row[name] for name in terms] for row in log_of(folder)] == [[row[name] for name in terms] for row in rows]
    assert schedule.KEY not in again


def test_ctrl_c_says_how_to_go_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped_after(monkeypatch, 0)
    out = folder / "run"
    given = ["--music", str(folder), "--out", str(out), "--cache", str(folder / "cache"), "--start-pieces", "1"]
    assert train.main(given) == 130
    told = f"train-plain: interrupted; go on with the same command and --resume {out / 'last.pt'}"
    assert capsys.readouterr().err.splitlines()[-1] == told


@pytest.mark.parametrize("kind", KINDS)
def test_items_of_a_library_and_bfloat16(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is done on a GPU; the layers round, and nothing else: weights, quantizer and loss stay float32."""
    monkeypatch.setattr("training.items.source.produce", lambda maker, names, jobs: produce(maker, names, 0))
    monkeypatch.setattr("training.items.source.MADE_AT_ONCE", 2)
    losses = []
    for bf16 in (False, True):
        run = run_plain(monkeypatch, folder, PLAIN[kind], 2, library=2, bf16=bf16)
        losses.append([row["loss"] for row in log_of(folder)])
        assert all(value.dtype == torch.float32 and torch.isfinite(value).all() for value in run["model"].values())
    assert losses[1] == pytest.approx(losses[0], abs=0.05) and losses[1] != losses[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_stays_on_its_device(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors on the device meta have no values, and cannot be mixed with those of a CPU."""
    device, rng = torch.device("meta"), np.random.default_rng(0)
    maker = Maker(SyntheticMusic(), SyntheticMusic(), 16, "plain", waves=False)
    items = with_waves(on_device(maker.make(names(1, 0, 2)), device), maker)
    model = PlainAutoencoder(PLAIN[kind]).to(device)
    x = train.frames_of(PLAIN[kind], items)
    sent, steps = (part.to(device) for part in train.draw_settings(PLAIN[kind], 2, rng))
    decoded, bits = train.run_codec(model, x, steps, sent)
    for loss in LOSSES if kind == "time" else [PLAIN[kind].loss]:
        lost = train.distance(replace(PLAIN[kind], loss=loss), decoded, x)
        (lost.mean() + bits.mean()).backward(retain_graph=True)  # type: ignore[no-untyped-call]
    assert clip_gradients(model.parameters()).device == device
