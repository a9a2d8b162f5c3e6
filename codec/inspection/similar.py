"""Songs that sound alike, by what .aez files hold: no audio is decoded, and no network runs.

A song is a vector: the feature vectors of `codec.inspection.genre` from a few chunks spread over the file, their mean
and standard deviation over time, without the song's loudness. Two songs are as far apart as their vectors, in standard
deviations over the library, root mean square over all numbers. Files of any tier and gain can be compared,
and of any ranked model, whose integers stand for levels in the same unit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from codec.files import new_file
from codec.inspection.genre import POWERS, SIZE, features
from codec.pipeline.payload import check_tier, unpack
from codec.pipeline.workers import cores
from formats import Reader
from formats.errors import AezError, AudioError, DamagedError, ModelError, UsageError
from formats.grid import HYPER_MIN, HYPER_SIZE

if TYPE_CHECKING:
    from codec.runtime.models import Model
    from codec.runtime.named_models import NamedModels

INDEX = ".aez-similar.npz"
"""Name of a folder's index in it; hidden, so that it is not taken for one of the files."""

VERSION = 1
"""Version of the vectors; an index of another version is made anew."""

CHUNKS = 4
"""Equal parts of a song of which the chunk in the middle is unpacked, of 10 s unless the file was made with others."""

DIMENSIONS = 2 * SIZE
"""Numbers of a vector."""


def vector(source: BinaryIO, models: NamedModels) -> Float:
    """A song's vector [304].

    Args:
        source: an .aez file that can be sought in.
        models: the models at hand.

    Raises:
        FormatError: it is no .aez file, or is damaged where it is read; ModelError: its model is not at hand, or a
        plain one; AudioError: it holds nothing but digital silence.
    """
    reader = Reader(source)
    found = models.of(reader.header.bitstream)
    if found.kind != "ranked":
        raise ModelError(f"files of model {found.name!r} hold nothing that songs could be compared by")
    check_tier(reader.header, found)
    frames = reader.frames
    if not frames:
        raise DamagedError("the file holds no chunk")
    middles = ((2 * part + 1) * frames // (2 * CHUNKS) for part in range(CHUNKS))
    chosen = sorted({reader.header.chunk_at(frame) for frame in middles})
    return pooled(np.concatenate([_features(reader, index, found) for index in chosen]))


def _features(reader: Reader, index: int, model: Model) -> Float:
    header = reader.header
    return features(unpack(header, reader.read(index), model), header.gain, model.ranked_tables)


def pooled(vectors: Float) -> Float:
    """Feature vectors over time [G, 152] as one vector [304]; silent ones are left out.

    Raises:
        AudioError: all of them are silent.
    """
    heard = vectors[(vectors[:, :HYPER_SIZE] > HYPER_MIN).any(1)].astype(np.float64)
    if not len(heard):
        raise AudioError("the file holds no sound to compare")
    mean, deviation = heard.mean(0), heard.std(0)
    mean[:POWERS] -= mean[:POWERS].mean()  # all powers grow equally with the volume
    return np.concatenate([mean, deviation]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Index:
    """Vectors of the files of a folder.

    Attributes:
        names: paths in the folder, with slashes.
        states: int64 [n, 2], size in bytes and time of change in nanoseconds.
        vectors: float32 [n, 304].
    """

    names: list[str]
    states: NDArray[np.int64]
    vectors: Float

    @classmethod
    def empty(cls) -> Index:
        """An index of no files."""
        return cls([], np.zeros((0, 2), np.int64), np.zeros((0, DIMENSIONS), np.float32))

    @classmethod
    def load(cls, folder: Path) -> Index:
        """The index of a folder; an empty one where there is none that can be read."""
        try:
            with (folder / INDEX).open("rb") as file, np.load(file, allow_pickle=False) as data:
                if int(data["version"]) != VERSION:
                    return cls.empty()
                found = cls([str(name) for name in data["names"]], data["states"], data["vectors"])
        except Exception:  # whatever a broken zip or array raises, the index is only a cache
            return cls.empty()
        shapes = (found.states.shape, found.vectors.shape)
        fits = shapes == ((len(found.names), 2), (len(found.names), DIMENSIONS))
        kinds = found.states.dtype == np.int64 and found.vectors.dtype == np.float32
        return found if fits and kinds and np.isfinite(found.vectors).all() else cls.empty()

    def save(self, folder: Path) -> None:
        """Write the index of a folder, in one piece.

        Raises:
            AezError: the folder cannot be written.
        """
        with new_file(folder / INDEX, force=True) as file:
            np.savez(file, version=np.int64(VERSION), names=np.array(self.names, np.str_), states=self.states,
                     vectors=self.vectors, allow_pickle=False)  # fmt: skip


def indexed(
    folder: Path,
    files: Sequence[str],
    known: Index,
    models: NamedModels,
    failed: Callable[[str, AezError | OSError], None],
    advance: Callable[[float | None], None],
    interrupted: Callable[[Index], None] = lambda _: None,
) -> Index:
    """An index of these files of a folder: what is `known` of unchanged ones, the others read, several at a time.

    Args:
        folder: the files' folder.
        files: paths in it, with slashes.
        known: an earlier index.
        models: the models at hand.
        failed: called for every file that cannot be read, which the index then lacks.
        advance: called with the fraction done.
        interrupted: called at a Ctrl-C with the index of what was read until then.
    """
    earlier = {
        name: (tuple(state), row)
        for name, state, row in zip(known.names, known.states.tolist(), known.vectors, strict=True)
    }

    def one(name: str) -> tuple[tuple[int, int], Float] | AezError | OSError:
        try:
            with (folder / name).open("rb") as file:
                found = (folder / name).stat()
                state = (found.st_size, _in_64_bits(found.st_mtime_ns))
                kept = earlier.get(name)
                return kept if kept is not None and kept[0] == state else (state, vector(file, models))
        except UsageError:
            raise
        except (AezError, OSError) as error:
            return error

    names: list[str] = []
    states: list[tuple[int, int]] = []
    rows: list[Float] = []

    def read() -> Index:
        return Index(names, np.array(states, np.int64), np.stack(rows)) if names else Index.empty()

    with ThreadPoolExecutor(cores()) as pool:
        try:
            for number, (name, found) in enumerate(zip(files, pool.map(one, files), strict=True)):
                if isinstance(found, AezError | OSError):
                    failed(name, found)
                else:
                    rows.append(found[1])
                    states.append(found[0])
                    names.append(name)
                advance((number + 1) / len(files))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            del rows[len(names) :], states[len(names) :]
            interrupted(read())
            raise
    return read()


def _in_64_bits(nanoseconds: int) -> int:
    """A time of change as the index can hold it: after the year 2262, of a wrong clock, it begins again below zero."""
    return (nanoseconds + (1 << 63)) % (1 << 64) - (1 << 63)


def distances(query: Float, vectors: Float) -> NDArray[np.float64]:
    """Distance of a song [304] to others [n, 304]: root mean square of differences in standard deviations, [n].

    The deviations are those of the others; what is the same in all of them counts in its own unit, half octaves.
    """
    wide = vectors.astype(np.float64)
    deviation = wide.std(0)
    scaled = (wide - query) / np.where(deviation > 1e-3, deviation, 1.0)
    return np.asarray(np.sqrt(np.square(scaled).mean(1)))
