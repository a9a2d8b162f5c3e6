"""Steps of a checkpoint are changed where they are told to, and nothing else is."""

from pathlib import Path

import pytest
import torch

from formats.grid import HOP, SAMPLE_RATE
from training.loop import checkpoint
from training.ranked.config import TrainConfig
from training.ranked.network import Autoencoder
from training.ranked.steps import band, main


@pytest.fixture
def source(tmp_path: Path) -> Path:
    config = TrainConfig()
    torch.manual_seed(0)
    weights = Autoencoder(config.network).state_dict()
    checkpoint.save(tmp_path / "a.pt", ema=weights, config=config.as_dict(), step=3, seen=4.0, spent=5.0)
    return tmp_path / "a.pt"


def bin_of(hertz: float) -> int:
    return int(hertz / SAMPLE_RATE * 2 * HOP)


def test_a_band_has_smooth_edges_and_is_the_same_for_both_channels() -> None:
    weight = band(2000, 8000)
    assert weight.shape == (2 * HOP,) and torch.equal(weight[:HOP], weight[HOP:])
    assert weight[bin_of(4000)] > 0.99 and weight[bin_of(500)] < 1e-4 and weight[bin_of(20000)] < 1e-4
    assert weight[bin_of(2000)] == pytest.approx(0.5, abs=0.1)


def test_steps_change_as_they_are_told_and_nothing_else_does(source: Path) -> None:
    target = source.with_name("b.pt")
    band_options = ["--band", "-0.5", "3000", "12000", "--band", "0.25", "20", "1000"]
    options = [*band_options, "--shape", "0.125", "--steady", "-0.25"]
    assert main(["--checkpoint", str(source), "--out", str(target), *options]) == 0
    before, after = checkpoint.load(source), checkpoint.load(target)
    changed = {name for name, value in before["ema"].items() if not torch.equal(value, after["ema"][name])}
    assert changed == {"scales.bias", "scales.shape", "scales.steady"}
    bias = after["ema"]["scales.bias"] - before["ema"]["scales.bias"]
    assert bias[bin_of(6000)] == pytest.approx(-0.5, abs=0.01) == bias[HOP + bin_of(6000)].item()
    assert bias[bin_of(300)] == pytest.approx(0.25, abs=0.01)
    assert torch.allclose(after["ema"]["scales.shape"] - before["ema"]["scales.shape"], torch.tensor(0.125))
    assert torch.allclose(after["ema"]["scales.steady"] - before["ema"]["scales.steady"], torch.tensor(-0.25))
    assert [after[key] for key in ("config", "step", "seen", "spent")] == [
        before[key] for key in ("config", "step", "seen", "spent")
    ]


def test_a_file_that_is_no_checkpoint_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.pt").write_bytes(b"no")
    assert main(["--checkpoint", str(tmp_path / "x.pt"), "--out", str(tmp_path / "y.pt")]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "y.pt").exists()


@pytest.mark.parametrize("edges", [("0", "4000"), ("-1", "4000"), ("4000", "4000"), ("8000", "4000")])
def test_a_band_has_edges_in_order(edges: tuple[str, str], source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = source.with_name("b.pt")
    assert main(["--checkpoint", str(source), "--out", str(target), "--band", "0.1", *edges]) == 2
    assert capsys.readouterr().err == f"steps: a band goes from above 0 Hz up, not from {edges[0]} to {edges[1]}\n"
    assert not target.exists()


def test_a_folder_is_no_place_for_a_checkpoint(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (source.parent / "kept").mkdir()
    assert main(["--checkpoint", str(source), "--out", str(source.parent / "kept")]) == 2
    told = f"steps: {source.parent / 'kept'} names a folder; give the name of a file in it\n"
    assert capsys.readouterr().err == told
    assert sorted(path.name for path in source.parent.iterdir()) == ["a.pt", "kept"]


def test_a_plain_autoencoder_has_no_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = {"ema": {}, "config": {"kind": "dense"}, "step": 0, "seen": 0.0, "spent": 0.0}
    checkpoint.save(tmp_path / "x.pt", **plain)
    assert main(["--checkpoint", str(tmp_path / "x.pt"), "--out", str(tmp_path / "y.pt")]) == 2
    assert "of a plain autoencoder, not of a ranked one" in capsys.readouterr().err and not (tmp_path / "y.pt").exists()
