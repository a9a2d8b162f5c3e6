"""Headers outside their ranges are neither written nor read, and other files are told apart."""

import io
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import formats
from formats import Coder, Reader, Writer
from formats.container.layout import HEADER_SIZE, VERSION
from formats.errors import DamagedError, ForeignError, FormatError, UsageError, VersionError
from formats.grid import frame_count
from tests.support.container_files import GOLDEN, HEADER, pack, patched

SPEC = (Path(formats.__file__).parent / "SPEC.md").read_text("utf-8")
HEADER_SPAN = (0, HEADER_SIZE - 4)


@pytest.mark.parametrize(
    "fields",
    [
        {"sample_rate": 99},
        {"sample_rate": 1_000_001},
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
        {"flags": 2**16},
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
        (12, struct.pack("<I", 99)),
        (12, struct.pack("<I", 1_000_001)),
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


@pytest.mark.parametrize(
    "fields",
    [
        {"sample_rate": 100},
        {"sample_rate": 1_000_000},
        {"latent": 16},
        {"latent": 1416},
        {"chunk_frames": 2520},
        {"gain": 512},
        {"gain": -512},
        {"file_id": 2**32 - 1},
        {"flags": 2**16 - 1},
    ],
)
def test_headers_at_their_limits_are_written_and_read(fields):
    header = replace(HEADER, samples=0, **fields)
    assert Reader(io.BytesIO(pack(header, chunks=[]))).header == header


def test_the_coders_have_the_numbers_of_the_specification():
    assert [pack(replace(HEADER, coder=coder))[41] for coder in (Coder.ZSTD, Coder.RANGE)] == [1, 2]


def test_other_files_are_no_aez():
    for data in (b"", b"RIFF....WAVE", b"\x89PNG\r\n\x1a\n", bytes(1000), GOLDEN.replace(b"\r\n", b"\n")):
        with pytest.raises(FormatError, match=r"not an \.aez file") as caught:
            Reader(io.BytesIO(data))
        assert type(caught.value) is ForeignError
    with pytest.raises(DamagedError, match="ends in its header"):
        Reader(io.BytesIO(GOLDEN[:30]))


def test_newer_files_ask_for_a_newer_aez():
    newer = patched(8, bytes([VERSION + 1])), patched(8, b"\xff\xff")[:10], patched(41, b"\3", crc_of=HEADER_SPAN)
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
