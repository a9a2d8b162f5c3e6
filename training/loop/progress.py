"""What a person sees of a run: a line that moves on a terminal, and elsewhere a plain line now and then."""

import math
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

PAUSE = 30.0
"""Seconds between two plain lines, at least."""


class Display:
    """Steps, loss, speed and time left, on stderr; a context manager.

    Args:
        command: name that plain lines begin with.
        shown: whether anything is shown at all; of several processes the first one shows it.
    """

    def __init__(self, command: str, *, shown: bool = True) -> None:
        self._command, self._shown = command, shown
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._next = -1.0
        if shown and sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[rest]}"))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
            self._task = self._bar.add_task(command, total=1.0, rest="")

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def step(self, step: int, done: float, loss: float | None, speed: float, left: float) -> None:
        """Show where the run is.

        Args:
            step: number of the step that is finished.
            done: share of the run that is over.
            loss: mean of the last report, if there was one.
            speed: seconds of audio a second.
            left: seconds.
        """
        if not self._shown:
            return
        known = "" if loss is None else f", loss {loss:.4g}"
        end = "" if math.isinf(left) else f", {duration(left)} left"
        fast = f"{speed:,.0f}" if speed >= 10 else f"{speed:.1f}"
        if self._bar:
            rest = f"step {step:,}{known}, {fast} s of audio a second{end}"
            self._bar.update(self._task, completed=min(1.0, done), rest=rest)
        elif loss is not None and (now := time.monotonic()) >= self._next:
            self._next = now + PAUSE
            print(
                f"{self._command}: step {step:,}{known}, {fast} s of audio a second{end}",
                file=sys.stderr, flush=True,
            )  # fmt: skip

    def say(self, text: str) -> None:
        """Print a line of its own, if there is something to say."""
        if self._shown and text:
            print(f"{self._command}: {text}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """A time as people say it: 45 s, 12 min, 3 h 20 min, 4 d 6 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"
