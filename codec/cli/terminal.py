"""The command as a process: exit codes, one-line errors, signals, pipes, the progress bar."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import BinaryIO

import click

from codec.cli.advice import advised
from codec.cli.escape import escaped
from codec.files import is_fifo, is_special, named_reader, new_file, temporary_file
from formats.errors import AezError, UsageError

DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)
"""Handlers of signals that nobody has asked to be ignored or handled otherwise."""

PIPE = "-"
"""The name that stands for standard input or output."""


class Time(click.ParamType[float]):
    """Seconds, or [h:]m:s, as a number of seconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds; anything but a time of 0 or more is a usage error."""
        if not re.fullmatch(r"(\d+:)?(\d+:)?\d+(\.\d*)?|\.\d+", str(value)):
            self.fail(f"{value!r} is no time; write seconds or [h:]m:s", param, ctx)
        seconds = 0.0
        for part in str(value).split(":"):
            seconds = 60 * seconds + float(part)
        return seconds


def run(command: click.Command, arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1 for errors, 2 for wrong usage, 130 for Ctrl-C, 143 for SIGTERM."""
    _open_streams()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) in DEFAULTS:
            signal.signal(getattr(signal, name), _stop)
    try:
        return _run(command, arguments)
    except (KeyboardInterrupt, SystemExit):
        if _stopped:  # while an error was printed
            return 128 + _stopped[0]
        raise
    finally:
        _settle_stdout()
        _forget_stop()


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
        return 128 + _stopped[0] if _stopped and isinstance(error, AezError) else _failure(error)
    except (Exception, SystemExit):
        if _stopped:  # C code turned a signal into an error or exit code of its own
            return 128 + _stopped[0]
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

_closed: set[str] = set()
"""Standard streams that were closed when this process started."""


def _open_streams() -> None:
    """Make the standard streams usable, whatever the shell passed on.

    Closed ones become the null device; otherwise the next file to be opened would get their number. Letters that the
    terminal's encoding lacks are written as escapes, because tags and names have letters of all languages.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            _closed.add(name)
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)  # processes of a batch must not get another file under this number
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


_stopped: list[int] = []
"""Signals that asked this run to stop."""

AGAIN = 0.05
"""Seconds after which a signal that cannot be handled yet is raised again."""


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


def _forget_stop() -> None:
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


def _fail(line: str) -> int:
    click.echo("aez: error: " + escaped(line), err=True)
    return 1


def _settle_stdout() -> None:
    """Write what is buffered, or drop it, so that the interpreter does not try again at exit and report a failure.

    It is dropped where it cannot be written, and where a signal asked to stop: a pipe that nobody reads would block.
    """
    if not _stopped:
        with contextlib.suppress(OSError, ValueError, KeyboardInterrupt, SystemExit):  # the latter two: `_stop`
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


@contextlib.contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Open a file for reading, or standard input.

    Raises:
        UsageError: the name is a directory, or standard input is closed or a terminal.
    """
    if name == PIPE:
        yield standard_input()
        return
    if Path(name).is_dir():
        raise UsageError(f"{name} is a directory")
    with named_reader(name) as file:
        yield file


def spoken(name: str) -> str:
    """The name of a source in messages."""
    return "standard input" if name == PIPE else name


def source_of(name: str) -> str | BinaryIO:
    """The source for the library: the name of a file, or standard input.

    Raises:
        UsageError: standard input is closed, or a terminal.
    """
    return standard_input() if name == PIPE else name


def standard_input() -> BinaryIO:
    """Standard input as bytes.

    Raises:
        UsageError: it is closed, or a terminal.
    """
    if "stdin" in _closed:
        raise UsageError("standard input is closed")
    if sys.stdin.isatty():
        raise UsageError("standard input is a terminal; pipe a file into it, or name one")
    try:
        return named_reader(sys.stdin.fileno(), "standard input")
    except io.UnsupportedOperation:  # not the process's own
        return sys.stdin.buffer


@contextlib.contextmanager
def seekable(name: str) -> Iterator[BinaryIO]:
    """As `opened`, with standard input and named pipes copied to a temporary file first."""
    with opened(name) as file:
        if name != PIPE and not is_fifo(name):
            yield file
            return
        import shutil

        with temporary_file() as copy:
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            yield copy


@contextlib.contextmanager
def target_of(name: str, *, seekable: bool = False) -> Iterator[str | BinaryIO]:
    """The target for the library: the name of a file, or standard output (spooled if it has to be seekable).

    Named pipes and devices are spooled as standard output is.

    Raises:
        UsageError: standard output is closed, or a terminal.
        AezError: writing the file fails in the block; the text names the file.
    """
    if name != PIPE and seekable and is_special(Path(name)):
        with _spooled(name, lambda: Path(name).open("wb")) as spool:
            yield spool
        return
    if name != PIPE:
        try:
            yield name
        except OSError as error:
            if error.filename:
                raise
            raise AezError(f"cannot write {name}: {error.strerror or error}") from None
        return
    if "stdout" in _closed:
        raise UsageError("standard output is closed")
    if sys.stdout.isatty():
        raise UsageError("the output is not written to a terminal; name a file, or pipe it on")
    if not seekable:
        with _written():
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()  # before anyone says that it is done
        return
    with _spooled("standard output", lambda: contextlib.nullcontext(sys.stdout.buffer)) as spool:
        yield spool


@contextlib.contextmanager
def _spooled(name: str, output: Callable[[], AbstractContextManager[BinaryIO]]) -> Iterator[BinaryIO]:
    """A temporary file that is copied to an output when the block has ended well."""
    import shutil

    with temporary_file() as spool:
        yield spool
        spool.seek(0)
        with _written(name), output() as file:
            shutil.copyfileobj(spool, file)
            file.flush()


@contextlib.contextmanager
def _written(name: str = "standard output") -> Iterator[None]:
    """Name the output in errors that name nothing, unless it is a reader who went away."""
    try:
        yield
    except OSError as error:
        if error.filename or error.errno == errno.EPIPE:
            raise
        raise AezError(f"cannot write {name}: {error.strerror or error}") from None


@contextlib.contextmanager
def created(name: str, *, force: bool, source: str) -> Iterator[BinaryIO]:
    """Open a target for writing: a file that appears when the block ends well, or spooled standard output.

    Raises:
        UsageError: the target must not be written.
        AezError: as `target_of`.
    """
    origin = None if source == PIPE else Path(source)
    with target_of(name, seekable=True) as target:
        if not isinstance(target, str):
            yield target
            return
        with new_file(target, force=force, source=origin) as file:
            yield file
            check_stopped()
