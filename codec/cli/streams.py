"""Inputs and outputs as users name them: files, `-` for a pipe, named pipes, devices; and the standard streams."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from codec.cli.signals import check_stopped
from codec.files import is_fifo, is_folder, is_special, named_reader, new_file, temporary_file
from formats.errors import AezError, UsageError

PIPE = "-"
"""The name that stands for standard input or output."""

_closed: set[str] = set()
"""Standard streams that were closed when this process started."""


def open_streams() -> None:
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


@contextlib.contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Open a file for reading, or standard input.

    Raises:
        UsageError: the name is a directory, or standard input is closed or a terminal.
    """
    if name == PIPE:
        yield standard_input()
        return
    if is_folder(name):
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
