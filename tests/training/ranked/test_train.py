"""The training loop: resuming, what is trained, the configuration of a resumed run."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from formats.errors import UsageError
from formats.grid import COEFFICIENTS, SEGMENT
from tests.support import ROOT
from tests.support.training_runs import SHORT, code_lengths_file, log_of, run_ranked, same, stopped_after, write_music
from training.__main__ import COMMANDS
from training.data.produce import produce
from training.loop.checkpoint import load
from training.loop.stopping import StoppedError
from training.ranked import options, train
from training.ranked.checkpoint import restore
from training.ranked.config import NetworkConfig, TrainConfig
from training.ranked.network import Autoencoder
from training.ship.tiny import TINY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_music(tmp_path / "music")


def test_a_run_can_be_resumed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = code_lengths_file(folder)
    config = TrainConfig(**{**vars(SHORT), "rate_encoder": 1e-3})
    first = run_ranked(folder, config, 2, code_lengths=lengths)
    assert first["step"] == 2
    assert first["seen"] == 2 * 2 * 2.0
    assert TrainConfig.from_dict(first["config"]) == config
    start = Autoencoder(TINY).state_dict()
    moved = {name for name, value in first["model"].items() if not torch.equal(value, start[name])}
    assert {"decoder.heads.weight", "encoder.hyper.weight", "scales.predictor"} <= moved
    assert not {"encoder.bands", "scales.interpolation"} & moved

    checkpoint = folder / "run" / "last.pt"
    again = run_ranked(folder, config, 0, code_lengths=lengths, resume=checkpoint)
    assert again["step"] == 2
    assert all(same(again[part], first[part]) for part in ("model", "ema", "optimiser", "config"))

    second = run_ranked(folder, config, 1, code_lengths=lengths, resume=checkpoint)
    assert second["step"] == 3
    assert {int(state["step"]) for state in second["optimiser"]["state"].values()} == {3}
    assert second["spent"] > first["spent"]
    assert not same(second["model"], first["model"])

    rows = log_of(folder)
    assert [row["step"] for row in rows] == [1, 2, 3]
    terms = {"mel", "stft", "similarity", "coefficient", "mask", "level", "rate"}
    for row in rows:
        assert row["loss"] == pytest.approx(sum(row[term] for term in terms), rel=1e-4)
        assert math.isfinite(row["norm"]) and row["learning_rate"] > 0 and row["audio_per_second"] > 0

    model, told = restore(checkpoint)
    assert told["steps"] == 3
    assert same(dict(model.state_dict()), dict(second["ema"]))


def test_a_run_goes_on_on_another_device(folder: Path) -> None:
    """The counts of steps stay on the CPU: on a GPU, AdamW would wait for it once for each weight and step."""
    run_ranked(folder, SHORT, 1)
    resumed = train.Options(folder, folder / "again", resume=folder / "run" / "last.pt")
    run = train.begin(SHORT, resumed, torch.device("meta"))
    learned = [*run.model.state_dict().values(), *run.average.values()]
    assert {value.device.type for value in learned} == {"meta"}
    states = run.optimiser.state.values()
    assert {(state["exp_avg"].device.type, state["step"].device.type) for state in states} == {("meta", "cpu")}


def test_the_encoder_stays_at_its_start_unless_it_has_a_rate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(SHORT.seed)
    start = Autoencoder(TINY).state_dict()
    trained = run_ranked(folder, SHORT, 1)["model"]
    assert all(torch.equal(trained[name], start[name]) for name in start if not name.startswith(("decoder.", "noise.")))
    assert not torch.equal(trained["decoder.heads.weight"], start["decoder.heads.weight"])


def test_the_noise_is_learned_from_the_pattern_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = np.random.default_rng(0).normal(size=(2, SEGMENT, COEFFICIENTS)).astype(np.float32)
    np.save(folder / "noise.npy", given)
    trained = run_ranked(folder, SHORT, 1, noise=folder / "noise.npy")["model"]["noise.pattern"].numpy()
    away = np.abs(trained - given)
    assert 0 < away.max() <= SHORT.rate_noise * 1.01  # one step of Adam
    assert np.abs(given - run_ranked(folder, SHORT, 1)["model"]["noise.pattern"].numpy()).max() > 1


# A resumed run


def checkpoint_of(folder: Path, **changes: Any) -> Path:
    """A checkpoint of two steps."""
    run_ranked(folder, replace(SHORT, **changes), 2)
    return (folder / "run" / "last.pt").rename(folder / "first.pt")


def arguments(folder: Path, *more: str) -> list[str]:
    return ["--music", str(folder), "--out", str(folder / "run"), "--cache", str(folder / "cache"), *more]


def test_the_first_line_after_a_resume_is_a_mean(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It averages the steps that there were: part of an interval is not divided by the whole of it."""

    def constant(config: TrainConfig, model: Autoencoder, decoded: torch.Tensor, *_: Any) -> dict[str, torch.Tensor]:
        return {"mel": 0 * decoded.sum() + 8.0}

    monkeypatch.setattr(train, "reconstruction_terms", constant)
    first = checkpoint_of(folder)
    run_ranked(folder, SHORT, 1, resume=first, every=3)
    (row,) = log_of(folder)
    assert (row["step"], row["mel"]) == (3, 8.0)


def configured(*given: str) -> TrainConfig:
    return options.configured(options.parser().parse_args(["--music", "m", "--out", "o", *given]))


def test_a_resumed_run_has_the_configuration_of_its_checkpoint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"mel": 7.0, "seed": 5, "rate_decoder": 1e-4, "vary": 0.25}
    path = str(checkpoint_of(folder, **config))
    known = replace(SHORT, **config)
    assert configured("--resume", path) == known
    changed = configured("--resume", path, "--mel", "2", "--batch", "3", "--seconds", "4", "--rate-noise", "0")
    assert changed == replace(known, mel=2.0, batch=3, seconds=4.0, rate_noise=0.0)
    assert configured("--resume", path, "--net-width", "8") == known  # which it has
    assert configured("--mel", "2", "--net-width", "32") == TrainConfig(NetworkConfig(width=32), mel=2.0)


def test_a_resumed_run_keeps_its_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkpoint_of(folder)
    capsys.readouterr()
    assert train.main(arguments(folder, "--resume", str(path), "--net-width", "64")) == 2
    assert capsys.readouterr().err == f"train: the network of {path} has width 8, not 64, and keeps it\n"
    assert train.main(arguments(folder, "--resume", str(path), "--steps", "3", "--mel", "3")) == 0
    made = torch.load(folder / "run" / "last.pt", weights_only=True)
    assert made["step"] == 3 and TrainConfig.from_dict(made["config"]) == replace(SHORT, mel=3.0)


def test_a_resumed_optimiser_takes_the_learning_rates_that_are_given(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not those of the checkpoint, which the optimiser's state would bring along."""
    path = checkpoint_of(folder)
    before = torch.load(path, weights_only=True)["model"]
    frozen = replace(SHORT, rate_decoder=0.0, rate_noise=0.0)
    after = run_ranked(folder, frozen, 1, resume=path)["model"]
    assert same(dict(after), dict(before))


def test_averaged_weights_alone_can_only_be_resumed_fresh(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = checkpoint_of(folder)
    state = torch.load(path, weights_only=True)
    torch.save({key: state[key] for key in ("ema", "config", "step", "seen", "spent")}, path)
    with pytest.raises(UsageError, match="averaged weights only"):
        run_ranked(folder, SHORT, 1, resume=path)
    assert run_ranked(folder, SHORT, 1, resume=path, fresh=True)["step"] == 3


def test_another_training_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = checkpoint_of(folder)
    learns = replace(SHORT, rate_encoder=1e-3)
    with pytest.raises(UsageError, match="needs the code lengths"):
        run_ranked(folder, learns, 1, resume=path)
    with pytest.raises(UsageError, match="trained other parts of the network"):
        run_ranked(folder, learns, 1, resume=path, code_lengths=code_lengths_file(folder))


def test_another_decoder_for_a_bitstream(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it is done on a GPU: wider, items from a library, bfloat16, a small checkpoint that can be exported."""
    first = checkpoint_of(folder)
    monkeypatch.setattr("training.items.source.produce", lambda maker, names, jobs: produce(maker, names, 0))
    given = arguments(folder, "--bitstream", str(first), "--model", str(ROOT / "models" / "music"), "--library", "8")
    given += [
        "--net-width",
        "12",
        "--net-frame-blocks",
        "1",
        "--bf16",
        "--tune",
        "--counted",
        "--steps",
        str(2 + load(first)["step"]),
    ]
    assert train.main([*given, "--voices", "3", "--scales", "7", "--batch", "2", "--every", "1"]) == 0
    assert "ms a step of the decoder: contiguous" in capsys.readouterr().err
    done = load(first)["step"]  # what the decoder that it begins as has learned counts
    assert done and [row["step"] for row in log_of(folder)] == [done + 1, done + 2]
    model, told = restore(folder / "run" / "small.pt")
    assert told["steps"] == done + 2 and model.config == replace(TINY, width=12, frame_blocks=1)
    old = torch.load(first, weights_only=True)["ema"]
    parts = ("encoder.", "scales.")
    assert all(torch.equal(value, old[name]) for name, value in model.state_dict().items() if name.startswith(parts))
    assert not torch.equal(model.noise.pattern, old["noise.pattern"])


def test_a_run_resumes_or_starts_anew(capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--music", "m", "--out", "o", "--resume", "a.pt", "--bitstream", "a.pt"]) == 2
    assert "goes on from a checkpoint (--resume) or" in capsys.readouterr().err


def test_help_names_commands_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train.main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.startswith("usage: python -m training train") and "training." not in shown
    assert {"smooth-noise", "export"} <= COMMANDS.keys() and "smooth-noise" in shown and "export command" in shown


def test_a_run_in_two_halves_is_the_run_in_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also its log, where the second half goes on."""

    def stop(steps: int, **more: Any) -> Any:
        stopped_after(monkeypatch, steps)
        with pytest.raises(StoppedError):
            run_ranked(folder, SHORT, 7 if more else 9, **more)  # until step 9
        return torch.load(folder / "run" / "last.pt", weights_only=True)

    whole, rows = stop(4), log_of(folder)
    half = stop(2)
    assert half["step"] == 2
    again = stop(2, resume=folder / "run" / "last.pt")
    assert again["step"] == whole["step"] == 4 and again["position"]["first"] == 0
    assert all(same(again[part], whole[part]) for part in ("model", "ema", "optimiser"))
    assert not same(half["model"], whole["model"])
    for one, other in zip(log_of(folder), rows, strict=True):
        assert all(one[name] == other[name] for name in ("step", "seen", "learning_rate", "loss", "mel", "norm"))
