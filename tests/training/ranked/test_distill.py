"""An encoder that learns what another one gives."""

from pathlib import Path

import pytest
import torch

from tests.support import MODELS
from tests.support.training_runs import write_music
from training.__main__ import main
from training.loop import checkpoint
from training.loop.checkpoint import load
from training.ranked.checkpoint import restore
from training.ranked.config import TrainConfig
from training.ship.tiny import TINY, untrained


@pytest.fixture
def start(tmp_path: Path) -> Path:
    config = TrainConfig(network=TINY).as_dict()
    checkpoint.save(tmp_path / "start.pt", ema=untrained().state_dict(), config=config, step=7, seen=8.0, spent=9.0)
    return tmp_path / "start.pt"


def run(start: Path, *more: str) -> int:
    music = start.parent / "music"
    if not music.exists():
        write_music(music)
    return main(
        ["distill", "--model", str(MODELS / "tiny"), "--start", str(start), "--music", str(music), "--items", "4",
         "--cache", str(start.parent / "cache"), "--out", str(start.parent / "new.pt"), *more]
    )  # fmt: skip


def told(output: str) -> tuple[float, float]:
    """Differences from the teacher before and after, as the command tells them."""
    before, after = output.split("from the teacher ")[1].removesuffix(" half octaves\n").split(" -> ")
    return float(before), float(after)


def test_an_encoder_of_other_sizes_comes_near_its_teacher(start: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(start, "--net-encoder-width", "8", "--steps", "80") == 0
    before, after = told(capsys.readouterr().out)
    assert before > 0.02 and after < 0.7 * before
    new, old = load(start.parent / "new.pt"), load(start)
    assert new["config"]["network"] == old["config"]["network"] | {"encoder_width": 8}
    assert [new[name] for name in ("step", "seen", "spent")] == [7, 8.0, 9.0]
    rest = {name for name in old["ema"] if not name.startswith("encoder.")}
    assert rest and all(torch.equal(new["ema"][name], old["ema"][name]) for name in rest)
    assert restore(start.parent / "new.pt")[0].encoder.hyper.weight.shape == (48, 8 * 28)


def test_the_same_sizes_begin_with_what_is_known(start: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(start, "--steps", "1") == 0
    assert told(capsys.readouterr().out)[0] == pytest.approx(0, abs=1e-3)  # the teacher is its own pupil


def test_what_cannot_be_is_refused_in_a_line(start: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(start, "--net-encoder-time", "4") == 2
    assert capsys.readouterr().err == "distill: --net-encoder-time has to be odd, not 4\n"
    assert run(start, "--model", str(MODELS / "tiny-dense")) == 2
    assert "gives no hyper latents" in capsys.readouterr().err
    assert run(start.parent / "absent.pt") == 2
    assert capsys.readouterr().err.startswith("distill: cannot read ")
    assert run(start, "--out", str(start.parent / "absent" / "new.pt")) == 2
    assert "absent" in capsys.readouterr().err
    assert not (start.parent / "new.pt").exists()
