"""Merging runs: the mean of their weights, and the sum of what they saw."""

from pathlib import Path
from typing import Any

import pytest
import torch

from formats.errors import UsageError
from training.ranked import merge
from training.ranked.checkpoint import restore
from training.ranked.config import TrainConfig
from training.ship.tiny import TINY, untrained


def checkpoint(value: float, step: int, **changes: Any) -> dict[str, Any]:
    weights = {name: torch.full_like(tensor, value) for name, tensor in untrained().state_dict().items()}
    made = {
        "ema": weights, "step": step, "seen": 16.0 * step, "spent": 2.0 * step,
        "config": TrainConfig(network=TINY).as_dict(),
    }  # fmt: skip
    return made | changes


def test_weights_are_averaged_and_work_is_added() -> None:
    found = merge.average(checkpoint(9.0, 100), [checkpoint(1.0, 150), checkpoint(4.0, 120)])
    assert {float(tensor.mean()) for tensor in found["ema"].values()} == {2.5}
    assert (found["step"], found["seen"], found["spent"]) == (170, 16 * 170, 340)


def test_runs_that_do_not_belong_together_are_refused() -> None:
    wider = TrainConfig(network=TINY).as_dict() | {"network": {"width": 3}}
    with pytest.raises(UsageError, match="different networks"):
        merge.average(checkpoint(0.0, 0), [checkpoint(1.0, 1), checkpoint(1.0, 1, config=wider)])
    with pytest.raises(UsageError, match="not further"):
        merge.average(checkpoint(0.0, 10), [checkpoint(1.0, 9)])


def test_the_command_writes_what_export_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, made in (("start", checkpoint(0.0, 10)), ("a", checkpoint(0.1, 20)), ("b", checkpoint(0.3, 30))):
        torch.save(made, tmp_path / f"{name}.pt")
    paths = [str(tmp_path / f"{name}.pt") for name in ("start", "a", "b", "c")]
    given = ["--start", paths[0], paths[1], paths[2], "--out", paths[3]]
    assert merge.main(given) == 0
    assert "40 steps, 640 s of audio" in capsys.readouterr().out
    model, told = restore(Path(paths[3]))
    assert told["steps"] == 40
    assert float(model.scales.predictor[0, 0].detach()) == pytest.approx(0.2)
    assert float(model.scales.bias[-1].detach()) == pytest.approx(0.2)
    assert merge.main(["--start", paths[0], "absent.pt", "--out", paths[3]]) == 2
    assert capsys.readouterr().err == "merge: cannot read absent.pt: No such file or directory\n"
