"""The command as a process: exit codes, one-line errors, the progress bar."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

import click

from codec.cli import signals
from codec.cli.advice import advised
from codec.cli.escape import escaped
from codec.cli.signals import check_stopped
from formats.errors import AezError


def run(command: click.Command, arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1 for errors, 2 for wrong usage, 130 for Ctrl-C, 143 for SIGTERM."""
    signals.watch()
    try:
        return _run(command, arguments)
    except (KeyboardInterrupt, SystemExit):
        code = signals.exit_code()  # while an error was printed
        if code is not None:
            return code
        raise
    finally:
        _settle_stdout()
        signals.forget()


def _run(command: click.Command, arguments: list[str] | None) -> int:
    """Run a command, print the error that ends it, and return its exit code."""
    try:
        result = command.main(arguments, prog_name="aez", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        if isinstance(error, _HELP):
            error.show()
            return error.exit_code
        text = escaped(error.format_message())
        shown = click.UsageError(text, error.ctx) if isinstance(error, click.UsageError) else click.ClickException(text)
        shown.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 128 + signal.SIGINT
    except (AezError, OSError, MemoryError) as error:
        code = signals.exit_code()
        return code if code is not None and isinstance(error, AezError) else _failure(error)
    except (Exception, SystemExit):
        code = signals.exit_code()  # C code may turn a signal into an error or exit code of its own
        if code is not None:
            return code
        raise


def _failure(error: AezError | OSError | MemoryError) -> int:
    """Print an error in one line, and return the exit code."""
    if isinstance(error, MemoryError):
        return _fail("out of memory")
    if isinstance(error, AezError):
        return _fail(advised(str(error), type(error)))
    if error.errno == errno.EPIPE:
        return 1
    nameless = "cannot write standard output" if error.errno in UNWRITTEN else ""  # files name themselves
    return _fail(": ".join(str(part) for part in (error.filename or nameless, error.strerror or error) if part))


_HELP: type[click.ClickException] | tuple[()] = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""What click raises, from 8.2 on, where a command is left out, with the help as its text."""

UNWRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF)
"""Errors of writing."""


def _fail(line: str) -> int:
    click.echo("aez: error: " + escaped(line), err=True)
    return 1


def _settle_stdout() -> None:
    """Write what is buffered, or drop it, so that the interpreter does not try again at exit and report a failure.

    It is dropped where it cannot be written, and where a signal asked to stop: a pipe that nobody reads would block.
    """
    if signals.exit_code() is None:
        with contextlib.suppress(OSError, ValueError, KeyboardInterrupt, SystemExit):  # the latter two: `signals`
            sys.stdout.flush()
            return
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def progress(label: str, *, quiet: bool) -> Iterator[Callable[[float | None], None]]:
    """Show a bar on stderr if it is a terminal; yields a function to call with the fraction done, or with None.

    Calling it also ends a run that a signal asked to stop, whether a bar is drawn or not.
    """
    if quiet or not sys.stderr.isatty():
        yield check_stopped
        return
    from tqdm import tqdm

    known, unknown = "{desc}  {bar:40} {percentage:3.0f}%  {remaining}", "{desc}  {elapsed}"
    columns = os.get_terminal_size(sys.stderr.fileno()).columns
    ncols, nrows = (None, None) if columns else (80, 24)  # 0: a pseudo-terminal that was given no size
    tqdm.monitor_interval = 0  # no thread of its own, and no lock that other processes could share
    tqdm.set_lock(threading.RLock())
    with tqdm(
        desc=label, file=sys.stderr, leave=False, miniters=0, ncols=ncols, nrows=nrows, bar_format=unknown
    ) as bar:

        def advance(fraction: float | None) -> None:
            check_stopped()
            bar.total, bar.bar_format = (None, unknown) if fraction is None else (1.0, known)
            bar.update((fraction or 0.0) - bar.n)

        yield advance
