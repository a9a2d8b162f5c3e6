"""The layout is what the specification says, and a header outside its ranges is neither written nor read."""

import io
import re
import struct
from dataclasses import replace
from pathlib import Path

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

import formats
from formats import Metadata, Reader, Writer
from formats.container import layout
from formats.container.layout import HEADER_SIZE, VERSION
from formats.errors import DamagedError, ForeignError, FormatError, UsageError, VersionError
from formats.grid import frame_count
from tests.support.container_files import CHUNKS, GOLDEN, HEADER, METADATA, pack, patched, song

SPEC = (Path(formats.__file__).parent / "SPEC.md").read_text("utf-8")
HEADER_SPAN = (0, HEADER_SIZE - 4)


def test_golden_bytes():
    assert pack().hex() == GOLDEN.hex()
    reader = Reader(io.BytesIO(GOLDEN))
    assert (reader.header, reader.metadata, list(reader)) == (HEADER, METADATA, CHUNKS)


def test_specification_shows_the_golden_bytes():
    block = re.search(r"## Test vector.*?```\n(.*?)```", SPEC, re.DOTALL)
    assert bytes.fromhex("".join(line.split("|")[0] for line in block[1].splitlines())) == GOLDEN


def test_specification_is_wrapped_and_its_links_lead_somewhere():
    assert max(map(len, SPEC.splitlines())) <= 120
    titles = re.findall(r"^#+ (.*)$", SPEC, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]*)\)", SPEC)) <= anchors


@pytest.mark.parametrize(
    ("title", "struct", "with_crc"),
    [
        ("File header", layout.HEADER, True),
        ("Metadata block", layout.METADATA, False),
        ("Picture", layout.PICTURE, False),
        ("Chunk", layout.CHUNK, True),
        ("Trailer", layout.TRAILER, False),
        ("Footer", layout.FOOTER, False),
    ],
)
def test_specification_has_the_declared_fields(title, struct, with_crc):
    section = re.search(rf"^## {title}\n(.*?)^## ", SPEC, re.DOTALL | re.MULTILINE)[1]
    rows = re.findall(r"^\| (\d+) \| (\d+) \| \S+ \| `(\w+)` \|", section, re.MULTILINE)
    offset, expected = 0, []
    for field in struct.subcons:  # what construct has compiled keeps its declaration there
        expected.append((str(offset), str(field.sizeof()), field.name))
        offset += field.sizeof()
    if with_crc:
        expected.append((str(offset), "4", "crc"))
        offset += 4
    assert rows == expected
    if title != "Metadata block" and title != "Trailer":
        assert re.search(rf"\b{offset} bytes\b", section) or title == "Footer"


def test_every_checksum_continues_that_of_the_header():
    """Each part's checksum by its definition, CRC-32C over the header's bytes and the part's."""
    head = GOLDEN[: HEADER_SIZE - 4]
    assert struct.unpack("<I", GOLDEN[HEADER_SIZE - 4 : HEADER_SIZE])[0] == google_crc32c.value(head)
    first, second = Reader(io.BytesIO(GOLDEN)).offsets.values()
    trailer = GOLDEN.rindex(layout.TRAILER_SYNC)
    metadata, end = GOLDEN[HEADER_SIZE:first], GOLDEN[trailer : -layout.FOOTER_SIZE]
    tags = 8 + struct.unpack("<I", metadata[:4])[0] + 4
    for part in (metadata[:tags], metadata[tags:], end):
        assert struct.unpack("<I", part[-4:])[0] == google_crc32c.value(head + part[:-4])
    for start, stop in ((first, second), (second, trailer)):
        chunk = GOLDEN[start:stop]
        assert struct.unpack("<I", chunk[18:22])[0] == google_crc32c.value(head + chunk[:18] + chunk[22:])


def test_container_costs_little():
    empty = len(pack(replace(HEADER, samples=0), Metadata(), []))
    hundred = len(pack(replace(HEADER, samples=None), Metadata(), song([b""] * 100)))
    assert empty == 53 + 16 + 24 + 8
    assert (hundred - empty) / 100 == 26


# Headers


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
        {"chunk_frames": 2520 + 126},
        {"chunk_frames": 126 * 521},
        {"gain": 513},
        {"gain": -513},
        {"bitstream": b"short"},
        {"file_id": -1},
        {"file_id": 2**32},
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
    ("offset", "data"),
    [
        (12, struct.pack("<I", 0)),
        (12, struct.pack("<I", 2**32 - 1)),
        (32, struct.pack("<H", 15)),
        (32, struct.pack("<H", 65535)),
        (34, struct.pack("<H", 0)),
        (36, struct.pack("<H", 0)),
        (36, struct.pack("<H", 127)),
        (36, struct.pack("<H", 2520 + 126)),
        (38, struct.pack("<h", 513)),
        (38, struct.pack("<h", -513)),
        (40, b"\0"),
        (40, b"\3"),
    ],
)
def test_headers_with_good_checksums_and_bad_numbers(offset, data):
    with pytest.raises(FormatError, match="cannot have"):
        Reader(io.BytesIO(patched(offset, data, crc_of=HEADER_SPAN)))


@pytest.mark.parametrize("fields", [{"chunk_frames": 2520}, {"gain": 512}, {"gain": -512}, {"file_id": 2**32 - 1}])
def test_headers_at_their_limits_are_written_and_read(fields):
    header = replace(HEADER, samples=0, **fields)
    assert Reader(io.BytesIO(pack(header, chunks=[]))).header == header


def test_other_files_are_no_aez():
    for data in (b"", b"RIFF....WAVE", b"\x89PNG\r\n\x1a\n", bytes(1000), GOLDEN.replace(b"\r\n", b"\n")):
        with pytest.raises(FormatError, match=r"not an \.aez file") as caught:
            Reader(io.BytesIO(data))
        assert type(caught.value) is ForeignError
    with pytest.raises(DamagedError, match="ends in its header"):
        Reader(io.BytesIO(GOLDEN[:30]))


def test_newer_files_ask_for_a_newer_aez():
    newer = patched(8, bytes([VERSION + 1])), patched(8, b"\xff\xff")[:20], patched(41, b"\3", crc_of=HEADER_SPAN)
    for data in newer:
        with pytest.raises(VersionError, match="newer aez is needed"):
            Reader(io.BytesIO(data))
    with pytest.raises(FormatError, match="version 0"):
        Reader(io.BytesIO(patched(8, b"\0")))


# Frames that samples take


@given(st.integers(0, 2**64 - 2), st.integers(100, 1_000_000))
def test_frames_for_samples_are_the_specification(samples, rate):
    resampled = (2 * samples * 44_100 + rate) // (2 * rate)
    wanted = (resampled + 699) // 700 + 1 if resampled else 0
    assert replace(HEADER, sample_rate=rate).frames_for(samples) == wanted
    assert replace(HEADER, sample_rate=44_100).frames_for(samples) == frame_count(samples)


def test_few_samples_at_a_high_rate_take_no_frame():
    header = replace(HEADER, sample_rate=1_000_000)
    assert [header.frames_for(samples) for samples in (0, 11, 12)] == [0, 0, 2]
