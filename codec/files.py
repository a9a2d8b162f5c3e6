"""Inputs that are paths or file objects, and output files that appear complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import sys
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO

from codec.ending import removed_at_the_end
from formats.errors import AezError, CodedError, ForeignError, UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class _TemporaryFile(io.FileIO):
    def write(self, data: ReadableBuffer) -> int:
        try:
            return super().write(data)
        except OSError as error:
            import tempfile

            raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from None


def temporary_file(path: Path | None = None) -> BinaryIO:
    """A new file for writing and reading in the folder of temporary files, which errors of writing name.

    Args:
        path: of the file; None for one without a name.
    """
    if path is not None:
        return io.BufferedRandom(_TemporaryFile(path, "w+"))
    import tempfile

    with tempfile.TemporaryFile(prefix="aez-", buffering=0) as file:
        return io.BufferedRandom(_TemporaryFile(os.dup(file.fileno()), "w+"))


class TargetExistsError(UsageError):
    """A target exists already, and overwriting it is not allowed.

    Attributes:
        target: the file.
    """

    def __init__(self, text: str, target: Path | None = None) -> None:
        super().__init__(text)  # an exception is pickled as its text and its attributes
        self.target = target


def check_target(
    target: str | PathLike[str], *, force: bool = False, source: str | PathLike[str] | None = None
) -> None:
    """Refuse a target that must not be written, before any work is done; devices and pipes (/dev/null) are accepted.

    Args:
        target: name of the file to be written.
        force: whether a file of that name may be overwritten.
        source: the file that it is made from, which must not be overwritten.

    Raises:
        TargetExistsError: it exists already, and `force` is not given.
        UsageError: it names a folder, a file in a folder that does not exist, or the source itself, has a NUL, or is
            too long.
    """
    name, path = os.fspath(target), Path(target)
    if "\0" in name:
        raise UsageError("a file name cannot have a NUL in it")
    try:
        path.lstat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UsageError(f"cannot write {name}: {error.strerror}") from None
    if path.is_dir() or os.path.basename(name) in ("", os.curdir, os.pardir):  # noqa: PTH119  (a Path drops the end)
        raise UsageError(f"{name or 'an empty name'} names a folder; give the name of a file in it")
    if source is not None and path.exists() and Path(source).exists() and path.samefile(source):
        raise UsageError(f"{name} is the input itself; give the output another name")
    if os.path.lexists(target) and not force and not is_special(path):
        raise TargetExistsError(f"{name} exists already", path)
    if not path.parent.is_dir():
        missing = "is not a folder" if path.parent.exists() else "does not exist; create that folder first"
        raise UsageError(f"cannot write {name}: {path.parent} {missing}")


@contextlib.contextmanager
def opened(source: str | PathLike[str] | BinaryIO) -> Iterator[BinaryIO]:
    """Open a path for reading for the length of a with block; a file object is passed on, and not closed.

    Raises:
        UsageError: the source is neither, or an empty name; OSError: the file cannot be opened.
    """
    if isinstance(source, str | PathLike):
        with named_reader(source) as file:
            yield file
    elif isinstance(source, io.TextIOBase):
        raise UsageError("a source is a path or a binary file object, not one of text; open it in mode 'rb'")
    elif hasattr(source, "read"):
        yield source
    else:
        raise UsageError(f"a source is a path or a binary file object, not {type(source).__name__}")


def path_text(path: str | PathLike[str] | None) -> str | None:
    """A name or a path as text; None for None. What is neither is returned as it is, for others to refuse."""
    return os.fspath(path) if isinstance(path, PathLike) else path


def is_folder(path: str | PathLike[str]) -> bool:
    """Whether this is a folder; False where nobody may look, or no disk takes the name, which opening it will tell."""
    return os.path.isdir(path)  # noqa: PTH112  (a Path raises an error, which would end a run of many files)


def is_regular(path: str | PathLike[str]) -> bool:
    """As `is_folder`, for files."""
    return os.path.isfile(path)  # noqa: PTH113


def is_coded(path: str | PathLike[str]) -> bool | None:
    """Whether a file begins as an .aez file does; None for what is no file, or cannot be read."""
    from formats.container.layout import MAGIC

    try:
        if not Path(path).is_file():
            return None
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):  # the latter for a name that holds a null character
        return None


def check_coded(path: str | PathLike[str]) -> None:
    """Refuse a file that does not begin as an .aez file does.

    Raises:
        ForeignError: it is such a file.
    """
    if is_coded(path) is False:
        raise ForeignError("this is not an .aez file")


def check_uncoded(path: str | PathLike[str]) -> None:
    """Refuse to encode an .aez file.

    Raises:
        CodedError: it is one.
    """
    if is_coded(path):
        raise CodedError(f"{os.fspath(path)} is an .aez file already")


def is_fifo(path: str | PathLike[str]) -> bool:
    """Whether this names a pipe, which can be read once only, and from front to back."""
    try:
        return stat.S_ISFIFO(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


def named_reader(source: str | PathLike[str] | int, name: str | None = None) -> BinaryIO:
    """Open a path, or a descriptor that stays open, for reading; errors while it is read name it.

    Raises:
        UsageError: the path is empty; OSError: the file cannot be opened.
    """
    if source == "":
        raise UsageError("the name of the source is empty")
    file = _NamedFile(os.fspath(source) if not isinstance(source, int) else source, closefd=not isinstance(source, int))
    file.label = name or str(file.name)
    return io.BufferedReader(file)


class _NamedFile(io.FileIO):
    """A file that is read, and whose name is in its errors: the system does not say which read has failed."""

    label = ""

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        with self._named():
            return super().readinto(buffer)

    def readall(self) -> bytes | None:  # type: ignore[override, unused-ignore]
        with self._named():
            return super().readall()

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            error.filename = self.label
            raise


@contextlib.contextmanager
def new_file(
    target: str | PathLike[str], *, force: bool = False, source: str | PathLike[str] | None = None
) -> Iterator[BinaryIO]:
    """Open a temporary file next to `target`, which is renamed to it when the block ends without an exception.

    Any exception, KeyboardInterrupt and SystemExit included, removes it and leaves an older target as it was. Devices
    and pipes (/dev/null) are written directly.

    Raises:
        TargetExistsError, UsageError: as `check_target`.
        AezError: the folder cannot be written, the disk is full, or the block raises another OSError that names no
            file.
    """
    check_target(target, force=force, source=source)
    from codec import part_files  # which only writing needs

    path = Path(target)
    final = path.resolve()  # a link remains a link: the file that it names is replaced
    part: Path | None = None
    file: BinaryIO
    try:
        if is_special(path):
            file = path.open("wb")
        else:
            part, file = part_files.create(final)
    except OSError as error:
        raise _failure(target, error) from None
    try:
        with removed_at_the_end(part) if part else contextlib.nullcontext():
            yield file
        try:
            if part and not file.closed:
                _sync(file)
            file.close()
            if part:
                part.chmod(_mode(final))
                _rename(part, final, force=force)
        except FileExistsError:
            raise TargetExistsError(f"{os.fspath(target)} exists already", path) from None
        except OSError as error:
            raise _failure(target, error) from None
    except BaseException as error:
        with contextlib.suppress(OSError):  # writing what is still buffered may find the disk full again
            file.close()
        if part:
            part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            raise _failure(target, error) from None
        raise


def _sync(file: BinaryIO) -> None:
    """Have a file's bytes on the disk before it gets its name: after a power cut it would be there, but empty."""
    file.flush()
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):  # the file system knows no such thing
            raise


def _rename(part: Path, final: Path, *, force: bool) -> None:
    """Rename a finished file.

    Raises:
        FileExistsError: without `force`, a file of that name has appeared since the target was checked.
    """
    if force:
        part.replace(final)
    elif sys.platform == "win32":
        part.rename(final)  # replaces nothing there
    else:
        try:
            os.link(part, final)  # unlike a rename, this replaces nothing
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):  # the file system has no hard links
            _take_name(part, final)
        else:
            part.unlink()


def _take_name(part: Path, final: Path) -> None:
    """Rename a file to a name that is reserved for it by an empty file, which only one process can create.

    Raises:
        FileExistsError: the name is taken.
    """
    with final.open("xb") as reserved:
        try:
            part.replace(final)
        except BaseException:
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(reserved.fileno()), final.stat()):
                    final.unlink()
            raise


def is_special(path: Path) -> bool:
    """Whether this is there and is a pipe or a device, which is written directly."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _failure(target: str | PathLike[str], error: OSError) -> AezError:
    return AezError(f"cannot write {os.fspath(target)}: {error.strerror or error}")


_umask = Lock()  # two threads that ask for the umask at once would leave it at 0


def _mode(final: Path) -> int:
    """The permissions that the file would have if it had been opened in the usual way."""
    if final.exists():
        return final.stat().st_mode & 0o777
    with _umask:
        mask = os.umask(0)
        os.umask(mask)
    return 0o666 & ~mask
