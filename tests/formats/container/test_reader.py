"""The reader: what was written comes back from files and pipes, and every cut and every flipped bit is noticed."""

import io
import struct
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats import Chunk, Coder, Metadata, Picture, Reader
from formats.container import layout
from formats.container.checksum import crc32c, stored_crc
from formats.container.layout import CHUNK_SIZE, CHUNK_SYNC, HEADER_SIZE, TRAILER_SYNC
from formats.errors import DamagedError, FormatError, PicturesError, UsageError
from tests.support.codec import Counted
from tests.support.container_files import (
    CHUNKS,
    GOLDEN,
    HEADER,
    LONG,
    METADATA,
    OPENERS,
    SIX,
    Pipe,
    outcome,
    pack,
    patched,
    salvaged,
    samples_for,
    song,
)


class Slow(io.BytesIO):
    """Seeks, but gives at most three bytes a read."""

    def read(self, size=-1):
        return super().read(min(size, 3))


text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
PICTURES = st.builds(
    Picture,
    st.binary(min_size=1, max_size=300),
    st.sampled_from(["", "image/png"]),
    st.integers(0, 20),
    st.just("") | text,
)


@settings(deadline=None)
@given(
    tags=st.dictionaries(text, st.lists(text, min_size=1, max_size=3).map(tuple), max_size=5),
    pictures=st.lists(PICTURES, max_size=3).map(tuple),
    payloads=st.lists(st.binary(max_size=300), max_size=6),
    last=st.integers(2, 126),
    known=st.booleans(),
    fields=st.fixed_dictionaries(
        {
            "sample_rate": st.integers(8000, 192_000),
            "channels": st.integers(1, 2),
            "latent": st.integers(16, 1416),
            "gain": st.integers(-512, 512),
            "coder": st.sampled_from(Coder),
            "bitstream": st.binary(min_size=8, max_size=8),
            "encoder_version": st.tuples(*[st.integers(0, 255)] * 3).map(lambda v: ".".join(map(str, v))),
            "file_id": st.integers(0, 2**32 - 1),
            "flags": st.integers(0, 2**16 - 1),
        }
    ),
)
def test_round_trip(tags, pictures, payloads, last, known, fields):
    chunks = song(payloads, last)
    frames = sum(chunk.frames for chunk in chunks)
    samples = samples_for(frames, replace(HEADER, **fields))
    header = replace(HEADER, samples=samples if known else None, **fields)
    metadata = Metadata(tags, pictures)
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
    assert (whole.samples, whole.coded_size) == (97_000, len(pack()))


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
    file = Counted(pack(replace(HEADER, samples=None), chunks=chunks))
    assert Reader(file).read(30) == chunks[30]
    assert file.count < 11_000


def test_reading_a_pipe_keeps_one_chunk_at_a_time():
    pipe = Pipe(pack(replace(HEADER, samples=None), chunks=song([bytes(50_000)] * 40)), step=10_000)
    tracemalloc.start()
    try:
        Reader(pipe).verify()
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
@pytest.mark.parametrize("samples", [97_000, None])
def test_a_file_that_was_cut_has_the_samples_that_its_header_states(opener, samples):
    cut = pack(replace(HEADER, samples=samples))[:-1]
    assert Reader(opener(cut)).samples == samples


def test_a_chunk_that_the_file_does_not_have():
    for index in (-1, 2):
        with pytest.raises(UsageError, match="no chunk"):
            Reader(io.BytesIO(GOLDEN)).read(index)
    cut = Reader(io.BytesIO(LONG[: Reader(io.BytesIO(LONG)).offsets[5] + 30]))
    with pytest.raises(DamagedError, match="no chunk 5"):
        cut.read(5)
    with pytest.raises(UsageError, match="no chunk -1"):
        cut.read(-1)


def test_errors_of_the_file_object_pass_through():
    class Broken(Pipe):
        def read(self, size=-1):
            if self.inner.tell() > 100:
                raise OSError("the disk is gone")
            return super().read(size)

    with pytest.raises(OSError, match="gone"):
        list(Reader(Broken(pack())))


def test_files_that_are_not_ready_are_an_error_not_an_end():
    class Waiting(Pipe):
        def read(self, size=-1):
            return super().read(size) if self.inner.tell() < 100 else None

    with pytest.raises(UsageError, match="non-blocking"):
        list(Reader(Waiting(pack())))


# Damage


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
@pytest.mark.parametrize("whole", [GOLDEN, LONG], ids=["golden", "long"])
def test_every_truncation_is_noticed_and_what_is_there_is_read(opener, whole):
    good = list(Reader(io.BytesIO(whole)))
    first, *ends = Reader(io.BytesIO(whole)).offsets.values()
    ends.append(whole.rindex(TRAILER_SYNC))
    for size in range(len(whole)):
        chunks, end = outcome(opener, whole[:size])
        assert chunks == good[: sum(end_at <= size for end_at in ends)]
        assert end == "cut" if size >= first else isinstance(end, FormatError)
        with pytest.raises(FormatError):
            Reader(opener(whole[:size])).verify()


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
def test_every_flipped_bit_is_detected(opener):
    for bit in range(8 * len(GOLDEN)):
        data = patched(bit // 8, bytes([GOLDEN[bit // 8] ^ 1 << bit % 8]))
        chunks, _ = outcome(opener, data)
        assert chunks == CHUNKS[: len(chunks)]
        with pytest.raises(FormatError):
            Reader(opener(data)).verify()


def test_a_file_without_trailer_still_seeks_and_counts():
    offsets = Reader(io.BytesIO(LONG)).offsets
    reader = Reader(io.BytesIO(LONG[: offsets[4] + 5]))
    assert not reader.complete
    assert (reader.chunk_count, reader.frames, reader.samples) == (4, 4 * 126, None)
    assert reader.offsets == {index: offsets[index] for index in range(4)}
    nothing = Reader(io.BytesIO(LONG[: offsets[0]]))
    assert (nothing.chunk_count, nothing.frames, list(nothing)) == (0, 0, [])
    assert reader.read(3) == SIX[3]
    assert list(reader) == SIX[:4]
    with pytest.raises(DamagedError, match="4 whole chunks") as error:
        reader.verify()
    assert error.value.chunk == 4


def test_a_damaged_chunk_is_named_and_its_neighbours_are_read():
    offsets = Reader(io.BytesIO(LONG)).offsets
    for inside in (0, 4, 8, 12, 14, 18, CHUNK_SIZE):
        data = patched(offsets[3] + inside, b"\x7f", LONG)
        reader = Reader(io.BytesIO(data))
        assert reader.complete
        assert reader.read(2) == SIX[2]
        assert reader.read(4) == SIX[4]
        with pytest.raises(DamagedError, match="chunk 3 is damaged"):
            reader.read(3)
        with pytest.raises(DamagedError, match="chunk 3 is damaged"):
            reader.verify()


def test_a_chunk_whose_length_leads_out_of_the_file_is_named():
    data = patched(Reader(io.BytesIO(LONG)).offsets[3] + 14, struct.pack("<I", len(LONG)), LONG)
    with pytest.raises(DamagedError, match="chunk 3 is damaged: the file ends in it") as error:
        Reader(io.BytesIO(data)).read(3)
    assert error.value.chunk == 3


def test_damaged_metadata_lose_only_themselves():
    data = patched(HEADER_SIZE + 20, b"\xff\xff")
    for opener in OPENERS.values():
        reader = Reader(opener(data))
        for _ in range(2):
            with pytest.raises(DamagedError, match="metadata"):
                reader.metadata  # noqa: B018
        assert list(reader.salvage(lambda _: None)) == CHUNKS
        with pytest.raises(DamagedError, match="metadata"):
            list(Reader(opener(data)))
    reader = Reader(io.BytesIO(data))
    assert reader.read(1) == CHUNKS[1]
    for _ in range(2):
        assert list(reader.salvage(lambda _: None)) == CHUNKS


def test_damaged_pictures_leave_the_tags():
    data = patched(GOLDEN.index(b"image/jpeg"), b"I")
    for opener in OPENERS.values():
        with pytest.raises(PicturesError, match="pictures") as error:
            Reader(opener(data)).metadata  # noqa: B018
        assert error.value.tags == METADATA.tags


@pytest.mark.parametrize("tail", [b"\0", b"TAG" + bytes(125), GOLDEN])
def test_bytes_after_the_end_are_noticed(tail):
    for opener in OPENERS.values():
        chunks, end = outcome(opener, GOLDEN + tail)
        assert chunks == CHUNKS
        assert isinstance(end, DamagedError)
        chunks, lost = salvaged(opener, GOLDEN + tail)
        assert chunks == CHUNKS
        assert "there are bytes after the end of the file" in map(str, lost)


@settings(deadline=None)
@given(st.data())
def test_any_bytes_any_splice(data):
    raw = bytearray(LONG)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(len(raw), start + 200)))
        raw[start:end] = data.draw(st.binary(max_size=60) | st.sampled_from([b"", CHUNK_SYNC, LONG, TRAILER_SYNC]))
    for opener in OPENERS.values():
        chunks, end = outcome(opener, bytes(raw))
        assert chunks == SIX[: len(chunks)]
        assert end != "whole" or bytes(raw) == LONG
        try:
            chunks, _ = salvaged(opener, bytes(raw))
        except FormatError:
            continue
        assert all(chunk in SIX for chunk in chunks)
        assert [chunk.index for chunk in chunks] == sorted({chunk.index for chunk in chunks})


def test_a_payload_above_the_limit_of_its_header_is_refused():
    limit = 4 * 126 * 128 + 4096
    start = Reader(io.BytesIO(GOLDEN)).offsets[0]
    for payload in (bytes(limit), bytes(limit + 1)):
        head = CHUNK_SYNC + struct.pack("<IIHI", 0, 0, 126, len(payload))
        crc = struct.pack("<I", crc32c(head, payload, start=stored_crc(GOLDEN[:HEADER_SIZE])))
        for opener in OPENERS.values():
            chunks, end = outcome(opener, GOLDEN[:start] + head + crc + payload)
            if len(payload) > limit:
                assert chunks == []
                assert f"chunk 0 is damaged: it has {len(payload)} bytes" in str(end)
            else:
                assert (chunks, end) == ([Chunk(0, 0, 126, payload)], "cut")
