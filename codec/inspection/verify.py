"""Checks that .aez files are whole: every checksum, and every chunk unpacked to its integers; no audio is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from codec.clock import counted
from codec.pipeline.damage import Loss, located, losses
from codec.pipeline.payload import check_tier, unpack
from codec.pipeline.workers import engine_for_file
from codec.runtime import models
from formats import Chunk, Reader
from formats.errors import AezError, DamagedError, ForeignError, FormatError, VersionError

if TYPE_CHECKING:
    from codec.pipeline.workers import Engine
    from codec.runtime.models import Model


@dataclass(frozen=True)
class Verdict:
    """What is known of one file.

    Attributes:
        chunks: number of undamaged chunks.
        seconds: duration of the whole song; None where damage makes it unknown.
        losses: chunks that are damaged or missing, and their times.
        faults: a description of each damage, in the order of the file.
        foreign: whether it does not begin as an .aez file does: it is another file, or is damaged there.
        unchecked: why not all of it could be checked: it is of a newer version, or its model is not at hand; None if
            all of it was.
    """

    chunks: int
    seconds: float | None
    losses: tuple[Loss, ...]
    faults: tuple[str, ...]
    foreign: bool = False
    unchecked: AezError | None = None

    @property
    def good(self) -> bool:
        """Whether all of the file was checked, and nothing is wrong with it."""
        return not self.faults and self.unchecked is None

    @property
    def checked(self) -> bool:
        """Whether all of the file could be checked, or it is known to be damaged."""
        return bool(self.faults) or self.unchecked is None


class Verifier:
    """Checks files one by one, and reads each model that they need only once.

    Args:
        model: name or folder of a model to use instead of the installed ones; files of other models then fail.
        engine: threads to work with; each file gets its own engine if None.

    Raises:
        ModelError: there is no model of that name or folder.
    """

    def __init__(self, model: str | None = None, engine: Engine | None = None) -> None:
        if model is not None:
            models.by_name(model)
        self._named, self._engine = model, engine
        self._models: dict[bytes, Model] = {}

    def check(self, source: BinaryIO) -> Verdict:
        """Read a file, which may be a pipe, from its current position to its end.

        Raises:
            OSError: as the file object raises it. Damage does not raise, but is in the verdict.
        """
        try:
            reader = Reader(source)
        except FormatError as error:
            if isinstance(error, VersionError):
                return Verdict(0, None, (), (), unchecked=error)
            return Verdict(0, None, (), (str(error),), foreign=isinstance(error, ForeignError))
        findings = _Findings(reader)
        try:
            findings.model = self._model(reader.header.bitstream)
            check_tier(reader.header, findings.model)
            findings.model.tables  # noqa: B018  (read here, so that an incomplete model folder is no error of the run)
        except AezError as error:
            findings.unchecked = type(error)(f"the payloads cannot be checked: {error}")
            findings.model = None
        with engine_for_file(self._engine) as engine:
            findings.read(engine)
        return findings.verdict()

    def _model(self, bitstream: bytes) -> Model:
        if bitstream not in self._models:
            self._models[bitstream] = models.for_file(bitstream, self._named)
        return self._models[bitstream]


class _Findings:
    """Collects what is found while one file is read.

    Attributes:
        model: model to unpack payloads with; None if they cannot be unpacked.
        faults: descriptions of damage.
        unchecked: why they cannot be; None if they can.
    """

    def __init__(self, reader: Reader) -> None:
        self.model: Model | None = None
        self.unchecked: AezError | None = None
        self.faults: list[str] = []
        self._reader = reader
        self._damage: list[FormatError] = []
        self._lost: list[tuple[int, int]] = []
        self._next = self._good = 0

    def read(self, engine: Engine) -> None:
        """Read all chunks and unpack them."""
        try:
            for index, fault in engine.map(self._unpack, self._reader.salvage(self._damage.append)):
                if index > self._next:
                    self._lost.append((self._next, index - 1))
                if fault:
                    self._lost.append((index, index))
                    self.faults.append(fault)
                self._good += not fault
                self._next = index + 1
        except FormatError as error:  # too damaged to read on
            self._damage.append(error)

    def _unpack(self, chunk: Chunk) -> tuple[int, str]:
        """Number of a chunk, and what is wrong with its payload; empty if nothing is."""
        header = self._reader.header
        try:
            if self.model:
                unpack(header, chunk, self.model)
        except DamagedError as error:
            return chunk.index, str(located(error, header, header.samples))
        return chunk.index, ""

    def verdict(self) -> Verdict:
        """Return the verdict once the file has been read."""
        reader, header, samples = self._reader, self._reader.header, self._reader.samples
        faults = [*self.faults, *(str(located(error, header, samples)) for error in self._damage)]
        lost = list(self._lost)
        total = reader.chunk_count if reader.complete else None
        if total is not None and total > self._next:
            lost.append((self._next, total - 1))
        if not reader.complete:
            faults.append(f"the end of the file is missing or damaged, after {counted(self._next, 'chunk')}")
        seconds = None if samples is None else samples / header.sample_rate
        return Verdict(
            self._good,
            seconds,
            losses(lost, header, samples),
            tuple(dict.fromkeys(faults)),
            unchecked=self.unchecked,
        )
