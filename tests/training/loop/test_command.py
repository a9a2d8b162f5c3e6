"""How the two training commands end where something is wrong: one line each, and nothing is lost."""

import errno
import os
from argparse import Namespace
from pathlib import Path

import pytest
import torch

from formats.errors import AezError, UsageError
from tests.support.training_runs import write_music
from training import lock
from training.loop import checkpoint, command, group
from training.loop.devices import choose
from training.loop.stopping import StoppedError
from training.plain import train as plain
from training.ranked import train as ranked

MAINS = {"train": ranked.main, "train-plain": plain.main}


@pytest.fixture(params=MAINS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def told(name: str, capsys: pytest.CaptureFixture[str], *given: object) -> str:
    """The one line that a command that fails says."""
    assert MAINS[name]([str(word) for word in given]) == 2
    shown = capsys.readouterr()
    (line,) = (line for line in shown.err.splitlines() if line.startswith(f"{name}: "))
    assert not shown.out and "Traceback" not in shown.err
    return line.removeprefix(f"{name}: ")


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("--resume", "missing.pt", "cannot read missing.pt: No such file or directory"),
        ("--minutes", "nan", "--minutes has to be 0 or more, not nan"),
        ("--save-minutes", "-1", "--save-minutes has to be 0 or more, not -1"),
        ("--every", "0", "--every has to be 1 or more, not 0"),
        ("--batch", "0", "--batch has to be 1 or more, not 0"),
        ("--seed", "-1", "--seed has to be 0 or more, not -1"),
        ("--jobs", "-2", "--jobs has to be 0 or more, not -2"),
        ("--cache-gb", "nan", "--cache-gb has to be above 0, not nan"),
    ],
)
def test_wrong_options(
    name: str, option: str, value: str, wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(name, capsys, "--music", tmp_path, "--out", tmp_path / "run", option, value) == wanted
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("--rate-decoder", "nan", "--rate-decoder has to be 0 or more, not nan"),
        ("--net-width", "0", "--net-width has to be 1 or more, not 0"),
        ("--net-patch", "3", "--net-patch has to divide 700, and 3 does not"),
        ("--net-time", "4", "--net-time has to be odd, not 4"),
    ],
)
def test_wrong_numbers_of_a_ranked_run(
    option: str, value: str, wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told("train", capsys, "--music", tmp_path, "--out", tmp_path / "run", option, value) == wanted


def test_a_gpu_that_is_not_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    given = ("--music", tmp_path, "--out", tmp_path / "run", "--device", "cuda")
    assert told(name, capsys, *given).startswith("no GPU for --device cuda: ")
    assert choose("auto") == "cpu"


def test_music_that_is_none(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ("--out", tmp_path / "run", "--cache", tmp_path / "cache")
    assert told(name, capsys, "--music", tmp_path / "missing", *out).endswith("missing is no directory")
    (tmp_path / "empty").mkdir()
    assert told(name, capsys, "--music", tmp_path / "empty", *out).endswith("empty holds no music")


@pytest.mark.parametrize(
    "content", [b"", b"no checkpoint", bytes(range(256)) * 9, "list", "numbers", "shapes", "average"]
)
def test_checkpoints_that_are_none(
    name: str, content: bytes | str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.pt"
    whole = {"ema": {}, "config": {"kind": "time"}, "step": 1, "seen": 1.0, "spent": 1.0}
    other = {"ema": {"a": torch.zeros(2)}, "model": {"a": torch.zeros(3)}}
    made = {
        "list": [1, 2], "numbers": {**whole, "step": "x"}, "shapes": {**whole, "ema": [1], "config": 3},
        "average": {**whole, **other},
    }  # fmt: skip
    if isinstance(content, str):
        torch.save(made[content], path)
    else:
        path.write_bytes(content)
    assert told(name, capsys, "--music", tmp_path, "--out", tmp_path / "run", "--resume", path) == (
        f"{path} is no checkpoint"
    )


def test_a_checkpoint_of_the_other_kind_or_of_another_version(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.pt"
    given = ("--music", tmp_path, "--out", tmp_path / "run", "--resume", path)
    for config, wanted in (
        ({"kind": "time"}, "is a checkpoint of a plain" if name == "train" else "was written by another version"),
        ({"batch": 4}, "is a checkpoint of a ranked" if name == "train-plain" else "was written by another version"),
    ):
        torch.save({"ema": {}, "config": config, "step": 1, "seen": 1.0, "spent": 1.0}, path)
        assert wanted in told(name, capsys, *given)


def test_a_run_is_not_replaced_unless_that_is_asked_for(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "last.pt").write_bytes(b"a night of training")
    wanted = f"{out} holds a run already: go on with --resume {out / 'last.pt'}, or replace it with --force"
    assert told(name, capsys, "--music", tmp_path, "--out", out) == wanted
    assert (out / "last.pt").read_bytes() == b"a night of training"
    music = ("--music", tmp_path / "missing", "--out", out)
    assert told(name, capsys, *music, "--force").endswith("no directory")


def test_two_processes_cannot_train_in_one_folder(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    with lock.held(out):
        said = told(name, capsys, "--music", tmp_path, "--out", out)
    assert said == f"another process is at work in {out}: wait for it, or name another folder"
    assert told(name, capsys, "--music", tmp_path, "--out", out).endswith("holds no music")


def test_one_song_is_enough_for_many_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Items are random pieces: processes cannot be more than there are songs."""
    music = write_music(tmp_path / "music")
    (music / "manifest.csv").write_text("path\na.wav\n")
    given = ["--music", str(music), "--out", str(tmp_path / "run"), "--cache", str(tmp_path / "c"), "--steps", "1"]
    monkeypatch.setattr(group.Group, "joined", lambda device: Many())
    for exchange in ("average_gradients", "begin_alike"):
        monkeypatch.setattr(group.Group, exchange, lambda *_: None)
    monkeypatch.setattr(group.Group, "agree", lambda self, *values: list(values))
    monkeypatch.setattr(group.Group, "mean", lambda self, value: value)
    assert plain.main([*given, "--start-pieces", "1", "--batch", "1"]) == 0
    assert capsys.readouterr().err == "" and not (tmp_path / "run" / "last.pt").exists()  # which the first one writes


class Many:
    """The group as its sixth process of seven sees it."""

    def __enter__(self) -> group.Group:
        return group.Group(6, 7, 6, 7)

    def __exit__(self, *_: object) -> None:
        pass


def test_a_full_disk_keeps_what_there_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(path, step=1)

    def full(state: object, target: Path) -> None:
        target.write_bytes(b"half of it")
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 176 vs 128\nmore")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match=r"cannot write .*last.pt \(is the disk full\?\): \[enforce fail"):
        checkpoint.save(path, step=2)
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.pt"]
    assert torch.load(path, weights_only=True) == {"step": 1}


def ended(error: BaseException, capsys: pytest.CaptureFixture[str], **given: object) -> tuple[int, str]:
    def train() -> None:
        raise error

    code = command.run("train", Namespace(out=Path("runs/a"), **given), train)
    return code, capsys.readouterr().err


def test_how_a_command_ends(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    go_on = "train: interrupted; go on with the same command and --resume runs/a/last.pt"
    assert ended(StoppedError(), capsys) == (130, f"{go_on}\n")
    assert ended(StoppedError(), capsys, fresh=True) == (130, f"{go_on}, without --fresh\n")
    assert ended(KeyboardInterrupt(), capsys) == (130, "train: interrupted; nothing new is kept\n")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/a/log.csv")
    assert ended(full, capsys) == (2, "train: runs/a/log.csv: No space left on device\n")
    for key, value in zip(group.VARIABLES, "1222", strict=True):
        monkeypatch.setenv(key, value)
    assert ended(UsageError("wrong"), capsys) == (2, "")  # the first process says so
    assert ended(AezError("gone"), capsys) == (2, "train, process 1: gone\n")
    assert ended(StoppedError(), capsys) == (130, "")
