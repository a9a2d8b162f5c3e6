"""Whether .aez files are whole: every checksum, and every chunk unpacked to its integers; no audio is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from codec.pipeline.damage import Loss, located, losses
from codec.pipeline.payload import check, unpack
from codec.pipeline.workers import ordered_map, workers
from codec.runtime import models
from formats import Chunk, Reader
from formats.errors import AezError, DamagedError, FormatError, ModelError

if TYPE_CHECKING:
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
    """

    def __init__(self, model: str | None = None) -> None:
        self._named = model
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
        header = reader.header
        faults: list[str] = []
        try:
            model = self._model(header.model)
            check(header, model)
        except AezError as error:
            faults.append(f"the payloads cannot be checked: {error}")
            model = None

        def fault(chunk: Chunk) -> tuple[int, str]:
            try:
                if model:
                    unpack(header, chunk, model)
            except DamagedError as error:
                return chunk.index, str(located(error, header, reader.header.samples))
            return chunk.index, ""

        lost: list[tuple[int, int]] = []
        expected = good = 0
        damage: list[FormatError] = []
        with workers() as pool:
            try:
                for index, words in ordered_map(pool, fault, reader.salvage(damage.append)):
                    if index > expected:
                        lost.append((expected, index - 1))
                    if words:
                        lost.append((index, index))
                        faults.append(words)
                    good += not words
                    expected = index + 1
            except FormatError as error:  # too damaged to read on
                damage.append(error)
        samples = reader.samples
        faults += [str(located(error, header, samples)) for error in damage]
        total = reader.chunk_count if reader.complete else None
        if total is not None and total > expected:
            lost.append((expected, total - 1))
        if not reader.complete:
            faults.append(f"the end of the file is missing or damaged, after {expected} chunks")
        seconds = None if samples is None else samples / header.sample_rate
        return Verdict(good, seconds, losses(lost, header, samples), tuple(dict.fromkeys(faults)))

    def _model(self, wanted: bytes) -> Model:
        if wanted not in self._models:
            model = models.by_id(wanted) if self._named is None else models.by_name(self._named)
            if model.id != wanted:
                raise ModelError(f"the file needs model {wanted.hex()}, and {model.name} is {model.id.hex()}")
            self._models[wanted] = model
        return self._models[wanted]
