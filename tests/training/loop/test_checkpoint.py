"""Checkpoints: complete or not there, read without executing anything, and refused in one line."""

import pickle
from pathlib import Path

import pytest
import torch

from formats.errors import UsageError
from tests.support import ROOT
from tests.support.training_runs import SHORT, same
from training.loop import checkpoint
from training.ranked.checkpoint import restore
from training.ranked.config import TrainConfig
from training.ranked.export import check_bitstream
from training.ranked.tables import integer_part
from training.ship.tiny import PLAIN, untrained

NUMBERS = {"step": 7, "seen": 9.4, "spent": 1.6}


def test_restoring_takes_the_averaged_weights(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    checkpoint.save(path, ema=untrained().state_dict(), config=SHORT.as_dict(), **NUMBERS)
    model, told = restore(path)
    assert same(dict(model.state_dict()), dict(untrained().state_dict())) and not model.training
    assert told == {"steps": 7, "seconds_of_audio_seen": 9, "training_seconds": 2, "config": SHORT.as_dict()}
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]


def test_the_untrained_start_is_the_same_every_time() -> None:
    (first, told), (second, _) = restore(None), restore(None)
    assert same(dict(first.state_dict()), dict(second.state_dict())) and told["steps"] == 0


def test_a_small_checkpoint_makes_the_same_bitstream(tmp_path: Path) -> None:
    """What learned is in half precision; what did not is exact."""
    model = untrained()
    model.encoder.requires_grad_(False)
    model.scales.requires_grad_(False)
    average = {name: value.clone() for name, value in model.state_dict().items()}
    run = checkpoint.Run(SHORT, model, average, torch.optim.AdamW(model.decoder.parameters()), step=7)
    run.save_small(tmp_path / "small.pt", 1.0)
    run.save(tmp_path / "last.pt", 1.0)
    assert (tmp_path / "small.pt").stat().st_size < 0.6 * (tmp_path / "last.pt").stat().st_size
    restored, told = restore(tmp_path / "small.pt")
    assert told["steps"] == 7
    check_bitstream(restored, integer_part(model))
    for name, value in restored.state_dict().items():
        learns = name.startswith(("decoder.", "noise."))
        torch.testing.assert_close(value, average[name], rtol=1e-3 if learns else 0, atol=1e-4 if learns else 0)


def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("no checkpoint")
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Path("x"), protocol=2))
    torch.save({"ema": {}}, tmp_path / "half.pt")
    for name in ("text.pt", "evil.pt", "half.pt"):
        with pytest.raises(UsageError, match=f"{name} is no checkpoint$"):
            checkpoint.load(tmp_path / name)
    with pytest.raises(UsageError, match=r"cannot read .*absent\.pt: No such file"):
        checkpoint.load(tmp_path / "absent.pt")


def test_other_kinds_and_versions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    weights = untrained().state_dict()
    for config, state, told in (
        (PLAIN["time"].as_dict(), weights, "is a checkpoint of a plain autoencoder"),
        ({**SHORT.as_dict(), "adversary": 0.1}, weights, "was written by another version"),
        (SHORT.as_dict(), {"levels.bias": torch.zeros(3)}, "was written by another version"),
    ):
        checkpoint.save(path, ema=state, config=config, **NUMBERS)
        with pytest.raises(UsageError, match=told):
            restore(path)


def test_the_shipped_checkpoint_can_be_restored() -> None:
    model, told = restore(ROOT / "training" / "checkpoints" / "music.pt")
    assert told["steps"] > 30_000
    assert TrainConfig.from_dict(told["config"]).network == model.config
