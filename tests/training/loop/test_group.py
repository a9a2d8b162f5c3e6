"""Several processes learn what one process learns from all of their items."""

import csv
import os
import socket
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch

from formats.errors import AezError, UsageError
from tests.support.training_runs import SHORT, same, write_music
from training.data.produce import Recipe
from training.items.source import open_music
from training.loop import course, group
from training.loop.group import ALONE, Group
from training.plain import train as plain
from training.ranked import train as ranked
from training.ranked.config import TrainConfig
from training.ship.tiny import PLAIN

CONFIG = TrainConfig(**{**vars(SHORT), "batch": 1, "scales": 7, "seed": 5})


def runs(music: Path, out: Path, size: int) -> None:
    """Short runs of both loops, by one process with a batch of two or by two with one each; one is interrupted."""
    torch.set_num_threads(1)
    plain.FRAMES = 16
    common: dict[str, Any] = {"cache": music / "cache", "minutes": 1000, "every": 1, "force": True}
    batch = 2 // size
    ranked.train(
        TrainConfig(**{**vars(CONFIG), "batch": batch}), ranked.Options(music, out / "ranked", steps=2, **common)
    )
    options = {**common, "batch": batch, "start_pieces": 1, "steps": 4}
    plain.train(PLAIN["time"], plain.Options(music, out / "plain", **options))
    if size > 1:
        whole = course.stoppable
        course.stoppable = after_two  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt):
            plain.train(PLAIN["time"], plain.Options(music, out / "halves", **options))
        course.stoppable = whole
        resumed = plain.Options(music, out / "halves", resume=out / "halves" / "last.pt", **options)
        plain.train(PLAIN["time"], resumed)


class after_two(AbstractContextManager[Any]):  # noqa: N801
    """Asks a loop to stop after two steps."""

    def __init__(self, repeated: float) -> None:
        self.left = 3

    def __enter__(self) -> Any:
        return self.ask

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self) -> bool:
        self.left -= 1
        return self.left == 0


def process(rank: int, port: int, music: Path, out: Path) -> None:
    """What torchrun starts."""
    own = {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", **{name: str(value) for name, value in own.items()}}
    with Group.joined("cpu") as joined:
        Group.joined = staticmethod(lambda device: nullcontext(joined))  # type: ignore[method-assign, assignment]
        runs(music, out, 2)
    tasks = Path("/proc/self/task")  # threads that outlive the group could take the process down as it ends
    names = [(task / "comm").read_text().strip() for task in tasks.iterdir()] if tasks.is_dir() else []
    assert not [name for name in names if "gloo" in name or "tcpstore" in name], names


def rows(path: Path) -> list[dict[str, float]]:
    with path.open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_two_processes_learn_what_one_does_from_all_items(tmp_path: Path) -> None:
    """The same losses and weights, of both loops, and a run that is interrupted goes on exactly."""
    music = write_music(tmp_path / "music")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = get_context("spawn")
    started = [
        context.Process(target=process, args=(rank, port, music, tmp_path / "both"), daemon=True) for rank in range(2)
    ]
    for one in started:
        one.start()
    threads = torch.get_num_threads()
    try:
        frames, plain.FRAMES = plain.FRAMES, 16
        runs(music, tmp_path / "one", 1)
    finally:
        plain.FRAMES = frames
        torch.set_num_threads(threads)
    for one in started:
        one.join(120)
        assert one.exitcode == 0
    for kind in ("ranked", "plain"):
        one, both = (torch.load(tmp_path / who / kind / "last.pt", weights_only=True) for who in ("one", "both"))
        assert (one["step"], one["seen"]) == (both["step"], both["seen"])
        for name, value in one["model"].items():
            away = (both["model"][name] - value).abs() > 2e-4 + 1e-3 * value.abs()
            assert away.float().mean() < 1e-3, name  # Adam moves a weight without a gradient by the sign of rounding
        alone, together = (rows(tmp_path / who / kind / "log.csv") for who in ("one", "both"))
        for a, b in zip(alone, together, strict=True):
            assert all(b[name] == a[name] for name in ("step", "seen"))
            assert b["loss"] == pytest.approx(a["loss"], rel=1e-4)
            assert b["norm"] == pytest.approx(a["norm"], rel=1e-2)
    halves, whole = (torch.load(tmp_path / "both" / run / "last.pt", weights_only=True) for run in ("halves", "plain"))
    assert all(same(halves[part], whole[part]) for part in ("model", "ema", "optimiser", "step"))


def test_a_run_without_torchrun_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with Group.joined("cpu") as found:
        assert found == ALONE and found.agree(3.5, True) == [3.5, 1] and found.device("cuda") == torch.device("cuda")
        weight = torch.nn.Parameter(torch.ones(2))
        weight.grad = torch.ones(2)
        found.average_gradients([weight])
    assert torch.equal(weight.grad, torch.ones(2))
    assert Group(3, 4, 1, 2).device("cuda") == torch.device("cuda", 1)
    assert Group(3, 4, 1, 2).part(5) == slice(15, 20)


def test_more_processes_than_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(group.VARIABLES, "0818", strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UsageError, match="8 processes on a machine of 2 GPUs"), Group.joined("cuda"):
        pass


def test_music_is_decoded_on_every_machine_before_other_processes_look_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two machines the second may take longer than the first, which only it knows."""
    events: list[str] = []
    monkeypatch.setattr(group.distributed, "all_reduce", lambda _: events.append("wait"))  # for all, as no other does

    def opened(_: Recipe, *, tell: bool = True) -> tuple[str, str]:
        events.append("open and tell" if tell else "open")
        return "music", "loops"

    monkeypatch.setattr(Recipe, "open", opened)
    for rank in (2, 3):
        assert open_music(Recipe(Path(), Path()), Group(rank, 4, rank % 2, 2)) == ("music", "loops")
    assert events == ["open and tell", "wait", "wait", "open"]


def test_a_process_that_ends_is_told_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: Any, **more: Any) -> None:
        raise RuntimeError("[pair.cc:547] Connection closed by peer [127.0.0.1]:12\nand more")

    monkeypatch.setattr(group.distributed, "broadcast", closed)
    with pytest.raises(AezError, match=r"another process of this training has ended \(.*closed by peer"):
        Group(1, 2, 1, 2).agree(1.0)
