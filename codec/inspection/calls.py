"""The functions of `import aez` that inspect files. Heavy imports wait until a call needs them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from codec.files import opened, path_text

if TYPE_CHECKING:
    from codec.inspection.info import Info
    from codec.inspection.verify import Verdict


def info(source: str | os.PathLike[str] | BinaryIO, *, model: str | os.PathLike[str] | None = None) -> Info:
    """Describe an .aez file and check all its checksums; see `codec.inspection.info.Info`.

    Args:
        source: a path, or a file object, which is read from its current position and may be a pipe.
        model: name or folder of the model to look at instead of the installed one that has the file's bitstream.

    Raises:
        FormatError: the source is not an .aez file, or its header is damaged; other damage is in `Info.damage`;
        ModelError: `model` does not exist, or has another bitstream; OSError.
    """
    from codec.inspection.info import describe

    with opened(source) as file:
        return describe(file, model=path_text(model))


def verify(source: str | os.PathLike[str] | BinaryIO, *, model: str | os.PathLike[str] | None = None) -> Verdict:
    """Check every checksum of a file and unpack every chunk to its integers; see `codec.inspection.verify.Verdict`.

    Args:
        source, model: as for `info`.

    Raises:
        ModelError: `model` does not exist; OSError: the file cannot be read. Damage, and a file's model that is not
        installed, do not raise, but are in the verdict.
    """
    from codec.inspection.verify import Verifier

    with opened(source) as file:
        return Verifier(path_text(model)).check(file)
