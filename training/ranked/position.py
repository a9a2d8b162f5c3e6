"""Where a run stands in its schedule, so that one that was interrupted goes on as if it had not been.

A checkpoint that is written before a run's end has its position: the step at which the schedule began, the seconds that
have gone by, and the states of everything random. A checkpoint of a finished run has none, and a run that is resumed
from it begins a schedule of its own.
"""

import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
import torch

KEY = "position"
"""Entry of a checkpoint."""


class Position(NamedTuple):
    """A place in a schedule.

    Attributes:
        first: step at which the schedule began.
        elapsed: seconds of it that have gone by, in all processes.
    """

    first: int
    elapsed: float

    def entry(self, generators: Sequence[np.random.Generator]) -> dict[str, Any]:
        """What a checkpoint keeps: the position, and the states of NumPy's generators and of torch."""
        states = json.dumps([generator.bit_generator.state for generator in generators])
        return {"first": self.first, "elapsed": self.elapsed, "generators": states, "torch": torch.get_rng_state()}


def begin(state: Mapping[str, Any] | None, step: int, generators: Sequence[np.random.Generator]) -> Position:
    """The position of a run: the checkpoint's, whose random states it takes over, or the start at this step.

    Args:
        state: the checkpoint that is resumed, if there is one.
        step: that the run begins at.
        generators: set to the states that they had. With others than those that were saved, only the schedule goes on.
    """
    entry = (state or {}).get(KEY)
    if entry is None:
        return Position(step, 0.0)
    states = json.loads(entry["generators"])
    if generators and len(states) == len(generators):
        for generator, saved in zip(generators, states, strict=True):
            generator.bit_generator.state = saved
        torch.set_rng_state(entry["torch"].cpu())
    return Position(int(entry["first"]), float(entry["elapsed"]))


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether Ctrl-C or SIGTERM asked the run to stop, which it can do between two steps.

    A second signal interrupts at once. Outside of the main thread, which alone gets signals, it is always False.
    """
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupted(command: str, out: Path) -> str:
    """What a command says that was asked to stop: how to go on, if there is something to go on from."""
    checkpoint = out / "last.pt"
    hint = f"go on with the same command and --resume {checkpoint}" if checkpoint.is_file() else "nothing is kept"
    return f"{command}: interrupted; {hint}"
