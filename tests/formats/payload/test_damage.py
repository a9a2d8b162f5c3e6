"""Payloads that are none: refused in our words, whatever the bytes."""

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.container.header import Coder
from formats.errors import DamagedError
from formats.grid import HYPER_SIZE, hyper_count
from formats.model import Tables
from formats.payload.chunk import ChunkLatents, decode_payload, encode_payload
from formats.payload.side_info import SideInfo
from tests.support.payloads import CODERS, golden_latents, plausible, relaxed


def checked(payload: bytes, frames: int, main: int, gain: int, coder: Coder, tables: Tables) -> ChunkLatents | None:
    """What a payload says, which must then be within all ranges, or None where it is refused."""
    try:
        got = decode_payload(payload, frames, main, gain, coder, tables)
    except DamagedError as error:
        assert "\n" not in str(error)
        return None
    assert got.hyper.shape == (hyper_count(frames), HYPER_SIZE)
    assert got.indices.shape == (frames, main)
    assert got.hyper.min(initial=0) >= -32
    assert got.hyper.max(initial=0) <= 31
    assert np.abs(got.indices.astype(np.int64)).max(initial=0) <= 2**23
    return got


@settings(relaxed, max_examples=300)
@given(st.binary(max_size=200), st.sampled_from(CODERS), st.sampled_from([0, 1, 4, 126]), st.integers(-512, 512))
def test_random_bytes_are_refused_or_in_range(
    tables: Tables, data: bytes, coder: Coder, frames: int, gain: int
) -> None:
    checked(data, frames, 16, gain, coder, tables)
    checked(b"\0" + data, frames, 16, gain, coder, tables)  # past the side information
    checked(b"\0" + bytes([len(data) // 4]) + data, frames, 16, gain, coder, tables)  # past the words


@settings(relaxed, max_examples=200)
@given(st.data(), st.sampled_from(CODERS))
def test_flipped_bits_are_refused_or_in_range(tables: Tables, data: st.DataObject, coder: Coder) -> None:
    payload = bytearray(encode_payload(plausible(7, 48, 60, tables), 60, coder, tables))
    for _ in range(data.draw(st.integers(1, 4))):
        bit = data.draw(st.integers(0, 8 * len(payload) - 1))
        payload[bit // 8] ^= 1 << bit % 8
    checked(bytes(payload), 7, 48, 60, coder, tables)


@pytest.mark.parametrize("coder", CODERS)
def test_every_truncation_is_refused(coder: Coder, tables: Tables) -> None:
    payload = encode_payload(plausible(7, 48, 60, tables), 60, coder, tables)
    for length in range(len(payload)):
        with pytest.raises(DamagedError):
            decode_payload(payload[:length], 7, 48, 60, coder, tables)


@pytest.mark.parametrize("coder", CODERS)
def test_trailing_bytes_are_refused(coder: Coder, tables: Tables) -> None:
    payload = encode_payload(plausible(7, 48, 60, tables), 60, coder, tables)
    for more in (b"\0", b"\1", b"\0" * 9):
        with pytest.raises(DamagedError):
            decode_payload(payload + more, 7, 48, 60, coder, tables)


@pytest.mark.parametrize("stated", [True, False])
def test_zstd_that_is_larger_than_its_chunk_is_refused_before_it_is_unpacked(stated: bool, tables: Tables) -> None:
    bomb = zstandard.ZstdCompressor(write_content_size=stated).compress(bytes(1 << 26))
    with pytest.raises(DamagedError):
        decode_payload(b"\0\1" + bomb, 5, 16, 0, Coder.ZSTD, tables)


@pytest.mark.parametrize("value", [32, 127, -33, -128])
def test_zstd_with_hyper_latents_beyond_their_range_is_refused(value: int, tables: Tables) -> None:
    for body in (bytes([value % 256]) * 48 + bytes(16), bytes([*[0] * 47, value % 256]) + bytes(16)):
        with pytest.raises(DamagedError):
            decode_payload(b"\0\1" + zstandard.ZstdCompressor().compress(body), 1, 16, 0, Coder.ZSTD, tables)


def test_zstd_with_hyper_latents_at_the_ends_of_their_range_is_read(tables: Tables) -> None:
    ends = bytes([-32 % 256, 31] * 24)
    payload = b"\0\1" + zstandard.ZstdCompressor().compress(ends + bytes(16))
    assert decode_payload(payload, 1, 16, 0, Coder.ZSTD, tables).hyper.tolist() == [[-32, 31] * 24]


@pytest.mark.parametrize("width", [0, 3, 5, 8, 255])
def test_zstd_of_a_width_that_does_not_exist_is_refused(width: int, tables: Tables) -> None:
    payload = bytes([0, width]) + zstandard.ZstdCompressor().compress(bytes(48 + 16 * width))
    with pytest.raises(DamagedError):
        decode_payload(payload, 1, 16, 0, Coder.ZSTD, tables)


def test_zstd_that_holds_less_than_it_states_is_refused(tables: Tables) -> None:
    frame = zstandard.ZstdCompressor().compress(bytes(64))
    assert frame[4:6] == b"\x20\x40"  # one segment, and its size in a byte
    for size in (63, 65):
        stated = frame[:5] + bytes([size]) + frame[6:]
        with pytest.raises(DamagedError, match="zstd data is broken"):
            decode_payload(b"\0\1" + stated, 1, size - 48, 0, Coder.ZSTD, tables)


@pytest.mark.parametrize("value", [2**23 + 1, -(2**23) - 1, 2**31 - 1, -(2**31)])
def test_quantization_indices_beyond_their_range_are_refused(value: int, tables: Tables) -> None:
    indices = np.zeros((1, 16), np.int32)
    indices[0, 0] = value
    planes = indices.astype("<i4").view(np.uint8).reshape(16, 4).T.tobytes()
    payloads = {Coder.ZSTD: b"\0\4" + zstandard.ZstdCompressor().compress(bytes(48) + planes)}
    if abs(value) < 1 << 25:  # more than an escape can say
        damaged = ChunkLatents(np.zeros((1, HYPER_SIZE), np.int8), indices, SideInfo.empty(1))
        payloads[Coder.RANGE] = encode_payload(damaged, 0, Coder.RANGE, tables)
    for coder, payload in payloads.items():
        with pytest.raises(DamagedError):
            decode_payload(payload, 1, 16, 0, coder, tables)


def test_side_information_without_end_is_refused(tables: Tables) -> None:
    rest = encode_payload(golden_latents(), 0, Coder.ZSTD, tables)
    for head in (
        b"\1\x81\x20" + bytes(8194),
        b"\1\1\0\xff\xff\xff\xff\xff\x7f",
        b"\1\1" + b"\xff" * 9,
        b"\1" + b"\xff" * 5 + b"\x7f",
        b"\x10",
        b"\xff",
    ):
        with pytest.raises(DamagedError):
            decode_payload(head + rest, 8, 16, 0, Coder.ZSTD, tables)
