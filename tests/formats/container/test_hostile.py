"""Files with good checksums and bad intentions: claims, indices, tags and junk."""

import io
import json
import struct
import tracemalloc
from dataclasses import replace

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from formats import Metadata, Reader
from formats.container import reader as reader_module
from formats.container.layout import CHUNK_SYNC, HEADER_SIZE, TRAILER_SYNC
from formats.container.metadata import TAGS_LIMIT, unpack_tags
from formats.container.stream import STEP
from formats.errors import DamagedError, FormatError
from tests.formats.container.test_container import CHUNKS, GOLDEN, HEADER, METADATA, Pipe, pack, song
from tests.formats.container.test_robust import LONG, OPENERS, PAYLOADS, outcome, patched, saved, sealed
from tests.support.codec import Counted

TRAILER_AT = GOLDEN.rindex(TRAILER_SYNC)


@pytest.mark.parametrize(
    ("offset", "number", "words"),
    [
        (4, struct.pack("<I", 2**32 - 1), "counts 4294967295 chunks"),
        (4, struct.pack("<I", 1), "counts 1 chunks"),
        (8, struct.pack("<I", 0), "0 frames in 2 chunks"),
        (8, struct.pack("<I", 130), "does not agree"),
        (12, struct.pack("<Q", 97_999), "header counts 98000"),
        (20, struct.pack("<I", 12), "does not agree"),
    ],
)
def test_trailers_with_good_checksums_and_bad_numbers(offset, number, words):
    data = patched(TRAILER_AT + offset, number, crc_of=(TRAILER_AT, len(GOLDEN) - 12))
    for opener in OPENERS.values():
        chunks, end = outcome(opener, data)
        assert chunks == CHUNKS
        assert isinstance(end, FormatError)
        assert words in str(end)


def test_more_samples_than_the_frames_hold_are_refused():
    data = pack(replace(HEADER, samples=None))
    data = patched(TRAILER_AT + 12, struct.pack("<Q", 2**60), data, crc_of=(TRAILER_AT, len(data) - 12))
    reader = Reader(io.BytesIO(data))
    assert reader.samples is None
    with pytest.raises(FormatError, match="samples in 129 frames"):
        reader.verify()


def test_an_index_that_lies_gives_errors_not_chunks():
    # Both lengths are wrong and their sum is right, so chunk 1 is looked for inside the payload of chunk 0.
    data = patched(TRAILER_AT + 20, struct.pack("<II", 4, 13), crc_of=(TRAILER_AT, len(GOLDEN) - 12))
    reader = Reader(io.BytesIO(data))
    assert reader.complete
    with pytest.raises(DamagedError, match="chunk 1 is damaged"):
        reader.read(1)
    turned = song([b"same size", b"same size"])
    data = pack(replace(HEADER, samples=None), chunks=turned, samples=0)
    first, second = Reader(io.BytesIO(data)).offsets.values()
    end = data.rindex(TRAILER_SYNC)
    swapped = data[:first] + data[second:end] + data[first:second] + data[end:]
    for opener in OPENERS.values():
        assert outcome(opener, swapped)[0] == []
    with pytest.raises(DamagedError, match="chunk 1 stands where chunk 0"):
        Reader(io.BytesIO(swapped)).read(0)


def test_a_short_chunk_is_the_last():
    body = pack(replace(HEADER, samples=None), chunks=song([b"one"], last=50), samples=0)
    after = pack(replace(HEADER, samples=None), chunks=song([b"one", b"two"]), samples=0)
    cut, second = body.rindex(TRAILER_SYNC), Reader(io.BytesIO(after)).offsets[1]
    for opener in OPENERS.values():
        chunks, end = outcome(opener, body[:cut] + after[second:])
        assert len(chunks) == 1
        assert isinstance(end, DamagedError)
    with pytest.raises(DamagedError, match="50 frames"):
        Reader(io.BytesIO(body[:cut] + after[second:])).read(0)


def claims():
    """Small files with honest checksums that claim what they do not have."""
    head = GOLDEN[:HEADER_SIZE]
    yield "cover", head + sealed(struct.pack("<IIB", 0, 2**32 - 1, 0))
    yield "cover below the cap", head + sealed(struct.pack("<IIB", 0, 2**24, 0))
    yield "tags", head + sealed(struct.pack("<IIB", 2**32 - 1, 0, 255))
    yield "tags below the cap", head + sealed(struct.pack("<IIB", 2**20, 0, 255))
    wide = patched(32, struct.pack("<HHH", 1416, 700, 65520), head, crc_of=(0, 45))
    empty = sealed(struct.pack("<IIB", 0, 0, 0))
    limit = 4 * 65520 * 1416 + 4096
    for length in (limit, limit + 1, 2**32 - 1):
        yield f"payload {length}", wide + empty + CHUNK_SYNC + struct.pack("<IIHII", 0, 0, 65520, length, 0) + bytes(99)
    unknown = patched(16, b"\xff" * 8, head, crc_of=(0, 45))
    for count in (10, 2**31, 2**32 - 1):
        trailer = TRAILER_SYNC + struct.pack("<IIQ", count, 2**32 - 1, 0)
        yield f"index {count}", unknown + empty + sealed(trailer) + struct.pack("<I", 24) + b"ZEA\x1a"
        yield f"footer {count}", unknown + empty + sealed(trailer) + struct.pack("<I", count) + b"ZEA\x1a"


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
            saved(opener, data)
            assert tracemalloc.get_traced_memory()[1] < 500_000
        finally:
            tracemalloc.stop()
        if opener is Pipe:
            assert file.most <= 2**16


def test_claims_beyond_the_format_are_named_before_anything_is_read():
    for name, data in claims():
        for opener in OPENERS.values():
            if name in ("cover", "tags"):
                with pytest.raises(DamagedError, match="claims more than a file may hold"):
                    Reader(opener(data)).metadata  # noqa: B018
            if name.startswith("index"):
                assert any("which the file does not have" in str(error) for error in saved(opener, data)[1])


def test_a_length_beyond_the_end_of_a_file_is_not_read_towards():
    file = Counted(GOLDEN[:HEADER_SIZE] + sealed(struct.pack("<IIB", 0, 2**24, 0)) + bytes(2**20))
    with pytest.raises(DamagedError, match="ends in its metadata"):
        Reader(file).verify()
    assert file.count < 200


def test_payloads_above_the_limit_of_their_header_are_refused():
    wide = pack(replace(HEADER, latent=512, samples=None), chunks=song([bytes(20_000)]), samples=0)
    data = patched(32, struct.pack("<H", 16), wide, crc_of=(0, 45))
    for opener in OPENERS.values():
        chunks, end = outcome(opener, data)
        assert chunks == []
        assert "chunk 0 is damaged: it has 20000 bytes" in str(end)


def test_an_index_longer_than_the_file_is_not_believed():
    data = patched(TRAILER_AT + 20, struct.pack("<II", 2**32 - 1, 2**32 - 1), crc_of=(TRAILER_AT, len(GOLDEN) - 12))
    reader = Reader(io.BytesIO(data))
    assert not reader.complete
    assert reader.read(1) == CHUNKS[1]


@pytest.mark.parametrize("opener", [io.BytesIO, lambda data: Pipe(data, step=100_000)], ids=["file", "pipe"])
@pytest.mark.parametrize("before", range(6))
def test_sync_words_are_found_across_the_seams_of_reading(opener, before):
    junk = bytes(STEP - before)
    assert saved(opener, GOLDEN[:HEADER_SIZE] + junk + GOLDEN[Reader(io.BytesIO(GOLDEN)).offsets[0] :])[0] == CHUNKS


@pytest.mark.parametrize("junk", [b"\0", b"\xf5", b"\xf5AZ", bytes(30), CHUNK_SYNC])
def test_salvage_steps_over_bytes_that_do_not_belong(junk):
    at = Reader(io.BytesIO(LONG)).offsets[2]
    for opener in OPENERS.values():
        chunks, lost = saved(opener, LONG[:at] + junk + LONG[at:])
        assert chunks == song(PAYLOADS, last=50)
        assert lost


def with_tags(frame):
    block = sealed(struct.pack("<IIB", len(frame), 0, 0) + frame)
    return GOLDEN[:HEADER_SIZE] + block + GOLDEN[Reader(io.BytesIO(GOLDEN)).offsets[0] :]


def frame(text, **options):
    return zstandard.ZstdCompressor(**options).compress(text)


BAD_TAGS = {
    "bomb": frame(bytes(10**8)),
    "just over the cap": frame(b" " * (TAGS_LIMIT - 1) + b"{}"),
    "size not stated": frame(b'{"a":"b"}', write_content_size=False),
    "size understated": b"\x28\xb5\x2f\xfd\x20\x01" + frame(bytes(255))[6:],
    "size overstated": b"\x28\xb5\x2f\xfd\x20\xff" + frame(b'{"a":"b"}')[6:],
    "cut": frame(b'{"a":"b"}')[:-1],
    "followed": frame(b'{"a":"b"}') + b"\0",
    "two frames": frame(b'{"a":"b"}') * 2,
    "no zstd": b'{"a":"b"}',
    "no json": frame(b"{"),
    "no utf-8": frame(b'{"a":"\xff"}'),
    "surrogate": frame(b'{"a":"\\ud800"}'),
    "no object": frame(b'["a"]'),
    "no strings": frame(b'{"a":1}'),
    "huge number": frame(b'{"a":' + b"1" * 10_000 + b"}"),
    "deep": frame(b'{"a":' * 100_000),
    "deep list": frame(b"[" * TAGS_LIMIT),
}


@pytest.mark.parametrize("tags", BAD_TAGS.values(), ids=BAD_TAGS)
def test_bad_tags_with_good_checksums(tags):
    tracemalloc.start()
    try:
        reader = Reader(io.BytesIO(with_tags(tags)))
        with pytest.raises(FormatError, match="tags"):
            reader.metadata  # noqa: B018
        assert tracemalloc.get_traced_memory()[1] < 20 * TAGS_LIMIT
    finally:
        tracemalloc.stop()
    assert list(reader.salvage(lambda _: None)) == CHUNKS


def test_good_tags_by_another_writer():
    text = json.dumps({"b": "1", "a": "ü"}, indent=2).encode()
    reader = Reader(io.BytesIO(with_tags(frame(text, level=1, write_checksum=True))))
    assert reader.metadata == Metadata({"a": "ü", "b": "1"})


def test_false_syncs_end_a_salvage(monkeypatch):
    monkeypatch.setattr(reader_module, "FALSE_SYNCS", 20)
    body = GOLDEN[: Reader(io.BytesIO(GOLDEN)).offsets[0]]
    lure = CHUNK_SYNC + struct.pack("<IIHII", 0, 0, 126, 1000, 0)
    for opener in OPENERS.values():
        assert saved(opener, body + lure * 10 + bytes(1000))[0] == []
        with pytest.raises(DamagedError, match="too damaged"):
            saved(opener, body + lure * 100 + bytes(1000))


@settings(deadline=None)
@given(st.data())
def test_any_bytes_any_splice(data):
    raw = bytearray(LONG)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(len(raw), start + 200)))
        raw[start:end] = data.draw(st.binary(max_size=60) | st.sampled_from([b"", CHUNK_SYNC, LONG, TRAILER_SYNC]))
    good = song(PAYLOADS, last=50)
    for opener in OPENERS.values():
        chunks, end = outcome(opener, bytes(raw))
        assert chunks == good[: len(chunks)]
        assert end != "whole" or bytes(raw) == LONG
        try:
            chunks, _ = saved(opener, bytes(raw))
        except FormatError:
            continue
        assert all(chunk in good for chunk in chunks)
        assert [chunk.index for chunk in chunks] == sorted({chunk.index for chunk in chunks})


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_tags(data):
    try:
        tags = unpack_tags(data)
    except FormatError:
        return
    assert all(isinstance(value, str) for value in tags.values())


def test_metadata_of_the_golden_file_are_what_the_tests_believe():
    assert Reader(io.BytesIO(with_tags(frame(b"{}")))).metadata == Metadata()
    assert Reader(io.BytesIO(GOLDEN)).metadata == METADATA
