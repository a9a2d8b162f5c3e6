import subprocess
import sys
from pathlib import Path

import pytest
import torch

from codec.runtime.models import Model
from tests.support import ROOT
from training.lease import results
from training.ranked.checkpoint import restore
from training.ranked.export import check_bitstream


def test_a_slim_checkpoint_keeps_the_bitstream(slimmed: Path) -> None:
    state = torch.load(slimmed / "checkpoint.pt", weights_only=True)
    assert "optimiser" not in state and state["ema"]["decoder.heads.weight"].dtype == torch.float16
    model, _ = restore(slimmed / "checkpoint.pt")
    check_bitstream(model, Model(ROOT / "models" / "music").ranked_tables)
    assert model.decoder.heads.weight.dtype == torch.float32


def test_the_first_step_needs_nothing_that_it_installs() -> None:
    """The rented machine has no package of ours, and none that `formats` needs."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import training.lease.run, training.lease.step, "
    code += "training.lease.install, training.__main__"
    subprocess.run([sys.executable, "-I", "-S", "-c", code, str(ROOT)], check=True)


def test_what_comes_back_keeps_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FILE", 100)
    for folder in ("logs", "out"):
        (tmp_path / folder).mkdir()
    (tmp_path / "logs" / "train.log").write_text("line\n" * 100_000)
    for name, size in (("checkpoint.pt", 250), ("huge", 10_000), *((f"{i}.json", 10 + i) for i in range(6))):
        (tmp_path / "out" / name).write_bytes(bytes(i % 251 for i in range(size)))
    assert results.deliver(tmp_path, tmp_path / "back") == ["4.json", "5.json", "huge"]
    names = sorted(path.name for path in (tmp_path / "back").iterdir())
    assert names == [*(f"{i}.json" for i in range(4)), *(f"checkpoint.pt.{i}" for i in range(3)), "logs.txt"]
    assert (tmp_path / "back" / "logs.txt").stat().st_size < results.LOG + 100
    assert results.collect(tmp_path / "back", "checkpoint.pt", tmp_path / "kept" / "one.pt")
    assert (tmp_path / "kept" / "one.pt").read_bytes() == (tmp_path / "out" / "checkpoint.pt").read_bytes()
    assert not results.collect(tmp_path / "back", "huge", tmp_path / "kept" / "huge")
