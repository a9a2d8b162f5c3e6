"""Ctrl-C between two steps: a run that is asked to stop writes a checkpoint, and its command says how to go on."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

REPEATED = 2.0
"""Seconds within which further signals count as one: torchrun passes on a Ctrl-C that its processes got as well."""


class StoppedError(KeyboardInterrupt):
    """The run was asked to stop, and has written a checkpoint to go on from."""


@contextmanager
def stoppable(repeated: float = 0.0) -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether Ctrl-C or SIGTERM asked the run to stop, which it can do between two steps.

    A second signal interrupts at once, unless it comes within `repeated` seconds of the first. Outside of the main
    thread, which alone gets signals, it is always False.
    """
    asked: list[float] = []

    def ask(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if asked and now - asked[0] >= repeated:
            raise KeyboardInterrupt
        asked.append(now)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
