"""Ends a process that was asked to end and that does not: a signal that waits for a network that never returns.

Python handles signals between two steps of its main thread only, and a thread pool waits for its threads. A thread of
its own hears of signals at once, gives the process a moment to end by itself, and then ends it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 0.7
"""Seconds that a process may take to end after a signal."""

_leftovers: set[Path] = set()
_patience = PATIENCE


@contextlib.contextmanager
def removed_at_the_end(path: Path) -> Iterator[None]:
    """Have a file or folder removed if the process is ended within this block."""
    _leftovers.add(path)
    try:
        yield
    finally:
        _leftovers.discard(path)


def end(code: int) -> None:
    """End the process at once, whatever its threads do, and leave nothing half written."""
    try:
        for path in tuple(_leftovers):
            with contextlib.suppress(OSError):
                path.unlink()
            if path.is_dir():
                import shutil  # not at the start of every command, which it would make 2 ms longer

                shutil.rmtree(path, ignore_errors=True)
    finally:
        os._exit(code)


def end_on_signals() -> None:
    """End this process a moment after a signal that asks for it, if it still runs then; the signal needs a handler.

    Windows has no such signals, and Ctrl-C waits there.
    """
    if sys.platform == "win32":
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading,), name="aez-ending", daemon=True).start()


def be_patient(seconds: float) -> None:
    """Let the process take longer, where it has to tell other machines."""
    global _patience
    _patience = max(_patience, seconds)


def _watch(reading: int) -> None:
    asking = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    while number := os.read(reading, 1):
        if number[0] in asking:
            time.sleep(_patience)
            end(128 + number[0])
