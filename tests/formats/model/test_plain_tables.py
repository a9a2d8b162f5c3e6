"""Payloads of models without hyper latents: both coders, a decoder written from SPEC.md, damage, tables."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.container.layout import Coder
from formats.errors import DamagedError, ModelError
from formats.grid import HYPER_SIZE, SCALES
from formats.model.plain_tables import PlainTables
from formats.model.tables import GAIN_LIMIT, MAGNITUDES, frequencies
from formats.payload.chunk import MAGNITUDE_LIMIT, Latents, decode_payload, encode_payload
from tests.support.slow_decoder import Bits, Bytes, RangeDecoder

LATENTS = 40
CODERS = [Coder.RANGE, Coder.ZSTD]


@pytest.fixture(scope="module")
def tables() -> PlainTables:
    """Sizes from loud to faint, and magnitudes that grow with the level."""
    level = np.linspace(46.7, -9.3, LATENTS)
    size = 2.0 ** ((np.arange(SCALES) - 20) / 4)
    counts = np.exp(-np.arange(MAGNITUDES) / np.minimum(size, 16)[:, None])
    return PlainTables(np.rint(level * (1 << 20)).astype(np.int32), frequencies(counts))


def latents(frames: int, main: int, scale: float, seed: int) -> Latents:
    rng = np.random.default_rng(seed)
    values = np.rint(rng.laplace(0, scale, (frames, main)) * 2.0 ** -np.linspace(0, 6, main)).astype(np.int32)
    return Latents(np.zeros((0, HYPER_SIZE), np.int8), values, np.array([[7, 900]], np.int64))


def slow(payload: bytes, frames: int, main: int, gain: int, tables: PlainTables) -> tuple[list[list[int]], list[int]]:
    """The `range` coder for mixed models as SPEC.md tells it: values [F][M], and the levels."""
    data = Bytes(payload)
    for _ in range(data.varint()):
        data.varint(), data.varint()
    count = data.varint()
    decoder = RangeDecoder(list(struct.unpack(f"<{count}I", data.take(4 * count))))
    level = [min(max((int(x) + 131072 * gain) >> 20, 0), 47) for x in tables.intercept[:main]]
    places = sorted((level[r], f, r) for f in range(frames) for r in range(main))
    coarse = [decoder.symbol(tables.main[row].tolist()) for row, _, _ in places]
    bits = Bits(data.take(len(data.data) - data.at))
    widths = [(max(row, 27) - 27) // 4 for row, _, _ in places]
    low = [bits.take(n) for n in widths]
    lengths = [bits.take(5) for s in coarse if s == 17]
    escapes = [2**k + bits.take(k) - 1 for k in lengths]
    coarse = [17 + escapes.pop(0) if s == 17 else s for s in coarse]
    values = [[0] * main for _ in range(frames)]
    for (_, f, r), c, n, rest in zip(places, coarse, widths, low, strict=True):
        magnitude = c * 2**n + rest
        values[f][r] = -magnitude if magnitude and bits.take(1) else magnitude
    return values, level


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(CODERS), st.integers(0, 9), st.integers(1, LATENTS), st.integers(-GAIN_LIMIT, GAIN_LIMIT),
    st.sampled_from([0.3, 5.0, 3000.0]), st.integers(0, 99),
)  # fmt: skip
def test_round_trip(
    tables: PlainTables, coder: Coder, frames: int, main: int, gain: int, scale: float, seed: int
) -> None:
    wanted = latents(frames, main, scale, seed)
    payload = encode_payload(wanted, gain, coder, tables)
    got = decode_payload(payload, frames, main, gain, coder, tables)
    assert got.hyper.shape == (0, HYPER_SIZE)
    assert np.array_equal(got.main, wanted.main)
    assert np.array_equal(got.silence, wanted.silence)


@pytest.mark.parametrize("gain", [-40, 0, 77])
def test_a_decoder_written_from_the_specification_agrees(gain: int, tables: PlainTables) -> None:
    wanted = latents(5, LATENTS, 40.0, 3)
    wanted.main[2, 0] = 123456
    values, level = slow(encode_payload(wanted, gain, Coder.RANGE, tables), 5, LATENTS, gain, tables)
    assert values == wanted.main.tolist()
    assert level == tables.levels(gain).tolist()
    assert len(set(level)) > 20


def test_gain_moves_levels_by_an_eighth_of_a_step_until_they_end(tables: PlainTables) -> None:
    middle = tables.levels(0)
    inner = (middle > 4) & (middle < 43)
    assert np.array_equal(tables.levels(8)[inner], middle[inner] + 1)
    assert np.array_equal(tables.levels(-8)[inner], middle[inner] - 1)
    assert (tables.levels(GAIN_LIMIT) == SCALES - 1).all()
    assert (tables.levels(-GAIN_LIMIT) == 0).all()


def test_fewer_latents_are_a_prefix(tables: PlainTables) -> None:
    whole = latents(6, LATENTS, 20.0, 1)
    payload = encode_payload(whole.peeled(9), 12, Coder.RANGE, tables)
    assert np.array_equal(decode_payload(payload, 6, 9, 12, Coder.RANGE, tables).main, whole.main[:, :9])


@pytest.mark.parametrize("coder", CODERS)
def test_truncations_and_more_bytes_are_refused(coder: Coder, tables: PlainTables) -> None:
    payload = encode_payload(latents(4, 12, 4.0, 2), 0, coder, tables)
    for data in (*(payload[:n] for n in range(len(payload))), payload + b"\0", payload + b"\1"):
        with pytest.raises(DamagedError):
            decode_payload(data, 4, 12, 0, coder, tables)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=120), st.sampled_from(CODERS), st.integers(0, 5))
def test_random_bytes_are_refused_or_in_range(tables: PlainTables, data: bytes, coder: Coder, frames: int) -> None:
    for payload in (data, b"\0" + data, b"\0" + bytes([len(data) // 4]) + data):
        try:
            got = decode_payload(payload, frames, 8, 0, coder, tables)
        except DamagedError as error:
            assert "\n" not in str(error)
        else:
            assert got.main.shape == (frames, 8)
            assert np.abs(got.main.astype(np.int64)).max(initial=0) <= MAGNITUDE_LIMIT


def test_tables_survive_their_archive_and_their_digest_sees_everything(tables: PlainTables) -> None:
    again = PlainTables.from_bytes(tables.to_bytes())
    assert np.array_equal(again.intercept, tables.intercept)
    assert np.array_equal(again.main, tables.main)
    changed = [
        PlainTables(tables.intercept + np.int32(1), tables.main),
        PlainTables(tables.intercept, np.roll(tables.main, 1, 0)),
    ]
    assert again.digest() == tables.digest()
    assert len({tables.digest(), *(other.digest() for other in changed)}) == 3


def test_impossible_tables_are_a_model_error(tables: PlainTables) -> None:
    wrong = [
        (tables.intercept[:0], tables.main),
        (np.zeros(1401, np.int32), tables.main),
        (tables.intercept.astype(np.int64), tables.main),
        (np.int32(3), tables.main),
        (np.full(4, 2**31 - 1, np.int32), tables.main),
        (tables.intercept, tables.main + np.uint32(1)),
        (tables.intercept, tables.main[:40]),
    ]
    for intercept, main in wrong:
        with pytest.raises(ModelError):
            PlainTables(intercept, main)
    data = tables.to_bytes()
    for damaged in (b"", data[:50], data[:-30]):
        with pytest.raises(ModelError):
            PlainTables.from_bytes(damaged)
