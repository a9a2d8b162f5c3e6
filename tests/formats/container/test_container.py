"""What the container writes it reads back, from files and pipes, byte for byte as the specification says."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import formats
from formats import Chunk, Coder, Header, Metadata, Reader, Writer
from formats.container import layout
from formats.container.metadata import COVER_LIMIT, TAGS_LIMIT
from formats.errors import UsageError
from tests.support.codec import Counted

HEADER = Header(
    sample_rate=48_000,
    channels=2,
    samples=98_000,
    latent=128,
    hop=700,
    chunk_frames=126,
    gain=-5,
    coder=Coder.RANGE,
    model=bytes(range(8)),
    encoder_version="0.1.0",
)
METADATA = Metadata({"title": "Ode", "artist": "Zoë"}, b"\xff\xd8\xff", "image/jpeg")
CHUNKS = [Chunk(0, 0, 126, b"first payload"), Chunk(1, 126, 3, b"last")]
GOLDEN = bytes.fromhex(
    """
    89 41 45 5a 0d 0a 1a 0a 04 00 00 00 80 bb 00 00 d0 7e 01 00 00 00 00 00 00 01 02 03 04 05 06 07
    80 00 bc 02 7e 00 fb ff 02 02 00 01 00 d6 7f f1 03 28 00 00 00 03 00 00 00 0a 69 6d 61 67 65 2f
    6a 70 65 67 28 b5 2f fd 20 1f f9 00 00 7b 22 61 72 74 69 73 74 22 3a 22 5a 6f c3 ab 22 2c 22 74
    69 74 6c 65 22 3a 22 4f 64 65 22 7d ff d8 ff 2f bc 02 3a f5 41 5a 43 00 00 00 00 00 00 00 00 7e
    00 0d 00 00 00 60 8d 2a 14 66 69 72 73 74 20 70 61 79 6c 6f 61 64 f5 41 5a 43 01 00 00 00 7e 00
    00 00 03 00 04 00 00 00 91 65 e6 70 6c 61 73 74 f5 41 5a 54 02 00 00 00 81 00 00 00 d0 7e 01 00
    00 00 00 00 0d 00 00 00 04 00 00 00 97 25 01 1c 20 00 00 00 5a 45 41 1a
    """
)


class Pipe(io.RawIOBase):
    """Reads or takes a few bytes at a time, cannot seek, and counts what it was asked for."""

    def __init__(self, data=b"", step=7):
        self.inner, self.step, self.most = io.BytesIO(data), step, 0

    def readable(self):
        return True

    def writable(self):
        return True

    def seekable(self):
        return False

    def read(self, size=-1):
        assert size >= 0, "an unbounded read"
        self.most = max(self.most, size)
        return self.inner.read(min(size, self.step))

    def write(self, data):
        return self.inner.write(bytes(data[: self.step]))


class Slow(io.BytesIO):
    """Seeks, but gives at most three bytes a read."""

    def read(self, size=-1):
        return super().read(min(size, 3))


def pack(header=HEADER, metadata=METADATA, chunks=CHUNKS, samples=98_000):
    out = io.BytesIO()
    writer = Writer(out, header, metadata)
    for chunk in chunks:
        writer.write(chunk)
    writer.finish(samples)
    assert writer.coded_size == len(out.getvalue())
    assert (writer.chunk_count, writer.frames) == (len(chunks), sum(chunk.frames for chunk in chunks))
    return out.getvalue()


def song(payloads, last=126, frames=126):
    whole = [Chunk(index, index * frames, frames, data) for index, data in enumerate(payloads)]
    return [*whole[:-1], replace(whole[-1], frames=last)] if whole else []


def test_golden_bytes():
    assert pack().hex() == GOLDEN.hex()
    reader = Reader(io.BytesIO(GOLDEN))
    assert (reader.header, reader.metadata, list(reader)) == (HEADER, METADATA, CHUNKS)


def test_specification_shows_the_golden_bytes_and_the_layout():
    text = (Path(formats.__file__).parent / "SPEC.md").read_text("utf-8")
    block = re.search(r"## Test vector.*?```\n(.*?)```", text, re.DOTALL)
    assert bytes.fromhex("".join(line.split("|")[0] for line in block[1].splitlines())) == GOLDEN
    for title, struct in {
        "File header": layout.HEADER,
        "Metadata block": layout.METADATA,
        "Chunk": layout.CHUNK,
        "Trailer": layout.TRAILER,
        "Footer": layout.FOOTER,
    }.items():
        section = re.search(rf"^## {title}\n(.*?)^## ", text, re.DOTALL | re.MULTILINE)[1]
        rows = re.findall(r"^\| (\d+) \| (\d+) \| \S+ \| `(\w+)` \|", section, re.MULTILINE)
        offset, expected = 0, []
        for field in struct.defersubcon.subcons:  # what construct has compiled keeps its declaration there
            expected.append((str(offset), str(field.sizeof()), field.name))
            offset += field.sizeof()
        if title not in ("Trailer", "Footer", "Metadata block"):
            expected.append((str(offset), "4", "crc"))
        assert rows == expected


@settings(deadline=None)
@given(
    tags=st.dictionaries(st.text(), st.text(), max_size=5),
    cover=st.none() | st.binary(min_size=1, max_size=300),
    payloads=st.lists(st.binary(max_size=300), max_size=6),
    last=st.integers(1, 126),
    known=st.booleans(),
    fields=st.fixed_dictionaries(
        {
            "sample_rate": st.integers(8000, 192_000),
            "channels": st.integers(1, 2),
            "latent": st.integers(16, 1416),
            "gain": st.integers(-(2**15), 2**15 - 1),
            "coder": st.sampled_from(Coder),
            "model": st.binary(min_size=8, max_size=8),
            "encoder_version": st.tuples(*[st.integers(0, 255)] * 3).map(lambda v: ".".join(map(str, v))),
            "flags": st.integers(0, 2**16 - 1),
        }
    ),
    data=st.data(),
)
def test_round_trip(tags, cover, payloads, last, known, fields, data):
    chunks = song(payloads, last)
    frames = sum(chunk.frames for chunk in chunks)
    samples = data.draw(st.integers(0, frames * 700 * fields["sample_rate"] // 44_100))
    header = replace(HEADER, samples=samples if known else None, **fields)
    metadata = Metadata(tags, cover, "image/png" if cover else "")
    coded = pack(header, metadata, chunks, samples)

    reader = Reader(Slow(coded))
    assert (reader.samples, reader.frames, reader.chunk_count) == (samples, frames, len(chunks))
    assert reader.complete
    assert reader.coded_size == len(coded)
    assert (reader.header, reader.metadata) == (header, metadata)
    for index in reversed(range(len(chunks))):
        assert reader.read(index) == chunks[index]
        assert coded[reader.offsets[index] :].startswith(layout.CHUNK_SYNC)
    assert list(reader) == list(reader) == chunks
    reader.verify()

    pipe = Reader(Pipe(coded))
    assert list(pipe) == chunks
    assert (pipe.header, pipe.metadata, pipe.complete) == (header, metadata, True)
    assert (pipe.samples, pipe.frames, pipe.chunk_count) == (samples, frames, len(chunks))
    assert pipe.coded_size == len(coded)


def test_a_pipe_knows_what_it_has_read_and_is_read_once():
    reader = Reader(Pipe(pack(replace(HEADER, samples=None))))
    assert (reader.samples, reader.frames, reader.chunk_count, reader.coded_size) == (None,) * 4
    assert not reader.complete
    for call in (lambda: reader.read(0), lambda: reader.offsets):
        with pytest.raises(UsageError, match="pipe"):
            call()
    assert next(iter(reader)) == CHUNKS[0]
    with pytest.raises(UsageError, match="once"):
        list(reader)
    whole = Reader(Pipe(pack()))
    whole.verify()
    assert (whole.samples, whole.coded_size) == (98_000, len(pack()))


def test_opening_reads_the_header_only():
    pipe = Pipe(pack())
    Reader(pipe)
    assert pipe.inner.tell() == layout.HEADER_SIZE


def test_a_file_inside_another_is_read_from_where_it_begins():
    inside = io.BytesIO(b"something else" + pack())
    inside.seek(14)
    reader = Reader(inside)
    assert list(reader) == CHUNKS
    assert [reader.read(1), reader.read(0)] == CHUNKS[::-1]
    assert reader.coded_size == len(pack())


def test_seeking_and_iterating_do_not_disturb_each_other():
    reader = Reader(io.BytesIO(pack()))
    seen = []
    for chunk in reader:
        seen.append(chunk)
        assert reader.read(1 - chunk.index) == CHUNKS[1 - chunk.index]
        assert reader.metadata == METADATA
    assert seen == CHUNKS


def test_seeking_reads_one_chunk():
    chunks = song([bytes(10_000)] * 50)
    file = Counted(pack(replace(HEADER, samples=None), chunks=chunks, samples=0))
    assert Reader(file).read(30) == chunks[30]
    assert file.count < 11_000


def test_same_song_same_bytes_whatever_the_order_of_its_tags():
    turned = Metadata(dict(reversed(METADATA.tags.items())), METADATA.cover, METADATA.cover_type)
    assert pack(metadata=turned) == pack()


def test_container_costs_little():
    empty = len(pack(metadata=Metadata(), chunks=[], samples=0, header=replace(HEADER, samples=0)))
    hundred = len(pack(metadata=Metadata(), chunks=song([b""] * 100), header=replace(HEADER, samples=0), samples=0))
    assert empty <= 96
    assert (hundred - empty) / 100 <= 26


def test_writer_takes_files_that_take_a_few_bytes():
    pipe = Pipe()
    writer = Writer(pipe, HEADER, METADATA)
    for chunk in CHUNKS:
        writer.write(chunk)
    writer.finish(98_000)
    assert pipe.inner.getvalue() == GOLDEN


def test_broken_text_in_tags_is_written_as_text():
    coded = pack(metadata=Metadata({"title": "a\udc80b"}))
    assert Reader(io.BytesIO(coded)).metadata.tags == {"title": "a?b"}


def test_largest_tags_and_cover_come_back():
    metadata = Metadata({"lyrics": "é" * (TAGS_LIMIT // 2 - 10)}, bytes(COVER_LIMIT), "image/png")
    assert Reader(io.BytesIO(pack(metadata=metadata))).metadata == metadata


@pytest.mark.parametrize(
    "fields",
    [
        {"sample_rate": 0},
        {"sample_rate": 2**31},
        {"channels": 3},
        {"samples": -1},
        {"samples": 2**64 - 1},
        {"latent": 15},
        {"latent": 1417},
        {"hop": 512},
        {"chunk_frames": 0},
        {"chunk_frames": 100},
        {"chunk_frames": 126 * 521},
        {"gain": 2**15},
        {"model": b"short"},
        {"encoder_version": "0.1"},
        {"encoder_version": "0.1.256"},
        {"encoder_version": "0.1.0.dev1"},
        {"flags": -1},
    ],
)
def test_writer_refuses_headers_that_no_reader_takes(fields):
    out = io.BytesIO()
    with pytest.raises(UsageError):
        Writer(out, replace(HEADER, **fields))
    assert out.getvalue() == b""


@pytest.mark.parametrize(
    "metadata",
    [Metadata({"a": "x" * TAGS_LIMIT}), Metadata({}, bytes(COVER_LIMIT + 1)), Metadata({}, b"x", "t" * 256)],
)
def test_writer_refuses_metadata_that_no_reader_takes(metadata):
    out = io.BytesIO()
    with pytest.raises(UsageError):
        Writer(out, HEADER, metadata)
    assert out.getvalue() == b""


@pytest.mark.parametrize(
    "chunk",
    [
        Chunk(0, 0, 126, b""),
        Chunk(2, 252, 126, b""),
        Chunk(1, 127, 126, b""),
        Chunk(1, 126, 0, b""),
        Chunk(1, 126, 127, b""),
        Chunk(1, 126, 126, bytes(HEADER.payload_limit + 1)),
    ],
)
def test_writer_refuses_chunks_that_do_not_follow(chunk):
    writer = Writer(io.BytesIO(), HEADER)
    writer.write(CHUNKS[0])
    with pytest.raises(UsageError):
        writer.write(chunk)
    writer.write(CHUNKS[1])
    with pytest.raises(UsageError, match="cannot follow"):
        writer.write(Chunk(2, 252, 126, b""))


def test_writer_refuses_totals_that_cannot_be():
    writer = Writer(io.BytesIO(), replace(HEADER, samples=None))
    with pytest.raises(UsageError):
        writer.finish(1000)
    with pytest.raises(UsageError):
        writer.finish(-1)
    with pytest.raises(UsageError, match="header"):
        Writer(io.BytesIO(), HEADER).finish(0)
    writer.finish(0)
    for call in (lambda: writer.finish(0), lambda: writer.write(CHUNKS[0])):
        with pytest.raises(UsageError, match="finished"):
            call()


def test_errors_of_the_file_object_pass_through():
    class Broken(Pipe):
        def read(self, size=-1):
            if self.inner.tell() > 100:
                raise OSError("the disk is gone")
            return super().read(size)

        def write(self, data):
            raise OSError("no space left")

    with pytest.raises(OSError, match="gone"):
        list(Reader(Broken(pack())))
    with pytest.raises(OSError, match="space"):
        Writer(Broken(), HEADER)


def test_files_that_are_not_ready_are_an_error_not_an_end():
    class Waiting(Pipe):
        def read(self, size=-1):
            return super().read(size) if self.inner.tell() < 100 else None

        def write(self, data):
            return None

    with pytest.raises(UsageError, match="non-blocking"):
        list(Reader(Waiting(pack())))
    with pytest.raises(UsageError, match="non-blocking"):
        Writer(Waiting(), HEADER)
