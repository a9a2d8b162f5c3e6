"""Salvage: what is undamaged comes back, what is lost is named, and chunks of other files count as lost."""

import io
import struct
from dataclasses import replace

import pytest

from formats import Reader
from formats.container import walk
from formats.container.layout import CHUNK_SYNC, HEADER_SIZE, TRAILER_SYNC
from formats.container.stream import STEP
from formats.errors import DamagedError, FormatError
from tests.support.container_files import (
    CHUNKS,
    GOLDEN,
    HEADER,
    LONG,
    OPENERS,
    PAYLOADS,
    SIX,
    Pipe,
    outcome,
    pack,
    patched,
    salvaged,
    song,
)

both = pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)


@both
def test_salvage_loses_one_chunk_to_one_flip(opener):
    first = Reader(io.BytesIO(LONG)).offsets[0]
    for byte in range(HEADER_SIZE, len(LONG)):
        chunks, lost = salvaged(opener, patched(byte, bytes([LONG[byte] ^ 0x10]), LONG))
        assert lost
        missing = [chunk for chunk in SIX if chunk not in chunks]
        assert [chunk for chunk in SIX if chunk not in missing] == chunks
        assert len(missing) == (first <= byte < LONG.rindex(TRAILER_SYNC))


@both
def test_salvage_of_a_good_file_is_the_file(opener):
    assert salvaged(opener, LONG) == (SIX, [])


@both
def test_salvage_names_what_is_missing(opener):
    offsets = Reader(io.BytesIO(LONG)).offsets
    middle = LONG[: offsets[2]] + LONG[offsets[4] :]
    chunks, lost = salvaged(opener, middle)
    assert [chunk.index for chunk in chunks] == [0, 1, 4, 5]
    assert list(map(str, lost)) == ["chunks 2 to 3 are lost"]
    chunks, lost = salvaged(opener, LONG[: offsets[4]] + LONG[LONG.rindex(TRAILER_SYNC) :])
    assert list(map(str, lost)) == ["chunks 4 to 5 are lost"]
    with pytest.raises(DamagedError, match="chunk 4 stands where chunk 2"):
        Reader(opener(middle)).verify()


@pytest.mark.parametrize("opener", [io.BytesIO, lambda data: Pipe(data, step=100_000)], ids=["file", "pipe"])
@pytest.mark.parametrize("before", range(6))
def test_sync_words_are_found_across_the_seams_of_reading(opener, before):
    junk = bytes(STEP - before)
    first = Reader(io.BytesIO(GOLDEN)).offsets[0]
    assert salvaged(opener, GOLDEN[:HEADER_SIZE] + junk + GOLDEN[first:])[0] == CHUNKS


@both
@pytest.mark.parametrize("junk", [b"\0", b"\xf5", b"\xf5AZ", bytes(30), CHUNK_SYNC])
def test_salvage_steps_over_bytes_that_do_not_belong(opener, junk):
    at = Reader(io.BytesIO(LONG)).offsets[2]
    chunks, lost = salvaged(opener, LONG[:at] + junk + LONG[at:])
    assert chunks == SIX
    assert lost


@both
@pytest.mark.parametrize(
    ("limit", "value", "few", "many"), [("FALSE_SYNCS", 20, 10, 100), ("WASTED", 10_000, 9, 11)], ids=["count", "bytes"]
)
def test_false_syncs_and_long_payloads_behind_them_end_a_salvage(opener, limit, value, few, many, monkeypatch):
    monkeypatch.setattr(walk, limit, value)
    body = GOLDEN[: Reader(io.BytesIO(GOLDEN)).offsets[0]]
    lure = CHUNK_SYNC + struct.pack("<IIHII", 0, 0, 126, 1000, 0)
    assert salvaged(opener, body + lure * few + bytes(1000))[0] == []
    with pytest.raises(DamagedError, match="too damaged"):
        salvaged(opener, body + lure * many + bytes(1000))


def test_a_short_chunk_is_the_last():
    body = pack(replace(HEADER, samples=None), chunks=song([b"one"], last=50))
    after = pack(replace(HEADER, samples=None), chunks=song([b"one", b"two"]))
    cut, second = body.rindex(TRAILER_SYNC), Reader(io.BytesIO(after)).offsets[1]
    for opener in OPENERS.values():
        chunks, end = outcome(opener, body[:cut] + after[second:])
        assert len(chunks) == 1
        assert isinstance(end, DamagedError)
        assert len(salvaged(opener, body[:cut] + after[second:])[0]) == 1
    with pytest.raises(DamagedError, match="50 frames"):
        Reader(io.BytesIO(body[:cut] + after[second:])).read(0)


def test_chunks_that_changed_places():
    same_size = pack(replace(HEADER, samples=None), chunks=song([b"same size", b"same size"]))
    first, second = Reader(io.BytesIO(same_size)).offsets.values()
    end = same_size.rindex(TRAILER_SYNC)
    swapped = same_size[:first] + same_size[second:end] + same_size[first:second] + same_size[end:]
    for opener in OPENERS.values():
        assert outcome(opener, swapped)[0] == []
    with pytest.raises(DamagedError, match="chunk 1 stands where chunk 0"):
        Reader(io.BytesIO(swapped)).read(0)


# Parts of other files


OTHER_FIELDS = [
    {"file_id": 99},
    {"bitstream": bytes(8)},
    {"gain": 7},
    {"latent": 64},
    {"channels": 1},
    {"samples": 517_000},
    {"encoder_version": "1.0.1"},
]
"""Headers of other files, each of which takes the same frames."""


def other(fields):
    """A file with this header and with chunks that look like those of LONG but for the letters in them."""
    return pack(replace(HEADER, **{"samples": None, **fields}), chunks=song([p.lower() for p in PAYLOADS], last=50))


@both
@pytest.mark.parametrize("fields", OTHER_FIELDS, ids=str)
def test_a_chunk_of_another_file_is_damage(opener, fields):
    foreign, offsets = other(fields), Reader(io.BytesIO(LONG)).offsets
    assert Reader(io.BytesIO(foreign)).offsets == offsets
    spliced = LONG[: offsets[2]] + foreign[offsets[2] : offsets[3]] + LONG[offsets[3] :]
    chunks, end = outcome(opener, spliced)
    assert chunks == SIX[:2]
    assert "chunk 2 is damaged: its checksum" in str(end)
    with pytest.raises(DamagedError, match="chunk 2 is damaged"):
        Reader(opener(spliced)).verify()
    chunks, lost = salvaged(opener, spliced)
    assert chunks == [*SIX[:2], *SIX[3:]]
    assert "chunk 2 is lost" in map(str, lost)
    with pytest.raises(DamagedError, match="chunk 2 is damaged"):
        Reader(io.BytesIO(spliced)).read(2)


@both
@pytest.mark.parametrize("fields", OTHER_FIELDS, ids=str)
def test_a_header_on_the_body_of_another_file_is_damage(opener, fields):
    data = other(fields)[:HEADER_SIZE] + LONG[HEADER_SIZE:]
    reader = Reader(opener(data))
    with pytest.raises(DamagedError, match="metadata"):
        reader.metadata  # noqa: B018
    with pytest.raises(DamagedError, match="metadata"):
        reader.verify()
    assert not reader.complete
    chunks, lost = salvaged(opener, data)
    assert chunks == []
    assert len(lost) == 1 + len(SIX) + 1
    assert Reader(io.BytesIO(data)).chunk_count == 0
    with pytest.raises(FormatError):
        Reader(io.BytesIO(data)).read(0)


@both
def test_a_trailer_of_another_file_is_damage(opener):
    foreign, at = other({"file_id": 99}), LONG.rindex(TRAILER_SYNC)
    data = LONG[:at] + foreign[at:]
    chunks, end = outcome(opener, data)
    assert chunks == SIX
    assert "trailer is damaged" in str(end)
    assert not Reader(opener(data)).complete
    assert salvaged(opener, data)[0] == SIX


def test_only_the_file_id_tells_two_files_of_one_kind_apart():
    assert other({"file_id": HEADER.file_id})[:HEADER_SIZE] == LONG[:HEADER_SIZE]
