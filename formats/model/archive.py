"""Named integer arrays in an NPZ archive, and the id of the bitstream that they define."""

import hashlib
import io
import zipfile
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from formats.errors import ModelError
from formats.grid import (
    BAND_EDGES,
    GAIN_BLOCK,
    GAIN_EXPONENTS,
    GAIN_LOWPASS,
    GAIN_RISE,
    HOP,
    HYPER_FRAMES,
    ROTATION_ANGLES,
    SAMPLE_RATE,
    SEGMENT,
    WINDOW_UNIT,
)
from formats.model.npy import read_header

ARRAY_LIMIT = 2**20
"""Most bytes of an array in an archive; the largest that a model needs has 268,800."""

ENTRIES_LIMIT = 64
"""Most files in an archive; zipfile makes an object of each, whatever it is."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How arrays may be compressed. Python unpacks the other methods without a limit: a kilobyte becomes gigabytes."""

GRID = (
    *(SAMPLE_RATE, HOP, SEGMENT, HYPER_FRAMES, WINDOW_UNIT, ROTATION_ANGLES),
    *(GAIN_BLOCK, GAIN_RISE, GAIN_EXPONENTS, GAIN_LOWPASS),
)
"""Numbers of the grid that a bitstream id covers, in its order; the edges of the bands follow."""


@dataclass(frozen=True, eq=False)
class Archive:
    """A frozen dataclass of arrays that can be read from an NPZ archive and written to one."""

    KIND: ClassVar[str]
    """Kind of model that the arrays belong to, as its card names it."""

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote; other arrays in the archive are ignored, and nothing is unpickled.

        Raises:
            ModelError: the archive is broken, or an array is missing, too large, or of another type or shape.
        """
        if data.count(b"PK\1\2") > ENTRIES_LIMIT:  # with which every entry of its directory begins
            raise ModelError(f"the tables are an archive of more than {ENTRIES_LIMIT} files")
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return cls(**{field.name: _read(archive, field.name) for field in fields(cls)})
        except ModelError:
            raise
        except Exception as error:  # zipfile, zlib and NumPy have a dozen ways to say that an archive is broken
            raise ModelError(f"the tables cannot be read: {' '.join(str(error).split())}") from None

    def to_bytes(self) -> bytes:
        """A compressed NPZ archive of the arrays."""
        out = io.BytesIO()
        np.savez_compressed(out, allow_pickle=False, **self._arrays())
        return out.getvalue()

    def bitstream_id(self) -> bytes:
        """Eight bytes that identify the bitstream, and so the tables that a payload is decoded with.

        The id is the beginning of SHA-256 over the kind, the grid and every array. `formats/SPEC.md` ("The bitstream
        id") says byte by byte what is hashed.
        """
        grid = " ".join(map(str, (*GRID, *BAND_EDGES)))
        state = hashlib.sha256(f"aez bitstream\n{self.KIND}\n{grid}\n".encode())
        for name, value in self._arrays().items():
            state.update(f"{name} {value.dtype.name} {' '.join(map(str, value.shape))}\n".encode())
            state.update(value.astype(value.dtype.newbyteorder("<")).tobytes())
        return state.digest()[:8]

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name, in the order of the fields."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _read(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """One array of an archive; what the archive and the array's header state is checked before it is unpacked."""
    try:
        entry = archive.getinfo(f"{name}.npy")
    except KeyError:
        raise ModelError(f"table {name!r} is missing") from None
    if entry.file_size > ARRAY_LIMIT:
        raise ModelError(f"table {name!r} has more than {ARRAY_LIMIT} bytes")
    if entry.compress_type not in METHODS:
        raise ModelError(f"table {name!r} is compressed in another way than NumPy does")
    with archive.open(entry) as member:
        data = member.read(ARRAY_LIMIT + 1)
    if len(data) != entry.file_size:
        raise ModelError(f"table {name!r} has more or fewer bytes than its archive says")
    header = read_header(data)
    if data[6:8] != b"\1\0" or header.by_columns or not header.dtype:
        raise ModelError(f"table {name!r} is not numbers stored row by row, in NPY version 1.0")
    # The header may claim any shape: `reshape` refuses what the bytes do not hold.
    return np.frombuffer(data, header.dtype, offset=header.size).reshape(header.shape).copy()


def check_array(name: str, value: Any, kind: type[Any], shape: tuple[int, ...]) -> None:
    """Raise ModelError unless `value` is an array of this type and shape."""
    if not isinstance(value, np.ndarray) or value.dtype != kind or value.shape != shape:
        raise ModelError(f"table {name!r} is not {np.dtype(kind).name}{list(shape)}")
