"""Payloads: round trips, exact bytes, a second implementation from SPEC.md, size against the tables, and peeling."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import formats
from formats.container.header import Coder
from formats.grid import COEFFICIENTS, HYPER_MIN, HYPER_SIZE, hyper_count
from formats.model import Tables
from formats.model.scales import rank_frames
from formats.payload.chunk import (
    ChunkLatents,
    decode_payload,
    encode_payload,
    raw_bit_count,
    silent_channels,
)
from formats.payload.side_info import SideInfo
from tests.support import slow_decoder as slow
from tests.support.payloads import (
    CODERS,
    any_latents,
    golden_latents,
    golden_tables,
    plain_tables,
    plausible,
    relaxed,
    same,
    without_contexts,
)

SPEC = (Path(formats.__file__).parent / "SPEC.md").read_text("utf-8")


def agrees(got: slow.Payload, wanted: ChunkLatents) -> bool:
    """Whether the decoder written from the specification found these integers."""
    side_info = wanted.side_info
    return (
        got.hyper == wanted.hyper.tolist()
        and got.indices == wanted.indices.tolist()
        and got.side_info.silence == side_info.silence.tolist()
        and got.side_info.gain_control == side_info.gain_control.tolist()
        and got.side_info.rotation == {where: int(one) for where, one in np.ndenumerate(side_info.rotation) if one}
        and got.side_info.long_windows == {where for where, one in np.ndenumerate(side_info.long_windows) if one}
    )


@relaxed
@given(case=any_latents())
@pytest.mark.parametrize("coder", CODERS)
def test_round_trip(tables: Tables, case: tuple[ChunkLatents, int], coder: Coder) -> None:
    wanted, gain = case
    payload = encode_payload(wanted, gain, coder, tables)
    got = decode_payload(payload, *wanted.indices.shape, gain, coder, tables)
    assert same(got, wanted)
    assert encode_payload(got, gain, coder, tables) == payload  # with the ranks that decoding worked out
    got.hyper[:, 24:] = -32  # callers may write to what they got
    assert encode_payload(wanted, gain, coder, tables) == payload


@pytest.mark.parametrize("coder", CODERS)
def test_scales_and_ranks_come_with_decoded_latents(coder: Coder, tables: Tables) -> None:
    wanted = plausible(131, 48, 20, tables)
    got = decode_payload(encode_payload(wanted, 20, coder, tables), 131, 48, 20, coder, tables).ranked
    expected = rank_frames(wanted.hyper, 131, 48, 20, tables)
    assert got is not None
    assert np.array_equal(got.scales.sigma, expected.scales.sigma)
    assert np.array_equal(got.scales.loudness, expected.scales.loudness)
    assert np.array_equal(got.scale_index, expected.scale_index)
    assert np.array_equal(got.position, expected.position)


@pytest.mark.parametrize("coder", CODERS)
def test_latents_of_a_plain_model_have_no_ranks(coder: Coder) -> None:
    tables = plain_tables()
    wanted = ChunkLatents(np.zeros((0, HYPER_SIZE), np.int8), np.ones((4, 40), np.int32), SideInfo.empty(4))
    assert decode_payload(encode_payload(wanted, 0, coder, tables), 4, 40, 0, coder, tables).ranked is None


@pytest.mark.parametrize("value", [-(2**23), -32768, -129, -128, -127, 127, 128, 32767, 32768, 2**23])
@pytest.mark.parametrize("coder", CODERS)
def test_magnitudes_at_the_ends_of_integer_types(value: int, coder: Coder, tables: Tables) -> None:
    for gain, loudness in ((0, -20), (512, 31)):  # without and with low bits
        indices = np.zeros((4, 16), np.int32)
        indices[1, 3] = value
        wanted = ChunkLatents(np.full((2, HYPER_SIZE), loudness, np.int8), indices, SideInfo.empty(4))
        payload = encode_payload(wanted, gain, coder, tables)
        assert same(decode_payload(payload, 4, 16, gain, coder, tables), wanted)


@pytest.mark.parametrize(("value", "width"), [(127, 1), (-127, 1), (128, 2), (32767, 2), (32768, 4)])
def test_zstd_takes_no_more_bytes_for_an_index_than_the_largest_needs(value: int, width: int, tables: Tables) -> None:
    latents = ChunkLatents(np.zeros((1, HYPER_SIZE), np.int8), np.full((1, 16), value, np.int32), SideInfo.empty(1))
    assert encode_payload(latents, 0, Coder.ZSTD, tables)[1] == width


def test_silent_channels_are_those_of_nothing_but_the_least_value() -> None:
    hyper = np.full((3, HYPER_SIZE), HYPER_MIN, np.int8)
    hyper[1, 3] = hyper[2, 47] = HYPER_MIN + 1
    assert silent_channels(hyper).tolist() == [[True, True], [False, True], [True, False]]


# A second implementation


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize(
    ("frames", "main", "gain"), [(1, 16, 0), (7, 48, 60), (130, 16, 20), (131, 16, 20), (17, 496, 512), (4, 16, -512)]
)
def test_plain_python_from_the_specification_decodes_it(
    frames: int, main: int, gain: int, coder: Coder, tables: Tables
) -> None:
    wanted = plausible(frames, main, gain, tables)
    assert agrees(slow.decode(encode_payload(wanted, gain, coder, tables), frames, main, gain, coder, tables), wanted)


@settings(relaxed, max_examples=25)
@given(case=any_latents())
def test_plain_python_decodes_anything_that_the_range_coder_writes(
    tables: Tables, case: tuple[ChunkLatents, int]
) -> None:
    whole, gain = case
    indices = whole.indices[:4, :48]
    side_info = SideInfo.empty(len(indices))._replace(silence=whole.side_info.silence)
    wanted = ChunkLatents(whole.hyper[: hyper_count(len(indices))], indices, side_info)
    if not indices.size:
        return
    payload = encode_payload(wanted, gain, Coder.RANGE, tables)
    assert agrees(slow.decode(payload, *indices.shape, gain, Coder.RANGE, tables), wanted)


# Size


@pytest.mark.parametrize("gain", [0, 60])
def test_size_is_within_one_per_cent_of_the_tables(gain: int, tables: Tables) -> None:
    tables = without_contexts(tables)
    wanted = plausible(630, 112, gain, tables)
    payload = encode_payload(wanted, gain, Coder.RANGE, tables)
    scale_index = rank_frames(wanted.hyper, 630, 112, gain, tables).scale_index
    shift = raw_bit_count(scale_index)
    coarse = np.abs(wanted.indices) >> shift
    bits = 24 - np.log2(tables.main[0][scale_index, np.minimum(coarse, 17)].astype(float)) + shift
    bits += wanted.indices != 0
    bits += np.where(coarse > 16, 5 + np.floor(np.log2(np.maximum(coarse - 16, 1))), 0)
    ideal = (bits.sum() + _hyper_bits(wanted.hyper.tolist(), tables.hyper.tolist())) / 8
    assert ideal <= len(payload) <= 1.01 * ideal + 16


def _hyper_bits(h: list[list[int]], table: list[list[int]]) -> float:
    """Ideal code length of hyper vectors, value by value."""
    bits = 0.0
    for b in range(48):
        bits += 24 - np.log2(table[56 + b // 6][(h[0][b] - (h[0][b - 1] if b else 0)) % 64])
        for g in range(1, len(h)):
            row = table[8 * slow.context(h, g, b) + b // 6]
            bits += 24 - np.log2(row[(h[g][b] - h[g - 1][b] + 32) % 64])
    return bits


# Exact bytes


GOLDEN = {
    Coder.RANGE: (
        "010264d00f84070143c82d08fcc4a5ca62a8ebeced8433d643ce87f179422c7909d7e25c9d36f4472e0b693a84063042"
        "859aea51e3e70fdeb3f634603384869e6a0d614b0a4b048b48d7b77bc791147e3a9f373c92d95de0d8e502df69b7f07d"
        "7280245b0059545d17b75279a5003973c2b0108b56380b764f261c02a3d3143d25f9b59bb6350833e31801eea0221809"
        "821089efa1082e6d889244471ddfb13922e9e4b38c278d982a3faf529142e299c3ae831f17443777530bb59ad5c7dc2f"
        "3ba6dd25a37b2d77f30d55ca2135dadd382249754b56c4987fd7a9dfdcde86d09feddf93604f994f54a4bd074a53afd1"
        "a49811a49b41a160a687c7357640ac0c7524b41e085d0ebd57b7d959e7cfc8109e5ef6cbe954cf5aa9f32a2aa689e003"
        "cc781e78030d01f2a6abfd953eff951cab34c006553032"
    ),
    Coder.ZSTD: (
        "010264d00f8407010428b52ffd6090018d040082c6151bb0a539044893b27fd250c33078dac161188661ae1eedda36e4"
        "351918e08f3fe28fff110fc023b53a98493b0d1b455721942687388438914ac37b86ad2ea1b551ca68c25abaccbc2125"
        "85d2814368a16b67e76cddc2011ba08092536b63df4065668b011aa4810f265cd5ba10ec61c66d3b25e2da4d4781830c"
        "683188804723f9e1783c34c0a8d234242f299201"
    ),
}


@pytest.mark.parametrize("coder", CODERS)
def test_golden_bytes(coder: Coder) -> None:
    tables, wanted, data = golden_tables(), golden_latents(), bytes.fromhex(GOLDEN[coder])
    assert same(decode_payload(data, 8, 16, 116, coder, tables), wanted)
    assert agrees(slow.decode(data, 8, 16, 116, coder, tables), wanted)
    if coder == Coder.RANGE:  # zstd's compressor may find other bytes for the same integers in another version
        assert encode_payload(wanted, 116, coder, tables).hex() == data.hex()


def test_golden_example_meets_every_branch() -> None:
    tables, wanted = golden_tables(), golden_latents()
    shift = raw_bit_count(rank_frames(wanted.hyper, 8, 16, 116, tables).scale_index)
    assert 0 in shift
    assert shift.max() > 0
    assert ((np.abs(wanted.indices) >> shift) > 16).any()


def test_specification_shows_the_golden_payloads() -> None:
    section = SPEC[SPEC.index("## A payload, whole") : SPEC.index("## Side information, whole")]
    blocks = [bytes.fromhex(block).hex() for block in re.findall(r"```\n(.*?)```", section, re.DOTALL)]
    assert blocks == [GOLDEN[Coder.RANGE], GOLDEN[Coder.ZSTD]]


# Peeling


def test_peeling_keeps_the_first_ranks_and_everything_else(tables: Tables) -> None:
    wanted = plausible(130, 48, 20, tables)
    payload = encode_payload(wanted, 20, Coder.RANGE, tables)
    whole = decode_payload(payload, 130, 48, 20, Coder.RANGE, tables)
    peeled = whole.peeled(16)
    assert np.array_equal(peeled.indices, wanted.indices[:, :16])
    assert peeled.ranked is not None
    assert peeled.ranked.position.shape == (130, 16) and peeled.ranked.scales.sigma.shape == (130, COEFFICIENTS)
    assert peeled.side_info is whole.side_info
    smaller = encode_payload(peeled, 20, Coder.RANGE, tables)
    assert smaller == encode_payload(wanted.peeled(16), 20, Coder.RANGE, tables)  # which has no ranks
    assert same(decode_payload(smaller, 130, 16, 20, Coder.RANGE, tables), peeled)
