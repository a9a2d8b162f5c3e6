"""Arrays that are computed once for each song, and kept as .npy files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from codec.files import new_file

Number = TypeVar("Number", bound=np.floating)

SMALL = 4096
"""Bytes up to which a file is read instead of mapped."""


def stored(paths: Sequence[Path], make: Callable[[], Sequence[Float]], kind: type[Number]) -> list[NDArray[Number]]:
    """Arrays from .npy files; where one is missing, they are made and written as numbers of a `kind`.

    Large ones are mapped, not read, because the features of a large collection do not fit into memory.
    """
    if not all(path.exists() for path in paths):
        for path, array in zip(paths, make(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            with new_file(path, force=True) as file:  # complete or not there, whenever this is stopped
                np.save(file, array.astype(kind))
    return [np.load(path, mmap_mode="r" if path.stat().st_size > SMALL else None) for path in paths]
