"""Pure arithmetic of the way from samples to chunks and back: windows with real context on both sides.

Networks see a chunk's frames with `reach` frames of context before and after, zeros beyond the song's ends, and keep
the middle. With at least the networks' receptive field as reach, chunked equals whole.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from codec.dsp.mdct import Float
from formats.grid import CHUNK, HOP, SAMPLE_RATE, frame_count

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Window:
    """Samples under one chunk and its context.

    Attributes:
        index: number of the chunk.
        frames: frames of the song in it, 1...630; the rest of the window is beyond the end.
        samples: [2, (630 + 2 reach + 1) 700] mid and side at 44.1 kHz.
    """

    index: int
    frames: int
    samples: Float


def source_samples(chunk: int, rate: int, frames: int = CHUNK) -> int:
    """First sample of a chunk at the source's rate; exact, because a chunk is a whole number of seconds."""
    return chunk * frames * HOP * rate // SAMPLE_RATE


def chunk_count(samples: int) -> int:
    """Chunks of a song of `samples` samples at 44.1 kHz."""
    return -(-frame_count(samples) // CHUNK)


class Windower:
    """Cuts a stream of mid and side into windows.

    Push blocks [2, N] in any sizes, then `finish` with the song's exact length at 44.1 kHz, to which the stream is
    trimmed or zero-padded.
    """

    def __init__(self, reach: int) -> None:
        self._size = (CHUNK + 2 * reach + 1) * HOP
        self._held = [np.zeros((2, (reach + 1) * HOP), np.float32)]
        self._count = (reach + 1) * HOP
        self._index = 0
        self._pushed = 0

    def push(self, block: Float) -> Iterator[Window]:
        """Windows that are complete with this block."""
        self._held.append(block)
        self._count += block.shape[1]
        self._pushed += block.shape[1]
        while self._count >= self._size:
            yield self._cut(CHUNK)

    def finish(self, samples: int) -> Iterator[Window]:
        """The rest of the windows of a song of `samples` samples."""
        frames = frame_count(samples)
        surplus = self._pushed - samples
        if surplus > 0:
            self._held = [np.concatenate(self._held, 1)[:, : max(0, self._count - surplus)]]
            self._count = self._held[0].shape[1]
        while self._index < chunk_count(samples):
            self._held.append(np.zeros((2, max(0, self._size - self._count)), np.float32))
            self._count = max(self._count, self._size)
            yield self._cut(min(CHUNK, frames - self._index * CHUNK))

    def _cut(self, frames: int) -> Window:
        held = np.concatenate(self._held, 1)
        window = Window(self._index, frames, held[:, : self._size])
        self._held = [held[:, CHUNK * HOP :]]
        self._count -= CHUNK * HOP
        self._index += 1
        return window


def triples(items: Iterable[T]) -> Iterator[tuple[T | None, T, T | None]]:
    """Every item with its neighbours: a, b, c -> (None, a, b), (a, b, c), (b, c, None)."""
    before: T | None = None
    current: T | None = None
    for after in items:
        if current is not None:
            yield before, current, after
        before, current = current, after
    if current is not None:
        yield before, current, None
