"""Where a run stands between its first step and its end, so that one that was interrupted goes on as if it was not.

A checkpoint that is written before a run's end has its position: the step at which the schedule began, and the seconds
that have gone by. A checkpoint of a finished run has none, and a run that is resumed from it begins a schedule of its
own. Everything random in a step is drawn from `generator`, which the seed and the number of the step name, so that no
state has to be kept for it.
"""

import math
import time
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import torch

from formats.errors import UsageError

KEY = "position"
"""Entry of a checkpoint."""

FINAL = 0.03
"""Share of the learning rate at which a run ends."""


class Stream(IntEnum):
    """What random numbers are for; items have 0, see `training.data.batches`."""

    SETTINGS = 1
    LIBRARY = 2
    CHOICE = 3


def generator(seed: int, stream: Stream, step: int, number: int = 0) -> np.random.Generator:
    """The random numbers of one step for one purpose."""
    return np.random.default_rng([seed, stream, step, number])


class Position(NamedTuple):
    """A place in a schedule.

    Attributes:
        first: step at which the schedule began.
        elapsed: seconds of it that have gone by, in all processes that worked at it one after another.
    """

    first: int
    elapsed: float = 0.0

    @staticmethod
    def of(state: Mapping[str, Any] | None, step: int) -> "Position":
        """The position that a checkpoint has, or a schedule's start at this step.

        Raises:
            UsageError: the checkpoint's position is damaged.
        """
        entry = (state or {}).get(KEY)
        if entry is None:
            return Position(step)
        try:
            found = Position(int(entry["first"]), float(entry["elapsed"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            found = Position(-1)
        if not (0 <= found.first <= step and 0 <= found.elapsed < math.inf):
            raise UsageError("the checkpoint's position in its schedule cannot be read")
        return found


class Schedule:
    """The clock of a run, which ends after so many seconds or at a step, whichever comes first.

    Attributes:
        first: step at which the schedule began.
        before: seconds that had gone by when this process began.

    Args:
        position: where the run goes on.
        seconds: length of the run.
        last: step at which it ends; 0 for none.
        began: time.monotonic() at which this process's share of the seconds began; now by default.
    """

    def __init__(self, position: Position, seconds: float, last: int = 0, began: float | None = None) -> None:
        self.first, self.before = position
        self._seconds, self._last = seconds, last or math.inf
        self._began = (time.monotonic() if began is None else began) - self.before

    def elapsed(self) -> float:
        """Seconds of the schedule that have gone by."""
        return time.monotonic() - self._began

    def done(self, step: int, elapsed: float) -> float:
        """Share of the run that is over, from 0; at 1 it ends."""
        by_time = elapsed / self._seconds if self._seconds > 0 else 1.0
        by_steps = (step - self.first) / (self._last - self.first) if self._last > self.first else 1.0
        return max(by_time, by_steps)

    def left(self, step: int, elapsed: float, pace: float) -> float:
        """Seconds until the end, if a step takes `pace` of them."""
        return max(0.0, min(self._seconds - elapsed, (self._last - step) * pace if pace else math.inf))

    def entry(self) -> dict[str, dict[str, Any]]:
        """What a checkpoint that is not a run's last one has of it."""
        return {KEY: {"first": self.first, "elapsed": self.elapsed()}}


def set_learning_rates(
    optimiser: torch.optim.Optimizer, peaks: Sequence[float], steps: int, warmup: int, done: float
) -> None:
    """Set the learning rate of each group: linear warm-up, then a cosine down to FINAL of its peak.

    Args:
        optimiser: with as many groups as there are peaks.
        peaks: highest learning rates. They are not read from the optimiser, whose state a resumed run loads.
        steps: of this run so far.
        warmup: steps until the peak is reached.
        done: share of this run that is over, 0 to 1.
    """
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    factor = min(1.0, (steps + 1) / max(1, warmup)) * (FINAL + (1 - FINAL) * cosine)
    for group, peak in zip(optimiser.param_groups, peaks, strict=True):
        group["lr"] = peak * factor
