"""The plan of a study; the study itself runs whole, on synthesized music, in .ci/run."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.runtime import models
from formats.errors import UsageError
from training import lock
from training.__main__ import COMMANDS
from training.plain.losses import LOSSES
from training.study import methods, study
from training.study.runner import Runner
from training.study.steps import QUICK, Plan, chains, measures


def test_every_kind_and_loss_is_trained_exported_and_measured(tmp_path: Path) -> None:
    losses = sorted(LOSSES)
    assert len(losses) == 7
    trained = chains(QUICK, tmp_path, tmp_path)
    assert [[step.command for step in chain] for chain in trained] == [["train", "export"]] + [
        ["train-plain", "export-plain"]
    ] * 8
    steps = {step.name: step for step in measures(Plan(), tmp_path, tmp_path, 2)}
    maps = ["latents", "latents-ranked", "latents-dense", "latents-time-mse"]
    assert list(steps) == ["evaluation", "losses", "genre", *maps, "report"]
    assert all(f"aez:time-{loss}" in str(steps["losses"].arguments) for loss in losses)
    assert "--tiers" in steps["losses"].arguments  # each has a line in the study's table
    assert "aez:ranked,aez:dense,aez:time-mse,opus" in str(steps["evaluation"].arguments)
    assert "aez:ranked,aez:dense,aez:time-mse,opus" in str(steps["report"].arguments)
    assert "ranked,dense,time-mse" in steps["genre"].arguments


def test_fewer_losses_train_fewer_autoencoders(tmp_path: Path) -> None:
    plan = replace(QUICK, losses=study._losses(" stft-l1,l1"))
    assert plan.losses == ("l1", "mse", "stft-l1")
    assert [chain[0].name for chain in chains(plan, tmp_path, tmp_path)] == [
        "train-ranked", "train-dense", "train-time-l1", "train-time-mse", "train-time-stft-l1"
    ]  # fmt: skip
    steps = {step.name: step for step in measures(plan, tmp_path, tmp_path, 1)}
    assert "aez:time-l1,aez:time-mse,aez:time-stft-l1" in steps["losses"].arguments


def test_an_unknown_loss_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        study.main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--losses", "mse,l3"])
    assert "stft-l2" in (error := capsys.readouterr().err) and "'mse,l3'" in error
    assert not (tmp_path / "out").exists()


def test_every_step_is_a_command_and_needs_only_steps_before_it(tmp_path: Path) -> None:
    trained = chains(Plan(), tmp_path, tmp_path)
    steps = [*(step for chain in trained for step in chain), *measures(QUICK, tmp_path, tmp_path, 1)]
    assert {step.command for step in steps} <= COMMANDS.keys()
    for number, step in enumerate(steps):
        assert set(step.needs) <= {before.name for before in steps[:number]}
    folders = [step.folder for step in steps if step.folder]
    assert len(set(folders)) == len(folders)


@pytest.mark.skipif(os.name == "nt", reason="programs have no suffix")
def test_another_program_is_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tools() -> dict[str, tuple[str, ...]]:
        return {step.name: step.tools for step in measures(QUICK, tmp_path, tmp_path, 1)}

    before = tools()
    for name in ("opusenc", "opusdec"):
        (tmp_path / name).write_text("another one")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert {name for name, found in tools().items() if found != before[name]} == {"evaluation", "report"}


def test_steps_that_use_one_core_run_side_by_side(tmp_path: Path) -> None:
    groups = study.abreast(measures(QUICK, tmp_path, tmp_path, 2))
    assert [[chain[0].command for chain in group] for group in groups] == [
        ["evaluate"], ["evaluate"], ["genre", *["latents"] * 4], ["report"],
    ]  # fmt: skip


def test_bad_data_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert study.main(["--data", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("study: ") and "none" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("given", [("--songs", "0"), ("--jobs", "0"), ("--minutes", "nan"), ("--minutes", "-1")])
def test_numbers_that_no_study_can_have(
    given: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        study.main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), *given])
    assert f"argument {given[0]}: has to be " in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_folder_of_other_things_is_not_a_place_for_results(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    study.claim(data, out)
    (out / "something").touch()
    study.claim(data, out)  # a study's folder may be used again
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "collection").mkdir()
    for bad in (tmp_path / "mine", data, data / "out", tmp_path):
        with pytest.raises(UsageError):
            study.claim(data, bad)
    assert not (data / "out").exists() and not (tmp_path / "mine" / ".study").exists()


def test_a_plain_folder_is_divided_and_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every step is there, none is run; the same command again finds all of them done, another division none."""
    data, out = tmp_path / "music", tmp_path / "out"
    data.mkdir()
    for number in range(6):
        soundfile.write(data / f"{number}.wav", np.random.default_rng(number).normal(0, 0.1, (4 * 8000, 1)), 8000)
    (data / "bad.mp3").write_bytes(b"nothing")
    ran: list[str] = []

    def run(self: Runner, command: list[str], log: Path) -> int:
        ran.append(log.stem)
        log.write_text(f"{command}\ngenre: no genres\n")
        return 3 if log.stem == "genre" else 0

    monkeypatch.setattr(Runner, "_run", run)
    given = ["--data", str(data), "--out", str(out), "--quick", "--jobs", "1"]
    assert study.main(given) == 0
    assert len(ran) == 18 + 8
    printed = capsys.readouterr().out
    assert "left out bad: " in printed and "step genre was left out: genre: no genres" in printed
    about = json.loads((out / methods.NAME).read_text())
    assert about["quick"] and not about["synthesized"] and about["data"]["kind"] == "folder of audio"
    assert about["data"]["split"] == "artist" and about["data"]["skipped"] == 1
    assert {name: part["songs"] for name, part in about["data"]["parts"].items()} == {"train": 4, "test": 2}
    unnamed = "6 of 6 songs name no artist, and count as an artist each"
    both = f"{unnamed}; an artist's songs may be on both sides"
    assert about["notes"] == [both, "step genre was left out: genre: no genres"] and f"{both}\n" in printed
    assert all((part["artists"], part["unnamed"]) == (0, part["songs"]) for part in about["data"]["parts"].values())
    assert [model["name"] for model in about["models"]] == [models.DEFAULT]
    assert "bad" in (out / "logs" / "skipped.txt").read_text()
    ran.clear()
    assert study.main(given) == 0 and not ran
    assert study.main([*given, "--split", "random"]) == 0
    assert len(ran) == 18 + 8
    assert f"{unnamed}\n" in capsys.readouterr().out


def test_two_studies_cannot_share_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = tmp_path / "music", tmp_path / "out"
    data.mkdir()
    (data / "a.wav").touch()
    study.claim(data, out)
    with lock.held(out):
        assert study.main(["--data", str(data), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert said == f"study: another process is at work in {out}: wait for it, or name another folder\n"


def test_an_interruption_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "study", interrupted)
    assert study.main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err == "study: interrupted; the same command goes on from here\n"
