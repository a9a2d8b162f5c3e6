"""The course of a run: its clock, its checkpoints, its reports. A training loop goes through its steps with one.

with Course(...) as course:
    for done in course:          # share of the run that is over, for the learning rate
        ...                      # one step
        course.finish(terms)
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from training.loop.group import Group
from training.loop.log import NAME, CsvLog, TensorBoard
from training.loop.progress import Display, duration
from training.loop.schedule import Schedule
from training.loop.stopping import REPEATED, StoppedError, stoppable

LAST = "last.pt"
"""Checkpoint in the folder of a run, from which it can be resumed."""

ROW = "row"
"""Entry of a checkpoint that is written between two rows of the log: sum and number of each term since the last one."""


class Steps(Protocol):
    """What a course counts: steps and seconds of audio of a run, and the seconds that it took before this process.

    `resumed` is the checkpoint that it goes on from.
    """

    step: int
    seen: float
    spent: float
    optimiser: torch.optim.Optimizer
    resumed: dict[str, Any] | None


@dataclass(frozen=True)
class Reports:
    """How often a run reports and saves, and where.

    Attributes:
        command: name of the command.
        out: folder of checkpoints and log.csv.
        every: steps a row of the log.
        save_minutes: from one checkpoint to the next.
        tensorboard: folder for TensorBoard, if it is wanted.
        goes_on: whether the log in `out` is continued.
    """

    command: str
    out: Path
    every: int = 20
    save_minutes: float = 3.0
    tensorboard: Path | None = None
    goes_on: bool = False


class Course:
    """A run's steps from where it stands to its end.

    Args:
        run: what is counted; `finish` adds to it.
        schedule: when it ends.
        group: processes, which all go through the same steps.
        reports: how often it reports and saves.
        audio: seconds of audio of a step, of all processes.
        write: writes a checkpoint: seconds of this process, and further entries.
    """

    def __init__(
        self,
        run: Steps,
        schedule: Schedule,
        group: Group,
        reports: Reports,
        audio: float,
        write: Callable[..., None],
    ) -> None:
        self._run, self._schedule, self._group, self._reports = run, schedule, group, reports
        self._audio, self._write = audio, write
        self._total: dict[str, Tensor] = {}
        self._count: Counter[str] = Counter()  # of the steps that had a term: discriminators judge only some
        if reports.goes_on:
            self._take_up((run.resumed or {}).get(ROW))
        self._loss: float | None = None
        self._reported = 0.0, run.seen
        self._sinks: list[CsvLog | TensorBoard] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        first = self._group.rank == 0
        with ExitStack() as opened:
            step = self._run.step
            if first and self._reports.tensorboard:
                self._sinks.append(opened.enter_context(TensorBoard(self._reports.tensorboard, step)))
            if first:
                path = self._reports.out / NAME
                self._sinks.append(CsvLog(path, step if self._reports.goes_on else None))
            self._display = opened.enter_context(Display(self._reports.command, shown=first))
            self._asked = opened.enter_context(stoppable(REPEATED if self._group.size > 1 else 0.0))
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def say(self, text: str) -> None:
        """Print a line for the user."""
        self._display.say(text)

    def __iter__(self) -> Iterator[float]:
        """Yield before every step the share of the run that is over; write the last checkpoint at the end.

        Raises:
            StoppedError: the run was asked to stop, and has written a checkpoint to go on from.
        """
        run, schedule = self._run, self._schedule
        started = time.monotonic()
        first, heard, began = run.step, run.seen, schedule.elapsed()
        (saved,) = self._group.agree(began)  # all processes save after the same steps: `_row` is an exchange
        self._reported = began, heard
        while True:
            elapsed, asked = self._group.agree(schedule.elapsed(), self._asked())
            if asked:
                self._save(**schedule.entry(), **self._row())
                raise StoppedError
            done = schedule.done(run.step, elapsed)
            if run.step > first:
                pace = max(1e-9, elapsed - began) / (run.step - first)
                speed = self._audio / pace
                self._display.step(run.step, done, self._loss, speed, schedule.left(run.step, elapsed, pace))
            if done >= 1:
                break
            if elapsed - saved > self._reports.save_minutes * 60:
                saved = elapsed
                self._save(**schedule.entry(), **self._row())
            yield done
        if self._count:  # a short run has a row, too
            self._report()
        self._save()
        took, seen = duration(time.monotonic() - started), run.seen - heard
        self.say(f"{run.step - first:,} steps in {took}, {seen:,.0f} s of audio; {self._reports.out / LAST}")

    def _save(self, **entries: object) -> None:
        self._write(self._schedule.elapsed() - self._schedule.before, **entries)

    def finish(self, terms: Mapping[str, Tensor]) -> None:
        """Count a step and its terms, of which `loss` is shown; their values are read when a row is written."""
        run = self._run
        run.step, run.seen = run.step + 1, run.seen + self._audio
        self._count.update(terms.keys())
        for name, value in terms.items():
            self._total[name] = self._total[name] + value.detach() if name in self._total else value.detach()
        if run.step % self._reports.every == 0:
            self._report()

    def _row(self) -> dict[str, Any]:
        """What a checkpoint keeps of a row that is not written yet; where it is written, it is nothing."""
        if not self._count:
            return {}
        sums = self._group.mean(torch.stack([value.float() for value in self._total.values()])).tolist()
        return {ROW: {name: [total, self._count[name]] for name, total in zip(self._total, sums, strict=True)}}

    def _take_up(self, row: Any) -> None:
        """Go on with a row of a checkpoint; without one that can be read, the first row is of the steps to come."""
        try:
            found = {name: (float(total), int(count)) for name, (total, count) in row.items()}
        except (AttributeError, TypeError, ValueError):
            return
        device = self._run.optimiser.param_groups[0]["params"][0].device  # that of the terms to come
        self._total = {name: torch.tensor(total, device=device) for name, (total, _) in found.items()}
        self._count = Counter({name: count for name, (_, count) in found.items()})

    def _report(self) -> None:
        """Write a row: the mean of each term over the steps since the row before that had it."""
        run = self._run
        means = torch.stack([value.float() / self._count[name] for name, value in self._total.items()])
        row = dict(zip(self._total, self._group.mean(means).tolist(), strict=True))
        self._total, self._count = {}, Counter()
        self._loss = row.get("loss")
        elapsed = self._schedule.elapsed()
        seconds = run.spent + elapsed - self._schedule.before
        speed = (run.seen - self._reported[1]) / max(1e-9, elapsed - self._reported[0])
        self._reported = elapsed, run.seen
        about = {
            "step": run.step, "seconds": round(seconds, 1), "seen": round(run.seen, 1),
            "audio_per_second": round(speed, 1), "learning_rate": float(run.optimiser.param_groups[0]["lr"]),
        }  # fmt: skip
        for sink in self._sinks:
            sink.add({**about, **row})
