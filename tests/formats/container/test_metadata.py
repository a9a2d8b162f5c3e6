"""Tags and covers: what a file can hold comes back, and what it cannot hold is refused on either side."""

import io
import json
import struct
import tracemalloc

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from formats import Metadata, Reader, Writer
from formats.container.layout import HEADER_SIZE
from formats.container.metadata import COVER_LIMIT, TAGS_LIMIT, unpack_tags
from formats.errors import FormatError, UsageError
from tests.support.container_files import CHUNKS, GOLDEN, HEADER, METADATA, pack, sealed


def with_tags(frame):
    block = sealed(struct.pack("<IIB", len(frame), 0, 0) + frame, GOLDEN)
    return GOLDEN[:HEADER_SIZE] + block + GOLDEN[Reader(io.BytesIO(GOLDEN)).offsets[0] :]


def frame(text, **options):
    return zstandard.ZstdCompressor(**options).compress(text)


def read_tags(text):
    return Reader(io.BytesIO(with_tags(frame(text)))).metadata.tags


def test_metadata_of_the_golden_file_are_what_the_tests_believe():
    assert Reader(io.BytesIO(with_tags(frame(b"{}")))).metadata == Metadata()
    assert Reader(io.BytesIO(GOLDEN)).metadata == METADATA


def test_same_song_same_bytes_whatever_the_order_of_its_tags():
    reversed_tags = Metadata(dict(reversed(METADATA.tags.items())), METADATA.cover, METADATA.cover_type)
    assert pack(metadata=reversed_tags) == pack()


def test_largest_tags_and_cover_come_back():
    metadata = Metadata({"lyrics": "é" * (TAGS_LIMIT // 2 - 10)}, bytes(COVER_LIMIT), "image/png")
    assert Reader(io.BytesIO(pack(metadata=metadata))).metadata == metadata


@pytest.mark.parametrize(
    "metadata",
    [
        Metadata({"a": "x" * TAGS_LIMIT}),
        Metadata({}, bytes(COVER_LIMIT + 1)),
        Metadata({}, b"x", "t" * 256),
        Metadata({"": "x"}),
        Metadata({"a": ""}),
        Metadata({"a": "b", "c\0d": "e"}),
        Metadata({"a": "\0"}),
        Metadata({"a": "b\0"}),
        Metadata(dict.fromkeys(["a\udc80", "a\udc81"], "b")),
    ],
)
def test_writer_refuses_metadata_that_no_reader_takes(metadata):
    out = io.BytesIO()
    with pytest.raises(UsageError):
        Writer(out, HEADER, metadata)
    assert out.getvalue() == b""


def test_broken_text_in_tags_is_written_as_text():
    coded = pack(metadata=Metadata({"title": "a\udc80b"}))
    assert Reader(io.BytesIO(coded)).metadata.tags == {"title": "a?b"}


def test_good_tags_by_another_writer():
    text = json.dumps({"b": "1", "a": "ü"}, indent=2).encode()
    reader = Reader(io.BytesIO(with_tags(frame(text, level=1, write_checksum=True))))
    assert reader.metadata == Metadata({"a": "ü", "b": "1"})


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (b'{"a":"","b":"c"}', {"b": "c"}),
        (b'{"a":"\\u0000x","b":"c"}', {"b": "c"}),
        (b'{"a":"x\\u0000y\\u0000z"}', {"a": "x"}),
        (b'{"":"x","b":"c"}', {"b": "c"}),
        (b'{"a\\u0000":"x","\\u0000":"y","b":"c"}', {"b": "c"}),
        (b'{"a":"x","b":"c","a":"y"}', {"a": "y", "b": "c"}),
        (b'{"a":"x","a":""}', {}),
        (b'{"a":1,"a":"y"}', {"a": "y"}),
    ],
)
def test_empty_tags_nuls_and_keys_that_come_twice(text, tags):
    assert read_tags(text) == tags


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
    "last value no string": frame(b'{"a":"b","a":1}'),
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


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_tags(data):
    try:
        tags = unpack_tags(data)
    except FormatError:
        return
    assert all(key and value and "\0" not in key + value for key, value in tags.items())


texts = st.text(st.characters(codec="utf-8"), max_size=5)


@settings(deadline=None)
@given(st.lists(st.tuples(texts, texts), max_size=6))
def test_whatever_is_read_can_be_written(pairs):
    text = "{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs) + "}"
    tags = read_tags(text.encode())
    assert Reader(io.BytesIO(pack(metadata=Metadata(tags)))).metadata.tags == tags
