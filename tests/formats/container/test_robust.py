"""Damaged and hostile files: one error family whatever the bytes, no wrong chunk, no memory for mere claims."""

import io
import struct
from dataclasses import replace

import google_crc32c
import pytest

from formats import Reader
from formats.container.layout import CHUNK_SIZE, HEADER_SIZE, TRAILER_SYNC, VERSION
from formats.errors import DamagedError, FormatError, VersionError
from tests.formats.container.test_container import CHUNKS, GOLDEN, HEADER, Pipe, pack, song

OPENERS = {"file": io.BytesIO, "pipe": Pipe}
PAYLOADS = [bytes([65 + i]) * (20 + i) for i in range(6)]
LONG = pack(replace(HEADER, samples=None), chunks=song(PAYLOADS, last=50), samples=500_000)


def sealed(data):
    return data + struct.pack("<I", google_crc32c.value(data))


def patched(offset, data, whole=GOLDEN, crc_of=None):
    """The file with some bytes replaced and, where a span is named, the checksum behind the span made right."""
    raw = bytearray(whole)
    raw[offset : offset + len(data)] = data
    if crc_of:
        start, end = crc_of
        raw[start : end + 4] = sealed(bytes(raw[start:end]))
    return bytes(raw)


def outcome(opener, data):
    """The chunks that iterating gave, and how it ended."""
    chunks = []
    try:
        reader = Reader(opener(data))
        chunks.extend(reader)  # keeps what came before an error
        return chunks, "whole" if reader.complete else "cut"
    except FormatError as error:
        assert "\n" not in str(error)
        return chunks, error


def saved(opener, data):
    """The chunks that `salvage` gave, and what it said was lost."""
    lost = []
    return list(Reader(opener(data)).salvage(lost.append)), lost


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


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
def test_salvage_loses_one_chunk_to_one_flip(opener):
    good = song(PAYLOADS, last=50)
    first = Reader(io.BytesIO(LONG)).offsets[0]
    for byte in range(HEADER_SIZE, len(LONG)):
        chunks, lost = saved(opener, patched(byte, bytes([LONG[byte] ^ 0x10]), LONG))
        assert lost
        missing = [chunk for chunk in good if chunk not in chunks]
        assert [chunk for chunk in good if chunk not in missing] == chunks
        assert len(missing) == (first <= byte < LONG.rindex(TRAILER_SYNC))


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
def test_salvage_of_a_good_file_is_the_file(opener):
    assert saved(opener, LONG) == (song(PAYLOADS, last=50), [])


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
def test_salvage_names_what_is_missing(opener):
    offsets = Reader(io.BytesIO(LONG)).offsets
    middle = LONG[: offsets[2]] + LONG[offsets[4] :]
    chunks, lost = saved(opener, middle)
    assert [chunk.index for chunk in chunks] == [0, 1, 4, 5]
    assert "chunks 2 to 3 are lost" in map(str, lost)
    chunks, lost = saved(opener, LONG[: offsets[4]] + LONG[LONG.rindex(TRAILER_SYNC) :])
    assert "chunks 4 to 5 are lost" in map(str, lost)
    with pytest.raises(DamagedError, match="chunk 4 stands where chunk 2"):
        Reader(opener(middle)).verify()


def test_a_file_without_trailer_still_seeks_and_counts():
    offsets = Reader(io.BytesIO(LONG)).offsets
    reader = Reader(io.BytesIO(LONG[: offsets[4] + 5]))
    good = song(PAYLOADS)
    assert not reader.complete
    assert (reader.chunk_count, reader.frames, reader.samples) == (4, 4 * 126, None)
    assert reader.offsets == {index: offsets[index] for index in range(4)}
    assert reader.read(3) == good[3]
    assert list(reader) == good[:4]


def test_a_damaged_chunk_is_named_and_its_neighbours_are_read():
    offsets = Reader(io.BytesIO(LONG)).offsets
    good = song(PAYLOADS, last=50)
    for inside in (0, 4, 8, 12, 14, 18, CHUNK_SIZE):
        data = patched(offsets[3] + inside, b"\x7f", LONG)
        reader = Reader(io.BytesIO(data))
        assert reader.complete
        assert reader.read(2) == good[2]
        assert reader.read(4) == good[4]
        with pytest.raises(DamagedError, match="chunk 3 is damaged"):
            reader.read(3)
        with pytest.raises(DamagedError, match="chunk 3 is damaged"):
            reader.verify()


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
    assert Reader(io.BytesIO(data)).read(1) == CHUNKS[1]


@pytest.mark.parametrize("tail", [b"\0", b"TAG" + bytes(125), GOLDEN])
def test_bytes_after_the_end_are_noticed(tail):
    for opener in OPENERS.values():
        chunks, end = outcome(opener, GOLDEN + tail)
        assert chunks == CHUNKS
        assert isinstance(end, DamagedError)


def test_other_files_are_no_aez():
    for data in (b"", b"RIFF....WAVE", b"\x89PNG\r\n\x1a\n", bytes(1000), GOLDEN.replace(b"\r\n", b"\n")):
        with pytest.raises(FormatError, match=r"not an \.aez file") as caught:
            Reader(io.BytesIO(data))
        assert type(caught.value) is FormatError
    with pytest.raises(DamagedError, match="ends in its header"):
        Reader(io.BytesIO(GOLDEN[:30]))


def test_newer_files_ask_for_a_newer_aez():
    for data in (patched(8, bytes([VERSION + 1])), patched(8, b"\xff\xff")[:20], patched(41, b"\3", crc_of=(0, 45))):
        with pytest.raises(VersionError, match="newer aez is needed"):
            Reader(io.BytesIO(data))
    with pytest.raises(FormatError, match="version 0"):
        Reader(io.BytesIO(patched(8, b"\0")))


@pytest.mark.parametrize(
    ("offset", "data"),
    [
        (12, struct.pack("<I", 0)),
        (12, struct.pack("<I", 2**32 - 1)),
        (32, struct.pack("<H", 15)),
        (32, struct.pack("<H", 65535)),
        (34, struct.pack("<H", 0)),
        (36, struct.pack("<H", 0)),
        (36, struct.pack("<H", 127)),
        (40, b"\0"),
        (40, b"\3"),
    ],
)
def test_headers_with_good_checksums_and_bad_numbers(offset, data):
    with pytest.raises(FormatError, match="cannot have"):
        Reader(io.BytesIO(patched(offset, data, crc_of=(0, 45))))
