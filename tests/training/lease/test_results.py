import json
from pathlib import Path

import pytest
import torch

from codec.runtime.models import Model
from tests.support import ROOT
from training.lease import land, rehearse, results
from training.ranked.checkpoint import load, restore
from training.ranked.export import check_bitstream


@pytest.fixture(scope="module")
def slimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slim")
    state = load(ROOT / "training" / "checkpoints" / "music.pt")
    torch.save({**state, "optimiser": torch.zeros(1000)}, folder / "last.pt")
    (folder / "log.jsonl").write_text('{"step": 1, "loss": 2.5}\n{"step": 2, "loss": 1.25}\n')
    (folder / "out").mkdir()
    results.slim(folder, folder / "out")
    return folder / "out"


def test_a_slim_checkpoint_keeps_the_bitstream(slimmed: Path) -> None:
    state = load(slimmed / "checkpoint.pt")
    assert "optimiser" not in state and state["ema"]["decoder.heads.weight"].dtype == torch.float16
    model, _ = restore(slimmed / "checkpoint.pt")
    check_bitstream(model, Model(ROOT / "models" / "music").ranked_tables)
    assert model.decoder.heads.weight.dtype == torch.float32


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


def test_a_rehearsal_sees_broken_limits(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.json").write_bytes(b"")
    (tmp_path / "0.json").write_bytes(bytes(17 << 20))
    (tmp_path / "8.json").rename(tmp_path / "a b")
    assert sorted(rehearse.returned(tmp_path)) == ["0.json is too large", "9 files come back", "a b has an odd name"]


def test_a_lease_lands(
    slimmed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(land.export, "main", lambda words: asked.append(words) or 0)
    monkeypatch.setattr(land.ship, "main", lambda words: asked.append(words) or 1)
    (slimmed / "speed.json").write_text(json.dumps({"device": "cuda", "runs": [{"x": 2000.5, "files": 3}]}))
    (slimmed / "compare.json").write_text(json.dumps({"clips": 2, "means": {"wide 32": {"mel": 1.5}}, "each": [{}]}))
    common = [str(slimmed), "--name", "big", "--checkpoints", str(tmp_path)]
    assert land.main(common) == 0
    assert asked.pop() == ["--checkpoint", str(tmp_path / "big.pt"), "--decoder", "big", "--out", "models/music"]
    assert load(tmp_path / "big.pt")["step"] == load(slimmed / "checkpoint.pt")["step"]
    shown = capsys.readouterr().out
    for line in ("| 2 | 2 | 1.25 |", "| device | cuda |", "| 1 | 2000 | 3 |", "| wide 32 | 1.5 |"):
        assert line in shown
    assert land.main([*common, "--music", "songs", "--history", "more"]) == 2
    assert asked.pop()[-4:] == ["--music", "songs", "--history", "more"]


def test_without_a_checkpoint_the_rest_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "check.json").write_text('{"works": false}')
    assert land.main([str(tmp_path), "--checkpoints", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "holds no checkpoint.pt" in shown and "| works | False |" in shown
