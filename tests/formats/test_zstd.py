"""Zstandard frames: read as another implementation writes them, and only whole ones of the right size."""

import pytest
import zstandard

from formats import zstd

DATA = bytes(range(256)) * 500


@pytest.mark.parametrize("data", [b"", b"x", DATA])
def test_frames_state_their_size_and_are_read_by_others(data: bytes) -> None:
    frame = zstd.compress(data, 12)
    assert zstd.stated_size(frame) == len(data)
    assert zstandard.ZstdDecompressor().decompress(frame, allow_extra_data=False) == data
    assert zstd.decompress(frame, len(data)) == zstd.decompress(frame, len(data) + 99) == data


def test_frames_of_others_are_read() -> None:
    for options in ({}, {"write_content_size": False}, {"write_checksum": True}, {"level": 19}):
        frame = zstandard.ZstdCompressor(**options).compress(DATA)
        assert zstd.decompress(frame, len(DATA)) == DATA
        assert zstd.stated_size(frame) == (None if options == {"write_content_size": False} else len(DATA))


def test_anything_else_is_refused() -> None:
    frame = zstd.compress(DATA, 1)
    checked = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(DATA))
    checked[-1] ^= 1
    for damaged in (frame[:-1], frame + b"\0", frame + frame, b"", b"nothing", bytes(checked)):
        with pytest.raises(zstd.ZstdError):
            zstd.decompress(damaged, len(DATA))
    for size in (0, 1, len(DATA) - 1):
        with pytest.raises(zstd.ZstdError):
            zstd.decompress(frame, size)
    for damaged in (b"", b"(", b"nothing at all"):
        with pytest.raises(zstd.ZstdError):
            zstd.stated_size(damaged)
