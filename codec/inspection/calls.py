"""The calls of `import aez` that look into files. Heavy imports wait until a call needs them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from codec.inspection.info import Info
    from codec.inspection.verify import Verdict


def info(source: str | os.PathLike[str] | BinaryIO, *, model: str | None = None) -> Info:
    """Tell what an .aez file is and holds, and check all its checksums; see `codec.inspection.info.Info`.

    Args:
        source: a path, or a file object, which is read from where it stands; a pipe will do.
        model: name or folder of the model to look at instead of the installed one that has the file's bitstream.

    Raises:
        FormatError: this is no .aez file, or its header is damaged; damage further on is told in `Info.damage`;
        ModelError: `model` is no model, or has another bitstream definition; OSError.
    """
    from codec.inspection.info import describe

    with _opened(source) as file:
        return describe(file, model=model)


def verify(source: str | os.PathLike[str] | BinaryIO, *, model: str | None = None) -> Verdict:
    """Check every checksum of a file and unpack every chunk to its integers; see `codec.inspection.verify.Verdict`.

    Args:
        source, model: as `info` takes them.

    Raises:
        OSError: the file cannot be read. Whatever is wrong with its bytes is in the verdict.
    """
    from codec.inspection.verify import Verifier

    with _opened(source) as file:
        return Verifier(model).check(file)


@contextlib.contextmanager
def _opened(source: str | os.PathLike[str] | BinaryIO) -> Iterator[BinaryIO]:
    if not isinstance(source, str | os.PathLike):
        yield source
        return
    with Path(source).open("rb") as file:
        yield file
