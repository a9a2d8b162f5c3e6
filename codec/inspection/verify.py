"""Whether .aez files are whole: every checksum, and every chunk unpacked to its integers; no audio is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from codec.pipeline.damage import Loss, located, losses
from codec.pipeline.payload import check, unpack
from codec.pipeline.workers import engine_for_file
from codec.runtime import models
from formats import Chunk, Reader
from formats.errors import AezError, DamagedError, FormatError

if TYPE_CHECKING:
    from codec.pipeline.workers import Engine
    from codec.runtime.models import Model


@dataclass(frozen=True)
class Verdict:
    """What is known of one file.

    Attributes:
        chunks: how many were found undamaged.
        seconds: of the whole song; None where the file does not tell it any more.
        losses: chunks that are damaged or missing, and their times.
        faults: every damage in words, the first met first.
    """

    chunks: int
    seconds: float | None
    losses: tuple[Loss, ...]
    faults: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether nothing is wrong with the file."""
        return not self.faults


class Verifier:
    """Checks files one by one, and reads each model that they need only once.

    Args:
        model: name or folder of a model to take instead of the installed ones; files of other models then fail.
        engine: threads to work with; each file gets its own if None.
    """

    def __init__(self, model: str | None = None, engine: Engine | None = None) -> None:
        self._named, self._engine = model, engine
        self._models: dict[bytes, Model] = {}

    def check(self, source: BinaryIO) -> Verdict:
        """Read a file from where it stands, a pipe too, to its end.

        Raises:
            OSError: as the file object raises it. Whatever is wrong with the bytes is in the verdict.
        """
        try:
            reader = Reader(source)
        except FormatError as error:
            return Verdict(0, None, (), (str(error),))
        findings = _Findings(reader)
        try:
            findings.model = self._model(reader.header.bitstream)
            check(reader.header, findings.model)
        except AezError as error:
            findings.faults.append(f"the payloads cannot be checked: {error}")
            findings.model = None
        with engine_for_file(self._engine) as engine:
            findings.read(engine)
        return findings.verdict()

    def _model(self, bitstream: bytes) -> Model:
        if bitstream not in self._models:
            self._models[bitstream] = models.for_file(bitstream, self._named)
        return self._models[bitstream]


class _Findings:
    """What is found while one file is read.

    Attributes:
        model: to unpack payloads with; None where they cannot be unpacked.
        faults: damage in words.
    """

    def __init__(self, reader: Reader) -> None:
        self.model: Model | None = None
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
        """Number of a chunk, and what is wrong with its payload; empty where nothing is."""
        header = self._reader.header
        try:
            if self.model:
                unpack(header, chunk, self.model)
        except DamagedError as error:
            return chunk.index, str(located(error, header, header.samples))
        return chunk.index, ""

    def verdict(self) -> Verdict:
        """Return what is known once all is read."""
        reader, header, samples = self._reader, self._reader.header, self._reader.samples
        faults = [*self.faults, *(str(located(error, header, samples)) for error in self._damage)]
        lost = list(self._lost)
        total = reader.chunk_count if reader.complete else None
        if total is not None and total > self._next:
            lost.append((self._next, total - 1))
        if not reader.complete:
            faults.append(f"the end of the file is missing or damaged, after {self._next} chunks")
        seconds = None if samples is None else samples / header.sample_rate
        return Verdict(self._good, seconds, losses(lost, header, samples), tuple(dict.fromkeys(faults)))
