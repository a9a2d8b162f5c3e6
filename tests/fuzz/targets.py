"""What is run on every input, and what must hold whatever it is: one error family, no hang, no memory for claims."""

import io
import resource
import signal
import sys
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from formats import Coder, Reader
from formats.errors import AezError, FormatError
from formats.model import Tables
from formats.payload.chunk import decode_payload, encode_payload
from tests.fuzz import audio_tags, model_files, seeds
from tests.fuzz.mutate import mutate, scribble

SECONDS = 5.0
"""Of processor time, so that a busy machine is no hang."""

MEMORY = 200 * 2**20
"""Bytes above where the process stood."""

EVERY = 64
"""Inputs between two looks at the memory."""

UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


class HangError(BaseException):
    """More than SECONDS for one input; no Exception, so that nothing swallows it."""


class MemoryGrewError(Exception):
    """More than MEMORY for one input."""


class Pipe(io.RawIOBase):
    """Bytes that can be read once, front to back, an odd number at a time."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(min(size, 61) if size >= 0 else 61)


def peak() -> int:
    """Most memory the process ever held, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


class Guard:
    """Runs a target on one input after another and counts; raises at the first that breaks the rules.

    Memory is measured by its peak over the whole run, every EVERY inputs, because asking the system takes longer than
    most inputs; the ones it can have been are in `recent`.
    """

    def __init__(self, target: Callable[[bytes], None]) -> None:
        self._target = target
        self.count, self.slowest, self.errors = 0, 0.0, 0
        self.recent: deque[bytes] = deque(maxlen=EVERY)
        self._allowed = MEMORY
        self._start = peak()
        signal.signal(signal.SIGVTALRM, _hang)

    @property
    def grown(self) -> int:
        """Bytes that memory's peak has grown by since the start."""
        return peak() - self._start

    def __call__(self, data: bytes) -> None:
        self.recent.append(data)
        self.count += 1
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS, SECONDS)  # again and again: one can get lost
        try:
            self._target(data)
        except AezError as error:
            self.errors += 1
            assert "\n" not in str(error), error
        finally:
            self.slowest = max(self.slowest, SECONDS - signal.setitimer(signal.ITIMER_VIRTUAL, 0)[0])
        if self.count % EVERY == 0:
            self.check()

    def check(self) -> None:
        """Raises where memory has grown too much since the last time it had."""
        if self.grown > self._allowed:
            self._allowed = self.grown + MEMORY
            raise MemoryGrewError(f"{self.grown >> 20} MB more than at the start")


def _hang(number: int, frame: object) -> None:
    raise HangError(f"still at it after {SECONDS} s")


def opening(data: bytes, variant: int | None = None) -> None:
    """All that a reader can be asked: in order and with salvage always, the rest as the input's length has it."""
    reader, variant = Reader(io.BytesIO(data)), len(data) % 4 if variant is None else variant
    good = attempt(lambda: list(reader))
    whole = good is not None and reader.complete
    saved, lost = salvaged(reader)
    if not whole:
        assert lost, "a damage that salvage does not notice"
    else:
        assert good == saved and not lost, "a good file is salvaged as something else"
    if variant == 0:
        assert whole == bool(attempt(lambda: Reader(io.BytesIO(data)).verify() or True))
        attempt(lambda: Reader(io.BytesIO(data)).metadata)
    elif variant == 1:
        pipe = attempt(lambda: list(Reader(Pipe(data))))
        assert good is None or pipe is None or good == pipe
        salvaged(Reader(Pipe(data)))
    elif variant == 2:
        fresh = Reader(io.BytesIO(data))
        numbers = fresh.samples, fresh.frames, fresh.chunk_count, fresh.coded_size
        assert all(number is None or number >= 0 for number in numbers)
        for index in list(fresh.offsets)[:4]:
            attempt(lambda index=index: fresh.read(index))


def attempt(action: Callable[[], Any]) -> Any:
    """What it gives, None where it raises one of the family."""
    try:
        return action()
    except AezError:
        return None


def salvaged(reader: Reader) -> tuple[list[Any], list[FormatError]]:
    lost: list[FormatError] = []
    found = []
    try:
        for chunk in reader.salvage(lost.append):
            found.append(chunk)  # noqa: PERF402  (what came before an error counts)
    except FormatError as error:
        lost.append(error)
    return found, lost


class Payloads:
    """One payload as any model's: the first byte says which coder and model, the next two how many frames and latents.

    What decodes is encoded and decoded again and must be the same integers.
    """

    def __init__(self) -> None:
        self._tables = seeds.all_tables()

    def __call__(self, data: bytes) -> None:
        kind, size, gain = data[0] if data else 0, data[1:2], data[2:3]
        tables = self._tables[kind % 3]
        coder = (Coder.RANGE, Coder.ZSTD)[kind // 3 % 2]
        number, scale = size[0] if size else 0, (gain[0] if gain else 0) * 4 - 512
        frames = 1 + number % 20 + 125 * (number // 20 % 2)  # a few, or a segment and a few
        main = 16 if isinstance(tables, Tables) else 32
        found = decode_payload(data[3:], frames, main, scale, coder, tables)
        again = decode_payload(encode_payload(found, scale, coder, tables), frames, main, scale, coder, tables)
        assert np.array_equal(found.hyper, again.hyper) and np.array_equal(found.indices, again.indices)
        for name, value in found.side_info._asdict().items():
            assert np.array_equal(value, getattr(again.side_info, name)), name

    def seeds(self) -> list[bytes]:
        """Payloads that decode."""
        found = []
        for kind in range(6):
            for frames, number, flags in ((1, 0, 0), (5, 4, 3), (20, 19, 6), (126, 20, 15), (145, 39, 9)):
                head = seeds.header(coder=(Coder.RANGE, Coder.ZSTD)[kind // 3], gain=-512 + 4 * 128)
                data = seeds.payload(frames, head, self._tables[kind % 3], flags)
                found.append(bytes([kind, number, 128]) + data)
        return found


def prepared(name: str) -> tuple[Callable[[bytes], None], AbstractContextManager[None]]:
    """A target by name, and what to run it within."""
    if name == "decode":
        from tests.fuzz import playing

        return playing.playing, playing.stubs()
    if name in model_files.TARGETS:
        return model_files.TARGETS[name][0], nullcontext()
    if name == "tags":
        return audio_tags.Tags(), nullcontext()
    return (Payloads() if name == "payload" else opening), nullcontext()


def starting(name: str) -> list[bytes]:
    """Inputs to start from."""
    if name in model_files.TARGETS:
        return model_files.TARGETS[name][1]()
    if name == "tags":
        return audio_tags.Tags().seeds()
    if name == "payload":
        return Payloads().seeds()
    return seeds.songs() if name == "decode" else seeds.containers()


CORPUS = Path(__file__).parent.parent / "corpus"
"""Inputs that once broke a rule, written by `tests/fuzz/corpus.py`; the name begins with the target's."""


def inputs(name: str) -> list[bytes]:
    """Seeds and corpus of a target."""
    return starting(name) + [path.read_bytes() for path in sorted(CORPUS.glob(f"{name}-*"))]


def mutation(name: str) -> Callable[[bytes, Random], bytes]:
    """How inputs of a target are changed: by structure, but a payload has none."""
    if name in model_files.TARGETS:
        return model_files.TARGETS[name][2]
    return (lambda data, random: scribble(random, data)) if name in ("payload", "tags") else mutate
