"""The study's bookkeeping; the study itself runs whole, on synthesized music, in .ci/run."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from formats.errors import UsageError
from training import study
from training.__main__ import COMMANDS
from training.data.collection import collection
from training.plain.losses import LOSSES


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    for name in ("one", "deep/two", "deep/three"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{name}.wav", np.zeros((4410, 2)), 44100)
    return folder


def test_a_linked_collection_keeps_names_and_content(music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    tracks = study.linked(collection(music), out)
    assert [track.path.relative_to(out).as_posix() for track in tracks] == ["deep/three.wav", "deep/two.wav", "one.wav"]
    assert all(track.path.read_bytes() == (music / track.path.relative_to(out)).read_bytes() for track in tracks)
    assert study.linked(collection(music), out) == tracks  # once more changes nothing
    study.write_manifest({"train": tracks[:2], "test": tracks[2:]}, out)
    assert [(t.name, t.split) for t in collection(out)] == [
        ("deep/three", "train"),
        ("deep/two", "train"),
        ("one", "test"),
    ]
    with (out / "manifest.csv").open(newline="") as lines:
        assert {row["path"] for row in csv.DictReader(lines)} == {"deep/three.wav", "deep/two.wav", "one.wav"}


def test_a_step_that_is_done_is_not_done_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = study.Runner(tmp_path)
    step = study.Step("make", "fma-imitation", ["--help"])
    run(step)
    assert "make: " in capsys.readouterr().out
    log = tmp_path / "logs" / "make.log"
    assert "usage" in log.read_text()
    log.unlink()
    run(step)
    assert not log.exists() and not capsys.readouterr().out
    run(study.Step("make", "fma-imitation", ["-h"]))  # other arguments are another step
    assert log.exists()


def test_a_step_that_fails_stops_the_study_and_says_why(tmp_path: Path) -> None:
    run = study.Runner(tmp_path)
    with pytest.raises(UsageError, match=r"step bad failed \(.*unrecognized arguments: --nonsense.*bad.log"):
        run(study.Step("bad", "fma-imitation", [tmp_path / "x", "--nonsense"]))
    stale = tmp_path / "table.md"
    stale.write_text("of an earlier run")
    with pytest.raises(UsageError, match="step worse failed"):
        run(study.Step("worse", "fma-imitation", [tmp_path / "x", "--nonsense"], stale))


def test_every_kind_and_loss_is_trained_exported_and_measured(tmp_path: Path) -> None:
    losses = sorted(LOSSES)
    assert len(losses) == 7
    chains = study.chains(study.QUICK, tmp_path, tmp_path, losses)
    assert [[step.command for step in chain] for chain in chains] == [["train", "export"]] + [
        ["train-plain", "export-plain"]
    ] * 8
    steps = {step.name: step for step in study.measures(study.Plan(), tmp_path, tmp_path, losses, 2)}
    assert list(steps) == ["evaluation", "losses", "genre", "latents", "report"]
    assert all(f"aez:time-{loss}" in str(steps["losses"].arguments) for loss in losses)
    assert "aez:ranked,aez:dense,opus" in str(steps["evaluation"].arguments)


def test_bad_data_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert study.main(["--data", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("study: ") and "none" in line


def test_every_step_is_a_command(tmp_path: Path) -> None:
    chains = study.chains(study.Plan(), tmp_path, tmp_path, sorted(LOSSES))
    steps = [*(step for chain in chains for step in chain), *study.measures(study.QUICK, tmp_path, tmp_path, [], 1)]
    assert {step.command for step in steps} <= COMMANDS.keys()
