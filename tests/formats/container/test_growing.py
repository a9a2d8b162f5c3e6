"""Files whose chunks grow at their beginning, as those of `aez encode` do."""

import io
from dataclasses import replace

import pytest

from formats import Chunk, Reader
from formats.errors import DamagedError, UsageError
from formats.grid import SEGMENT
from tests.support.container_files import HEADER, OPENERS, outcome, pack

LONG = replace(HEADER, chunk_frames=5 * SEGMENT, samples=None)
LENGTHS = (126, 252, 504, 630, 630, 5)
CHUNKS = [
    Chunk(index, sum(LENGTHS[:index]), frames, f"payload {index}".encode()) for index, frames in enumerate(LENGTHS)
]


@pytest.mark.parametrize("kind", OPENERS)
def test_chunks_come_back(kind: str) -> None:
    data = pack(LONG, chunks=CHUNKS)
    assert outcome(OPENERS[kind], data)[0] == CHUNKS
    reader = Reader(io.BytesIO(data))
    assert [reader.read(index) for index in reversed(range(len(CHUNKS)))] == CHUNKS[::-1]


def test_a_lost_chunk_is_stepped_over() -> None:
    data = bytearray(pack(LONG, chunks=CHUNKS))
    reader = Reader(io.BytesIO(bytes(data)))
    data[reader.offsets[1] + 30] ^= 1
    lost: list[DamagedError] = []
    assert list(Reader(io.BytesIO(bytes(data))).salvage(lost.append)) == [CHUNKS[0], *CHUNKS[2:]]  # type: ignore[arg-type]


@pytest.mark.parametrize("frames", [253, 630])
def test_a_chunk_that_is_longer_than_its_place_is_refused(frames: int) -> None:
    with pytest.raises(UsageError, match=f"it has {frames} frames"):
        pack(LONG, chunks=[CHUNKS[0], replace(CHUNKS[1], frames=frames)])


def test_a_short_chunk_is_the_last_one() -> None:
    with pytest.raises(UsageError, match="cannot follow"):
        pack(LONG, chunks=[CHUNKS[0], replace(CHUNKS[1], frames=251), CHUNKS[2]])
