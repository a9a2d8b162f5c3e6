"""Payloads of plain models, which have no hyper latents: both coders, a decoder written from SPEC.md, and damage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.container.header import Coder
from formats.errors import DamagedError, ModelError
from formats.grid import GAIN_LIMIT, HYPER_SIZE, SCALES
from formats.model import PlainTables
from formats.payload.chunk import MAGNITUDE_LIMIT, ChunkLatents, decode_payload, encode_payload
from formats.payload.side_info import SideInfo
from tests.support import slow_decoder as slow
from tests.support.payloads import CODERS, plain_tables, same

LATENTS = 40


@pytest.fixture(scope="module")
def plain() -> PlainTables:
    """Scales from loud to faint, and magnitudes that grow with the scale index."""
    return plain_tables(LATENTS)


def latents(frames: int, main: int, scale: float, seed: int) -> ChunkLatents:
    rng = np.random.default_rng(seed)
    values = np.rint(rng.laplace(0, scale, (frames, main)) * 2.0 ** -np.linspace(0, 6, main)).astype(np.int32)
    side_info = SideInfo.empty(frames)._replace(silence=np.array([[7, 900]], np.int64))
    return ChunkLatents(np.zeros((0, HYPER_SIZE), np.int8), values, side_info)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(CODERS), st.integers(0, 9), st.integers(1, LATENTS), st.integers(-GAIN_LIMIT, GAIN_LIMIT),
    st.sampled_from([0.3, 5.0, 3000.0]), st.integers(0, 99),
)  # fmt: skip
def test_round_trip(
    plain: PlainTables, coder: Coder, frames: int, main: int, gain: int, scale: float, seed: int
) -> None:
    wanted = latents(frames, main, scale, seed)
    payload = encode_payload(wanted, gain, coder, plain)
    got = decode_payload(payload, frames, main, gain, coder, plain)
    assert got.hyper.shape == (0, HYPER_SIZE)
    assert same(got, wanted)


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("gain", [-40, 0, 77])
def test_a_decoder_written_from_the_specification_agrees(gain: int, coder: Coder, plain: PlainTables) -> None:
    wanted = latents(5, LATENTS, 40.0, 3)
    wanted.indices[2, 0] = 123456
    got = slow.decode_plain(encode_payload(wanted, gain, coder, plain), 5, LATENTS, gain, coder, plain)
    assert got.indices == wanted.indices.tolist()
    assert got.side_info.silence == [[7, 900]]
    assert len(set(plain.scale_indices(gain).tolist())) > 20


def test_gain_moves_scale_indices_by_an_eighth_until_they_end(plain: PlainTables) -> None:
    middle = plain.scale_indices(0)
    inner = (middle > 4) & (middle < 43)
    assert np.array_equal(plain.scale_indices(8)[inner], middle[inner] + 1)
    assert np.array_equal(plain.scale_indices(-8)[inner], middle[inner] - 1)
    assert (plain.scale_indices(GAIN_LIMIT) == SCALES - 1).all()
    assert (plain.scale_indices(-GAIN_LIMIT) == 0).all()


def test_fewer_latents_are_a_prefix(plain: PlainTables) -> None:
    whole = latents(6, LATENTS, 20.0, 1)
    payload = encode_payload(whole.peeled(9), 12, Coder.RANGE, plain)
    assert np.array_equal(decode_payload(payload, 6, 9, 12, Coder.RANGE, plain).indices, whole.indices[:, :9])


@pytest.mark.parametrize("coder", CODERS)
def test_truncations_and_more_bytes_are_refused(coder: Coder, plain: PlainTables) -> None:
    payload = encode_payload(latents(4, 12, 4.0, 2), 0, coder, plain)
    for data in (*(payload[:n] for n in range(len(payload))), payload + b"\0", payload + b"\1"):
        with pytest.raises(DamagedError):
            decode_payload(data, 4, 12, 0, coder, plain)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=120), st.sampled_from(CODERS), st.integers(0, 5))
def test_random_bytes_are_refused_or_in_range(plain: PlainTables, data: bytes, coder: Coder, frames: int) -> None:
    for payload in (data, b"\0" + data, b"\0" + bytes([len(data) // 4]) + data):
        try:
            got = decode_payload(payload, frames, 8, 0, coder, plain)
        except DamagedError as error:
            assert "\n" not in str(error)
        else:
            assert got.indices.shape == (frames, 8)
            assert np.abs(got.indices.astype(np.int64)).max(initial=0) <= MAGNITUDE_LIMIT


def test_impossible_tables_are_a_model_error(plain: PlainTables) -> None:
    wrong = [
        (plain.intercept[:0], plain.main),
        (np.zeros(1401, np.int32), plain.main),
        (plain.intercept.astype(np.int64), plain.main),
        (np.int32(3), plain.main),
        (np.full(4, 2**31 - 1, np.int32), plain.main),
        (np.array([0, 2**31 - 2**26], np.int32), plain.main),
        (np.array([0, 2**26 - 2**31], np.int32), plain.main),
        (plain.intercept, plain.main + np.uint32(1)),
        (plain.intercept, plain.main[:40]),
    ]
    for intercept, main in wrong:
        with pytest.raises(ModelError):
            PlainTables(intercept, main)
    for good in (np.zeros(1, np.int32), np.zeros(1400, np.int32), np.array([0, 2**31 - 2**26 - 1], np.int32)):
        PlainTables(good, plain.main)
    data = plain.to_bytes()
    for damaged in (b"", data[:50], data[:-30]):
        with pytest.raises(ModelError):
            PlainTables.from_bytes(damaged)
