"""Signals that ask a run to stop: Ctrl-C, SIGTERM, SIGHUP."""

from __future__ import annotations

import signal
from types import FrameType

DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)
"""Handlers of signals that nobody has asked to be ignored or handled otherwise."""

_stopped: list[int] = []
"""Signals that asked this run to stop."""

AGAIN = 0.05
"""Seconds after which a signal that cannot be handled yet is raised again."""


def watch() -> None:
    """Have these signals stop the run, unless somebody has asked that they be ignored or handled otherwise."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) in DEFAULTS:
            signal.signal(getattr(signal, name), _stop)


def exit_code() -> int | None:
    """The exit code of a run that a signal asked to stop; None where none did."""
    return 128 + _stopped[0] if _stopped else None


def _stop(number: int, frame: FrameType | None) -> None:
    """Stop the run, but not in a callback of libsndfile or a finalizer, which swallow exceptions."""
    _stopped.append(number)
    while frame is not None:
        if frame.f_code.co_name.startswith("vio_") or frame.f_code.co_name == "__del__":
            if hasattr(signal, "setitimer"):
                signal.signal(signal.SIGALRM, lambda _, later: _stop(number, later))
                signal.setitimer(signal.ITIMER_REAL, AGAIN)
            return
        frame = frame.f_back
    _raise(number)


def _raise(number: int) -> None:
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


def forget() -> None:
    """Forget the signals, and cancel the alarm of `_stop`, which could otherwise kill the process when Python ends."""
    _cancel_alarm()
    _stopped.clear()


def _cancel_alarm() -> None:
    if _stopped and hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, lambda _, frame: None)
        signal.setitimer(signal.ITIMER_REAL, 0)


def check_stopped(fraction: float | None = None) -> None:
    """Stop if a signal asked for it, even if it was swallowed; used as a `Progress` callback without a bar."""
    if _stopped:
        _cancel_alarm()  # it would interrupt what cleans up after this
        _raise(_stopped[0])
