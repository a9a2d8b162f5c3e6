"""Tags and pictures: what a file can hold comes back, and what it cannot hold is refused on either side."""

import io
import json
import struct
import tracemalloc

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from formats import Metadata, Picture, Reader, Writer
from formats.container.layout import HEADER_SIZE, PICTURE_SIZE
from formats.container.metadata import tags_as_json, unpack_tags
from formats.errors import FormatError, UsageError
from tests.support.container_files import CHUNKS, GOLDEN, HEADER, METADATA, metadata_block, pack

MOST_PICTURES, PICTURES_LIMIT, TAGS_LIMIT = 64, 2**24, 2**20
"""As SPEC.md states them."""

CHUNKS_AND_TRAILER = GOLDEN[Reader(io.BytesIO(GOLDEN)).offsets[0] :]


def with_tags(frame):
    block = metadata_block(frame, b"", GOLDEN)
    return GOLDEN[:HEADER_SIZE] + block + CHUNKS_AND_TRAILER


def frame(text, **options):
    return zstandard.ZstdCompressor(**options).compress(text)


def read_tags(text):
    return Reader(io.BytesIO(with_tags(frame(text)))).metadata.tags


def test_metadata_of_the_golden_file_are_what_the_tests_believe():
    assert Reader(io.BytesIO(with_tags(frame(b"{}")))).metadata == Metadata()
    assert Reader(io.BytesIO(GOLDEN)).metadata == METADATA


def test_tags_keep_their_order():
    reversed_tags = Metadata(dict(reversed(METADATA.tags.items())), METADATA.pictures)
    read = Reader(io.BytesIO(pack(metadata=reversed_tags))).metadata
    assert list(read.tags) == list(reversed(METADATA.tags)) and read.pictures == METADATA.pictures


def test_largest_tags_and_pictures_come_back():
    picture = Picture(bytes(PICTURES_LIMIT - PICTURE_SIZE - 255 - 65_535 - 40), "t" * 255, 20, "d" * 65_535)
    others = (Picture(bytes(24 - PICTURE_SIZE)), Picture(bytes(16 - PICTURE_SIZE), type=0))
    metadata = Metadata({"LYRICS": ("é" * (TAGS_LIMIT // 2 - 8) + "e",)}, (picture, *others))
    assert len(tags_as_json({"LYRICS": list(metadata.tags["LYRICS"])})) == TAGS_LIMIT
    assert Reader(io.BytesIO(pack(metadata=metadata))).metadata == metadata


def test_as_many_pictures_as_a_file_may_hold_come_back():
    metadata = Metadata({}, (Picture(b"x"),) * MOST_PICTURES)
    assert Reader(io.BytesIO(pack(metadata=metadata))).metadata == metadata


def test_the_cover_is_the_first_front_cover_or_the_first_picture():
    back, front, other = Picture(b"b", type=4), Picture(b"f"), Picture(b"o")
    assert Metadata({}, (back, front, other)).cover == front
    assert Metadata({}, (back,)).cover == back
    assert Metadata().cover is None


@pytest.mark.parametrize(
    "metadata",
    [
        Metadata({"a": ("x" * TAGS_LIMIT,)}),
        Metadata({}, (Picture(bytes(PICTURES_LIMIT)),)),
        Metadata({}, (Picture(b"x"),) * (MOST_PICTURES + 1)),
        Metadata({}, (Picture(b"x", "t" * 256),)),
        Metadata({}, (Picture(b"x", description="x" * 65_536),)),
        Metadata({}, (Picture(b"x", description="a\0b"),)),
        Metadata({}, (Picture(b"x", type=21),)),
        Metadata({}, (Picture(b"x", type=-1),)),
        Metadata({}, (Picture(b""),)),
        Metadata({"": ("x",)}),
        Metadata({"a": ()}),
        Metadata({"a": ("b", "")}),
        Metadata({"a": ("b",), "c\0d": ("e",)}),
        Metadata({"a": ("\0",)}),
        Metadata({"a": ("b\0",)}),
        Metadata(dict.fromkeys(["a\udc80", "a\udc81"], ("b",))),
    ],
)
def test_writer_refuses_metadata_that_no_reader_takes(metadata):
    out = io.BytesIO()
    with pytest.raises(UsageError):
        Writer(out, HEADER, metadata)
    assert out.getvalue() == b""


def test_broken_text_in_tags_is_written_as_text():
    coded = pack(metadata=Metadata({"TITLE": ("a\udc80b",)}, (Picture(b"x", description="\udc80"),)))
    read = Reader(io.BytesIO(coded)).metadata
    assert read.tags == {"TITLE": ("a?b",)} and read.pictures[0].description == "?"


def test_good_tags_by_another_writer():
    text = json.dumps({"b": ["1"], "a": ["ü", "v"]}, indent=2).encode()
    reader = Reader(io.BytesIO(with_tags(frame(text, level=1, write_checksum=True))))
    assert reader.metadata == Metadata({"b": ("1",), "a": ("ü", "v")})


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (b'{"a":[""],"b":["c"]}', {"b": ("c",)}),
        (b'{"a":["\\u0000x","y"],"b":["c",""]}', {"a": ("y",), "b": ("c",)}),
        (b'{"a":["x\\u0000y\\u0000z"]}', {"a": ("x",)}),
        (b'{"":["x"],"b":["c"]}', {"b": ("c",)}),
        (b'{"a\\u0000":["x"],"\\u0000":["y"],"b":["c"]}', {"b": ("c",)}),
        (b'{"a":["x"],"b":["c"],"a":["y"]}', {"a": ("y",), "b": ("c",)}),
        (b'{"a":["x"],"a":[]}', {}),
        (b'{"a":1,"a":["y"]}', {"a": ("y",)}),
    ],
)
def test_empty_tags_nuls_and_keys_that_come_twice(text, tags):
    assert read_tags(text) == tags


def with_pictures(data):
    return GOLDEN[:HEADER_SIZE] + metadata_block(b"", data, GOLDEN) + CHUNKS_AND_TRAILER


def test_pictures_by_a_careless_writer():
    data = struct.pack("<IBBH", 1, 200, 1, 3) + b"\xffa\0bx" + struct.pack("<IBBH", 0, 3, 0, 1) + b"d"
    data += struct.pack("<IBBH", 2, 4, 0, 1) + b"\xffyz" + bytes(8)
    found = Reader(io.BytesIO(with_pictures(data))).metadata.pictures
    assert found == (Picture(b"x", "\ufffd", 0, "a"), Picture(b"yz", "", 4, "\ufffd"))


ONE = struct.pack("<IBBH", 1, 3, 0, 0) + b"x"
BAD_PICTURES = {
    "cut": ONE[:-1], "cut head": ONE + ONE[:5], "too long": b"\2" + ONE[1:], "MIME type too long": ONE[:5] + b"\1\0\0x",
    "description too long": ONE[:6] + b"\2\0x",
    "too many": ONE * (MOST_PICTURES + 1), "empty and too many": bytes(8) * 1000,
}  # fmt: skip


@pytest.mark.parametrize("data", BAD_PICTURES.values(), ids=BAD_PICTURES)
def test_bad_pictures_with_good_checksums(data):
    reader = Reader(io.BytesIO(with_pictures(data)))
    with pytest.raises(FormatError, match="pictures"):
        reader.metadata  # noqa: B018
    assert list(reader.salvage(lambda _: None)) == CHUNKS


BAD_TAGS = {
    "bomb": frame(bytes(10**8)),
    "just over the cap": frame(b" " * (TAGS_LIMIT - 1) + b"{}"),
    "size not stated": frame(b'{"a":["b"]}', write_content_size=False),
    "size understated": b"\x28\xb5\x2f\xfd\x20\x01" + frame(bytes(255))[6:],
    "size overstated": b"\x28\xb5\x2f\xfd\x20\xff" + frame(b'{"a":["b"]}')[6:],
    "cut": frame(b'{"a":["b"]}')[:-1],
    "followed": frame(b'{"a":["b"]}') + b"\0",
    "two frames": frame(b'{"a":["b"]}') * 2,
    "no zstd": b'{"a":["b"]}',
    "no json": frame(b"{"),
    "no utf-8": frame(b'{"a":["\xff"]}'),
    "surrogate": frame(b'{"a":["\\ud800"]}'),
    "no object": frame(b'["a"]'),
    "no arrays": frame(b'{"a":"b"}'),
    "no strings": frame(b'{"a":["b",1]}'),
    "last value no array": frame(b'{"a":["b"],"a":1}'),
    "many arrays": frame(b'{"a":[' + b"[]," * (TAGS_LIMIT // 3 - 3) + b"[]]}"),
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
        assert tracemalloc.get_traced_memory()[1] < 40 * TAGS_LIMIT
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
    assert all(key and values and all(values) and "\0" not in "".join([key, *values]) for key, values in tags.items())


texts = st.text(st.characters(codec="utf-8"), max_size=5)


@settings(deadline=None)
@given(st.lists(st.tuples(texts, st.lists(texts, max_size=3)), max_size=6))
def test_whatever_is_read_can_be_written(pairs):
    text = "{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs) + "}"
    tags = read_tags(text.encode())
    assert Reader(io.BytesIO(pack(metadata=Metadata(tags)))).metadata.tags == tags
