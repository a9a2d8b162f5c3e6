"""The writer: to files and pipes, one chunk after another, and nothing that no reader takes."""

import io
from dataclasses import replace

import pytest

from formats import Chunk, Writer
from formats.errors import UsageError
from tests.support.container_files import CHUNKS, GOLDEN, HEADER, METADATA, Pipe, pack, song


def test_files_that_take_a_few_bytes_at_a_time():
    pipe = Pipe()
    writer = Writer(pipe, HEADER, METADATA)
    for chunk in CHUNKS:
        writer.write(chunk)
    writer.finish(97_000)
    assert pipe.inner.getvalue() == GOLDEN


@pytest.mark.parametrize(
    "chunk",
    [
        Chunk(0, 0, 126, b""),
        Chunk(-1, 0, 126, b""),
        Chunk(2, 252, 126, b""),
        Chunk(1, 127, 126, b""),
        Chunk(1, 126, 0, b""),
        Chunk(1, 126, 127, b""),
        Chunk(1, 126, 126, bytes(HEADER.payload_limit + 1)),
    ],
)
def test_chunks_that_do_not_follow_are_refused(chunk):
    writer = Writer(io.BytesIO(), HEADER)
    writer.write(CHUNKS[0])
    with pytest.raises(UsageError):
        writer.write(chunk)
    writer.write(CHUNKS[1])
    with pytest.raises(UsageError, match="cannot follow"):
        writer.write(Chunk(2, 252, 126, b""))


def test_totals_that_cannot_be_are_refused():
    writer = Writer(io.BytesIO(), replace(HEADER, samples=None))
    for samples in (1000, -1):
        with pytest.raises(UsageError):
            writer.finish(samples)
    with pytest.raises(UsageError, match="header"):
        Writer(io.BytesIO(), HEADER).finish(0)
    writer.finish(0)
    for call in (lambda: writer.finish(0), lambda: writer.write(CHUNKS[0])):
        with pytest.raises(UsageError, match="finished"):
            call()


@pytest.mark.parametrize("last", [1, 2, 50, 126])
def test_frames_are_exactly_those_that_the_samples_take(last):
    header = replace(HEADER, samples=None)
    frames = 126 + last
    least, most = ((frames - n) * 700 * 48_000 / 44_100 for n in (2, 1))
    for samples, good in ((least - 1, False), (least + 2, True), (most - 1, True), (most + 2, False)):
        if good:
            pack(header, chunks=song([b"one", b"two"], last=last), samples=int(samples))
        else:
            with pytest.raises(UsageError, match="frames"):
                pack(header, chunks=song([b"one", b"two"], last=last), samples=int(samples))


def test_errors_of_the_file_object_pass_through():
    class Broken(Pipe):
        def write(self, data):
            raise OSError("no space left")

    with pytest.raises(OSError, match="space"):
        Writer(Broken(), HEADER)


def test_files_that_are_not_ready_are_an_error():
    class Waiting(Pipe):
        def write(self, data):
            return None

    with pytest.raises(UsageError, match="non-blocking"):
        Writer(Waiting(), HEADER)


def test_a_song_cannot_have_fewer_samples_than_none():
    writer = Writer(io.BytesIO(), replace(HEADER, sample_rate=96_000, samples=None))
    with pytest.raises(UsageError, match="it cannot have -1 samples"):
        writer.finish(-1)
    writer.finish(0)
