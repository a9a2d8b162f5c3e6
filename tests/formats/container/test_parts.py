"""Files with good checksums and bad intentions: trailers that lie, and claims to what the file does not have."""

import io
import struct
import tracemalloc
from dataclasses import replace

import pytest

from formats import Reader
from formats.container.header import pack_header
from formats.container.layout import CHUNK_SYNC, END, HEADER_SIZE, TRAILER_SYNC
from formats.errors import DamagedError, FormatError
from tests.support.codec import Counted
from tests.support.container_files import (
    CHUNKS,
    GOLDEN,
    HEADER,
    OPENERS,
    Pipe,
    assembled,
    metadata_block,
    outcome,
    pack,
    patched,
    salvaged,
    samples_for,
    sealed,
    song,
)

TRAILER_AT = GOLDEN.rindex(TRAILER_SYNC)
TRAILER_SPAN = (TRAILER_AT, len(GOLDEN) - 12)
both = pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)


@pytest.mark.parametrize(
    ("offset", "number", "words"),
    [
        (4, struct.pack("<I", 2**32 - 1), "counts 4294967295 chunks"),
        (4, struct.pack("<I", 1), "counts 1 chunks"),
        (8, struct.pack("<I", 0), "0 frames in 2 chunks"),
        (8, struct.pack("<I", 130), "samples in 130 frames"),
        (12, struct.pack("<Q", 96_999), "header counts 97000"),
        (20, struct.pack("<I", 12), "does not agree"),
    ],
)
def test_trailers_with_good_checksums_and_bad_numbers(offset, number, words):
    data = patched(TRAILER_AT + offset, number, crc_of=TRAILER_SPAN)
    for opener in OPENERS.values():
        chunks, end = outcome(opener, data)
        assert chunks == CHUNKS
        assert isinstance(end, DamagedError)
        assert words in str(end)
        chunks, lost = salvaged(opener, data)
        assert chunks == CHUNKS
        assert lost


# Totals


def test_assembled_files_are_good_where_their_totals_are():
    assert assembled(HEADER, CHUNKS, 129, 97_000) == GOLDEN


@both
@pytest.mark.parametrize("known", [False, True], ids=["trailer only", "header too"])
@pytest.mark.parametrize("samples", [0, 1, 94_000, 96_762, 97_525, 99_000, 2**60, 2**64 - 2])
def test_more_or_fewer_samples_than_the_frames_hold_are_damage(opener, known, samples):
    data = assembled(replace(HEADER, samples=samples if known else None), CHUNKS, 129, samples)
    reader = Reader(opener(data))
    with pytest.raises(DamagedError, match=f"{samples} samples in 129 frames"):
        reader.verify()
    assert not reader.complete
    chunks, end = outcome(opener, data)
    assert chunks == CHUNKS
    assert isinstance(end, DamagedError)
    chunks, lost = salvaged(opener, data)
    assert chunks == CHUNKS
    assert [str(error) for error in lost if "samples in 129 frames" in str(error)]


@pytest.mark.parametrize("samples", [0, 94_000, 99_000])
def test_a_wrong_trailer_is_damage_to_whoever_seeks(samples):
    reader = Reader(io.BytesIO(assembled(replace(HEADER, samples=samples), CHUNKS, 129, samples)))
    assert not reader.complete
    assert reader.samples is None  # the header's number is the trailer's
    for index in (0, 1, 2):
        with pytest.raises(DamagedError, match=f"{samples} samples in 129 frames"):
            reader.read(index)
    assert [chunk.index for chunk in reader.salvage(lambda _: None)] == [0, 1]


@pytest.mark.parametrize("samples", [96_763, 97_000, 97_524])
def test_all_samples_that_take_these_frames_are_good(samples):
    for known in (samples, None):
        data = assembled(replace(HEADER, samples=known), CHUNKS, 129, samples)
        for opener in OPENERS.values():
            Reader(opener(data)).verify()
        reader = Reader(io.BytesIO(data))
        assert (reader.samples, reader.complete, reader.read(1)) == (samples, True, CHUNKS[1])


@both
def test_frames_that_agree_with_the_samples_and_not_with_the_chunks_are_damage(opener):
    data = assembled(replace(HEADER, samples=None), CHUNKS, 128, samples_for(128))
    chunks, end = outcome(opener, data)
    assert chunks == CHUNKS
    assert "does not agree with the chunks" in str(end)
    chunks, lost = salvaged(opener, data)
    assert chunks == CHUNKS
    assert ["does not agree with the chunks" in str(error) for error in lost] == [True]


@both
def test_no_chunks_but_samples(opener):
    data = assembled(replace(HEADER, samples=None), [], 0, 48_000)
    with pytest.raises(DamagedError, match="48000 samples in 0 frames, where 64 belong"):
        Reader(opener(data)).verify()


def test_lengths_that_lie_give_errors_not_chunks():
    # Both lengths are wrong and their sum is right, so chunk 1 is looked for inside the payload of chunk 0.
    data = patched(TRAILER_AT + 20, struct.pack("<II", 4, 13), crc_of=TRAILER_SPAN)
    reader = Reader(io.BytesIO(data))
    assert reader.complete
    with pytest.raises(DamagedError, match="chunk 1 is damaged"):
        reader.read(1)


@pytest.mark.parametrize("more", [0, 1])
def test_chunks_cannot_begin_before_the_metadata_end(more):
    room = TRAILER_AT - HEADER_SIZE - 8 - 2 * 22
    data = patched(TRAILER_AT + 20, struct.pack("<II", room - 4 + more, 4), crc_of=TRAILER_SPAN)
    assert Reader(io.BytesIO(data)).complete == (not more)


def test_lengths_beyond_the_file_are_damage():
    data = patched(TRAILER_AT + 20, struct.pack("<II", 2**32 - 1, 2**32 - 1), crc_of=TRAILER_SPAN)
    reader = Reader(io.BytesIO(data))
    assert not reader.complete
    with pytest.raises(DamagedError, match="more bytes of chunks than the file has"):
        reader.read(1)
    assert list(reader.salvage(lambda _: None)) == CHUNKS


# Claims


def claims():
    """Small files with honest checksums that claim what they do not have."""
    head = GOLDEN[:HEADER_SIZE]
    yield "pictures", head + sealed(struct.pack("<II", 0, 2**32 - 1), head)
    yield "pictures below the cap", head + sealed(struct.pack("<II", 0, 2**24), head)
    yield "tags", head + sealed(struct.pack("<II", 2**32 - 1, 0), head)
    yield "tags below the cap", head + sealed(struct.pack("<II", 2**20, 0), head)
    wide = pack_header(replace(HEADER, latent=1416, chunk_frames=2520))
    limit = 4 * 2520 * 1416 + 4096
    for length in (limit, limit + 1, 2**32 - 1):
        chunk = CHUNK_SYNC + struct.pack("<IIHII", 0, 0, 2520, length, 0) + bytes(99)
        yield f"payload {length}", wide + metadata_block(b"", b"", wide) + chunk
    unknown = pack_header(replace(HEADER, samples=None))
    empty = unknown + metadata_block(b"", b"", unknown)
    for count in (10, 2**31, 2**32 - 1):
        trailer = sealed(TRAILER_SYNC + struct.pack("<IIQ", count, 2**32 - 1, 0), unknown)
        yield f"index {count}", empty + trailer + struct.pack("<I", 24) + b"ZEA\x1a"
        yield f"footer {count}", empty + trailer + struct.pack("<I", count) + b"ZEA\x1a"
    yield "trailer of nothing", empty + TRAILER_SYNC + struct.pack("<I", 4) + END


@pytest.mark.parametrize("data", [data for _, data in claims()], ids=[name for name, _ in claims()])
def test_claims_allocate_nothing(data):
    for opener in OPENERS.values():
        tracemalloc.start()
        try:
            file = opener(data)
            reader = Reader(file)
            with pytest.raises(FormatError):
                reader.verify()
            assert not reader.complete
            salvaged(opener, data)
            assert tracemalloc.get_traced_memory()[1] < 500_000
        finally:
            tracemalloc.stop()
        if opener is Pipe:
            assert file.most <= 2**16


def test_claims_beyond_the_format_are_named_before_anything_is_read():
    for name, data in claims():
        for opener in OPENERS.values():
            if name in ("pictures", "tags"):
                with pytest.raises(DamagedError, match="claims more than a file may hold"):
                    Reader(opener(data)).metadata  # noqa: B018
            if name.startswith("index"):
                assert any("which the file does not have" in str(error) for error in salvaged(opener, data)[1])


@pytest.mark.parametrize("over", [(0, 0), (1, 0), (0, 1)])
def test_metadata_may_take_what_the_format_allows_and_no_byte_more(over):
    head = GOLDEN[:HEADER_SIZE]
    data = head + struct.pack("<II", 2**20 + 4096 + over[0], 2**24 + over[1])
    with pytest.raises(DamagedError, match="claims more than a file may hold" if any(over) else "ends in its metadata"):
        Reader(io.BytesIO(data)).metadata  # noqa: B018


def test_a_footer_that_names_a_false_length_makes_nobody_read_the_file():
    long = pack(replace(HEADER, samples=None), chunks=song([bytes(10_000)] * 9))
    file = Counted(long[:-8] + struct.pack("<I", len(long) // 2) + END)
    assert not Reader(file).complete
    assert file.count < 200


def test_a_length_beyond_the_end_of_a_file_is_not_read_towards():
    head = GOLDEN[:HEADER_SIZE]
    file = Counted(head + sealed(struct.pack("<II", 0, 2**24), head) + bytes(2**20))
    with pytest.raises(DamagedError, match="ends in its metadata"):
        Reader(file).verify()
    assert file.count < 200
