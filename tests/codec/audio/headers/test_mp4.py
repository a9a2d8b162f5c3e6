"""The exact length that an MP4 file states for its sound."""

import io
import struct
import tracemalloc

import pytest

from codec.audio.headers.mp4 import exact_length


def atom(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + name + body


def clock(name: bytes, ticks: int, length: int, version: int = 0) -> bytes:
    numbers = struct.pack(">QQIQ", 0, 0, ticks, length) if version else struct.pack(">IIII", 0, 0, ticks, length)
    return atom(name, bytes([version, 0, 0, 0]), numbers)


def edits(*entries: tuple[int, int], version: int = 0) -> bytes:
    code = ">QqI" if version else ">IiI"
    rows = (struct.pack(code, shown, begin, 1 << 16) for shown, begin in entries)
    return atom(b"edts", atom(b"elst", bytes([version, 0, 0, 0]), struct.pack(">I", len(entries)), *rows))


def length(*parts: bytes, ticks: int = 44100, scale: int = 44100, total: int = 46_024, version: int = 0) -> int | None:
    sound = atom(b"mdia", clock(b"mdhd", scale, total, version), atom(b"hdlr", bytes(8), b"soun"))
    film = atom(b"trak", atom(b"mdia", clock(b"mdhd", 44100, 9, version), atom(b"hdlr", bytes(8), b"vide")))
    track = atom(b"trak", *parts[:1], sound)
    moov = atom(b"moov", clock(b"mvhd", ticks, 1, version), film, track, *parts[1:])
    return exact_length(io.BytesIO(atom(b"ftyp", b"M4A ") + moov), 44100)


def smpb(samples: int) -> bytes:
    """iTunes' note, as mean, name and data."""
    text = f" 00000000 00000840 000001CA {samples:016X} 00000000".encode()
    parts = atom(b"mean", bytes(4), b"com.apple.iTunes"), atom(b"name", bytes(4), b"iTunSMPB")
    return atom(b"----", *parts, atom(b"data", bytes([0, 0, 0, 1, 0, 0, 0, 0]), text))


@pytest.mark.parametrize("version", [0, 1])
def test_lengths_that_are_stated_to_the_sample(version):
    assert length(edits((45_000, 1024), version=version), version=version) == 45_000
    assert length(edits((1021, 1024), version=version), ticks=1000, version=version) == 45_000
    assert length(edits((1020, 1024), version=version), ticks=1000, version=version) == 45_000  # to the millisecond
    assert length(edits((500, 1024), version=version), ticks=1000, version=version) == 22_094
    assert length(b"", version=version) == 46_024
    assert length(edits((45_000, 1024)), smpb(43_333)) == 43_333


@pytest.mark.parametrize(
    ("parts", "numbers"),
    [
        ((b"",), {"scale": 22_050}),
        ((b"",), {"total": 0}),
        ((b"",), {"scale": 0}),
        ((edits((9, -1), (100, 0)),), {}),
        ((edits((100, 99_999)),), {}),
        ((edits((0, 0)),), {}),
        ((edits((100, 0)),), {"ticks": 0}),
        ((edits((1, 0)),), {"ticks": 88_200}),
        ((edits((100, 0))[:-16],), {}),
        ((b"", smpb(10**9)), {}),
        ((b"", atom(b"trak", atom(b"mdia", atom(b"hdlr", bytes(8), b"soun")))), {}),
    ],
)
def test_what_is_not_exact_or_makes_no_sense_states_nothing(parts, numbers):
    assert length(*parts, **numbers) is None


def test_a_file_of_another_kind_states_nothing():
    assert exact_length(io.BytesIO(b"RIFF"), 44100) is None
    assert exact_length(io.BytesIO(atom(b"ftyp", b"M4A ")), 44100) is None
    assert exact_length(io.BytesIO(atom(b"ftyp") + atom(b"moov")), 44100) is None


def test_very_many_atoms_take_no_memory():
    many = b"".join(atom(struct.pack(">I", number)) for number in range(50_000))
    tracemalloc.start()
    try:
        assert length(edits((45_000, 1024)), many) == 45_000
        assert tracemalloc.get_traced_memory()[1] < 6 * len(many)
    finally:
        tracemalloc.stop()
