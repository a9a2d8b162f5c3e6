import json
from pathlib import Path

import pytest

from training.lease import land
from training.loop.checkpoint import load


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

    same = [*common, "--same-bitstream"]
    assert land.main(same) == 0
    assert asked.pop()[2:] == ["--tables", "models/music", "--out", "models/music"]
    assert (tmp_path / "big.pt").is_file()
    monkeypatch.setattr(land.ship, "main", lambda words: asked.append(words) or 0)
    assert land.main([*same, "--music", "songs"]) == 0
    assert asked.pop()[2:5] == ["--same-bitstream", "--music", "songs"]
    assert not (tmp_path / "big.pt").exists(), "it has become the model's own"


def test_without_a_checkpoint_the_rest_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "check.json").write_text('{"works": false}')
    assert land.main([str(tmp_path), "--checkpoints", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "holds no checkpoint.pt" in shown and "| works | False |" in shown
    assert land.main([str(tmp_path / "none"), "--checkpoints", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"lease-land: {tmp_path / 'none'} is no folder\n"
