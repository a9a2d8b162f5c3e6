"""Payloads: round trips, exact bytes, a second implementation from SPEC.md, size against the tables, and damage."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import formats
from formats.container.layout import Coder
from formats.grid import COEFFICIENTS, HYPER_SIZE, SCALES, SEGMENT, WINDOW_UNITS, hyper_count
from formats.model import contexts
from formats.model.contexts import CONTEXTS
from formats.model.scales import predict_scales, ranks, scale_indices
from formats.model.tables import MAGNITUDES, Tables, frequencies
from formats.payload.chunk import MAGNITUDE_LIMIT, Latents, decode_payload, encode_payload, low_bits
from formats.payload.range_coder import RangeDecoder, RangeEncoder
from formats.payload.side_info import NO_LONG
from tests.support import slow_decoder as slow
from tests.support.codec import tables_of

CODERS = list(Coder)
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def same(a: Latents, b: Latents) -> bool:
    return (
        np.array_equal(a.hyper, b.hyper)
        and np.array_equal(a.main, b.main)
        and np.array_equal(a.silence, b.silence)
        and np.array_equal(a.long, b.long)
        and (a.hyper.dtype, a.main.dtype) == (b.hyper.dtype, b.main.dtype)
    )


@pytest.fixture(scope="module", params=["tiny", "tiny2"])
def tables(request: pytest.FixtureRequest) -> Tables:
    """With loudness and contexts, and with neither."""
    return tables_of(request.param)


def without_contexts(tables: Tables) -> Tables:
    """The frequencies of the first pass for all."""
    return replace(tables, main=tables.main.reshape(-1, SCALES, MAGNITUDES)[0])


def plausible(frames: int, main: int, gain: int, tables: Tables, seed: int = 0) -> Latents:
    """Latents as music has them: hyper vectors that drift, main latents drawn from the tables of their levels."""
    tables = without_contexts(tables)
    rng = np.random.default_rng(seed)
    drift = np.cumsum(rng.integers(-1, 2, (hyper_count(frames), HYPER_SIZE)), 0)
    hyper = np.clip(drift - np.arange(HYPER_SIZE) % 24 // 2 - 6, -31, 31).astype(np.int8)
    level = scale_indices(predict_scales(hyper, frames, tables), gain, tables)
    ranked = np.take_along_axis(level, ranks(level, main), 1)
    cumulative = np.cumsum(tables.main.astype(np.int64), 1)[ranked]
    symbols = (rng.integers(0, 1 << 24, ranked.shape)[..., None] >= cumulative).sum(-1)
    shift = low_bits(ranked)
    values = (symbols << shift) + rng.integers(0, 1 << shift)
    values += (symbols == 17) * rng.geometric(0.05, ranked.shape) * (1 << shift)
    signs = rng.choice([-1, 1], ranked.shape)
    long = np.tile(np.arange(WINDOW_UNITS) % 2 == 0, (frames // SEGMENT + 1, 1))
    long[-1] = False
    long = long[: -(-frames // SEGMENT)] if long.any() else NO_LONG
    return Latents(hyper, (values * signs).astype(np.int32), np.array([[100, 2000]], np.int64), long=long)


@pytest.fixture(scope="module")
def with_contexts(tables: Tables) -> Tables:
    """The same model with other frequencies in every context."""
    counts = np.random.default_rng(7).gamma(0.5, 1, (CONTEXTS, SCALES, MAGNITUDES)) + tables.main / 2**20
    main = frequencies(counts.reshape(-1, counts.shape[-1])).reshape(counts.shape)
    return Tables(**{**vars(tables), "main": main})


@st.composite
def latents(draw: st.DrawFn) -> tuple[Latents, int]:
    """Any latents that a writer may have, and a gain."""
    frames = draw(st.sampled_from([0, 1, 2, 3, 4, 5, 17, 126, 127, 131]))
    main = draw(st.sampled_from([16, 17, 48, 240, 496]) if frames < 20 else st.just(16))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    low = draw(st.integers(-32, 31))
    hyper = rng.integers(low, draw(st.integers(low, 31)) + 1, (hyper_count(frames), HYPER_SIZE)).astype(np.int8)
    size = 2.0 ** draw(st.sampled_from([-4, 0, 1, 4, 8, 16, 23]))
    values = np.rint(rng.standard_normal((frames, main)) * size)
    values = np.clip(values, -MAGNITUDE_LIMIT, MAGNITUDE_LIMIT).astype(np.int32)
    gaps = draw(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 1 << 20)), max_size=6))
    ends = np.cumsum(np.array(gaps, np.int64).reshape(-1, 2).ravel()).reshape(-1, 2)
    silence = np.stack([ends[:, 0], ends[:, 1] - ends[:, 0]], 1)
    long = rng.random((-(-frames // SEGMENT), WINDOW_UNITS)) < draw(st.sampled_from([0, 0.3, 1]))
    long[frames // SEGMENT :] = False
    return Latents(hyper, values, silence, long=long if long.any() else NO_LONG), draw(st.integers(-512, 512))


@relaxed
@given(latents(), st.sampled_from(CODERS))
def test_round_trip(tables: Tables, case: tuple[Latents, int], coder: Coder) -> None:
    wanted, gain = case
    payload = encode_payload(wanted, gain, coder, tables)
    got = decode_payload(payload, *wanted.main.shape, gain, coder, tables)
    assert same(got, wanted)
    got.hyper[:, 24:] = -32  # callers may write to what they got
    assert encode_payload(wanted, gain, coder, tables) == payload


@pytest.mark.parametrize("value", [-MAGNITUDE_LIMIT, -32768, -129, -128, -127, 127, 128, 32767, 32768, MAGNITUDE_LIMIT])
@pytest.mark.parametrize("coder", CODERS)
def test_magnitudes_at_the_ends_of_integer_types(value: int, coder: Coder, tables: Tables) -> None:
    for gain, loudness in ((0, -20), (512, 31)):  # without and with low bits
        main = np.zeros((4, 16), np.int32)
        main[1, 3] = value
        wanted = Latents(np.full((2, HYPER_SIZE), loudness, np.int8), main, np.zeros((0, 2), np.int64))
        payload = encode_payload(wanted, gain, coder, tables)
        assert same(decode_payload(payload, 4, 16, gain, coder, tables), wanted)


# Contexts


@relaxed
@given(case=latents())
def test_round_trip_with_contexts(with_contexts: Tables, case: tuple[Latents, int]) -> None:
    wanted, gain = case
    frames, main = wanted.main.shape
    payload = encode_payload(wanted, gain, Coder.RANGE, with_contexts)
    assert same(decode_payload(payload, frames, main, gain, Coder.RANGE, with_contexts), wanted)


@pytest.mark.parametrize(("frames", "main", "gain"), [(1, 16, 0), (9, 48, 60), (131, 16, 20), (17, 496, 512)])
def test_plain_python_decodes_contexts(
    frames: int, main: int, gain: int, tables: Tables, with_contexts: Tables
) -> None:
    wanted = plausible(frames, main, gain, tables)
    payload = encode_payload(wanted, gain, Coder.RANGE, with_contexts)
    got = slow.decode(payload, frames, main, gain, Coder.RANGE, with_contexts)
    assert got.main == wanted.main.tolist()


def test_every_frame_is_coded_in_exactly_one_pass_and_contexts_stay_in_range() -> None:
    rng = np.random.default_rng(2)
    for frames in (1, 2, 8, 15, 16, 17, 126, 131):
        level = np.sort(rng.integers(0, 48, (frames, 30)).astype(np.uint8), 1)[:, ::-1]
        index = np.argsort(rng.random((frames, COEFFICIENTS)), 1)[:, :30]
        magnitude = rng.integers(0, contexts.LARGEST + 1, (frames, COEFFICIENTS)).astype(np.uint8)
        numbers = np.arange(frames * 30).reshape(frames, 30)
        parts = list(contexts.passes(level, index, magnitude))
        assert np.array_equal(np.sort(np.concatenate([part.sort(numbers) for part in parts])), numbers.ravel())
        assert sum(part.counts.sum() for part in parts) == frames * 30
        assert {len(part.counts) for part in parts} == {contexts.CONTEXTS * 48}


def test_louder_neighbours_mean_a_higher_class() -> None:
    quiet, loud = np.zeros((3, COEFFICIENTS), np.uint8), np.full((3, COEFFICIENTS), contexts.LARGEST, np.uint8)
    assert (contexts.contexts(contexts.neighbours(quiet, 1), 1) == 1).all()
    assert (contexts.contexts(contexts.neighbours(loud, 1), 1) == contexts.CLASSES).all()


# A second implementation


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize(
    ("frames", "main", "gain"), [(1, 16, 0), (7, 48, 60), (130, 16, 20), (5, 496, 512), (4, 16, -512)]
)
def test_plain_python_from_the_specification_decodes_it(
    frames: int, main: int, gain: int, coder: Coder, tables: Tables
) -> None:
    wanted = plausible(frames, main, gain, tables)
    got = slow.decode(encode_payload(wanted, gain, coder, tables), frames, main, gain, coder, tables)
    assert got.hyper == wanted.hyper.tolist()
    assert got.main == wanted.main.tolist()
    assert got.silence == wanted.silence.tolist()
    assert got.long == {place for place, one in np.ndenumerate(wanted.long) if one}


@settings(relaxed, max_examples=25)
@given(latents())
def test_plain_python_decodes_anything_that_the_range_coder_writes(tables: Tables, case: tuple[Latents, int]) -> None:
    wanted, gain = case
    main = wanted.main[:4, :48]
    wanted = Latents(wanted.hyper[: hyper_count(len(main))], main, wanted.silence)
    if not main.size:
        return
    got = slow.decode(encode_payload(wanted, gain, Coder.RANGE, tables), *main.shape, gain, Coder.RANGE, tables)
    assert (got.hyper, got.main, got.silence) == (wanted.hyper.tolist(), main.tolist(), wanted.silence.tolist())


ROWS = {
    "flat": frequencies(np.ones((1, 18)))[0],
    "steep": np.array([(1 << 24) - 17, *[1] * 17], np.uint32),
    "steep at the end": np.array([*[1] * 17, (1 << 24) - 17], np.uint32),
    "pair": np.array([1, (1 << 24) - 1], np.uint32),
}


@settings(relaxed, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(sorted(ROWS)), st.integers(0, 17), st.integers(1, 9)), max_size=40))
def test_plain_python_writes_the_same_words(runs: list[tuple[str, int, int]]) -> None:
    """Steep rows drive the coder into held words and carries, which plausible data hardly reach."""
    fast, plain = RangeEncoder(), slow.RangeEncoder()
    told = [(ROWS[name], symbol % len(ROWS[name]), times) for name, symbol, times in runs]
    for row, symbol, times in told:
        fast.put(np.full(times, symbol), row)
        for _ in range(times):
            plain.symbol(symbol, row.tolist())
    words = plain.finish()
    assert fast.words().tolist() == words
    fast_decoder, plain_decoder = RangeDecoder(fast.words()), slow.RangeDecoder(words)
    for row, symbol, times in told:
        assert fast_decoder.get(times, row).tolist() == [symbol] * times
        assert [plain_decoder.symbol(row.tolist()) for _ in range(times)] == [symbol] * times


class Watched(slow.RangeEncoder):
    """Remembers which carries happened, and how many words were held at most."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[int, bool]] = set()

    def release(self, carry: bool) -> None:
        self.seen.add((min(len(self.held), 3), carry))
        super().release(carry)


def around_the_carry(plain: slow.RangeEncoder) -> np.ndarray:
    """A row whose symbol 1 keeps the next carry open, while 0 decides against it and 2 for it."""
    carry = 2**64 if plain.held else (plain.low + plain.range // 2) >> 32 << 32
    q = min(max((carry - plain.low) // (plain.range >> 24), 1), 2**24 - 2)
    return np.array([q, 1, 2**24 - 1 - q], np.uint32)


def test_held_words_with_and_without_carry_are_the_same_words() -> None:
    seen = set()
    for run in range(1, 12):
        for last in (0, 1, 2):
            fast, plain = RangeEncoder(), Watched()
            for symbol in [1] * run + [last]:
                row = around_the_carry(plain)
                fast.put(np.array([symbol]), row)
                plain.symbol(symbol, row.tolist())
            assert fast.words().tolist() == plain.finish()
            seen |= plain.seen
    assert {(held, carry) for held in (1, 2, 3) for carry in (False, True)} <= seen


def test_frequencies_are_exactly_the_tables() -> None:
    """constriction takes floats; every symbol must get its integer share of 2**24 and not one more or less."""
    rng = np.random.default_rng(0)
    row = frequencies(rng.random((1, 64)) ** 8)[0]
    for symbol in range(64):
        below = int(row[:symbol].astype(np.int64).sum())
        for q, expected in ((below, symbol), (below + int(row[symbol]) - 1, symbol)):
            point = ((1 << 40) - 1) * q + 1  # scale is 2**40 - 1 at the start
            words = np.array([point >> 32, point & 0xFFFFFFFF], np.uint32)
            assert RangeDecoder(words).get(1, row).tolist() == [expected]


# Size


@pytest.mark.parametrize("gain", [0, 60])
def test_size_is_within_one_per_cent_of_the_tables(gain: int, tables: Tables) -> None:
    tables = without_contexts(tables)
    wanted = plausible(630, 112, gain, tables)
    payload = encode_payload(wanted, gain, Coder.RANGE, tables)
    level = scale_indices(predict_scales(wanted.hyper, 630, tables), gain, tables)
    ranked = np.take_along_axis(level, ranks(level, 112), 1)
    shift = low_bits(ranked)
    coarse = np.abs(wanted.main) >> shift
    bits = 24 - np.log2(tables.main[ranked, np.minimum(coarse, 17)].astype(float)) + shift + (wanted.main != 0)
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


def golden_tables() -> Tables:
    """The tables of SPEC.md's example, by its formulas."""
    k, b = np.arange(COEFFICIENTS), np.arange(HYPER_SIZE)[:, None]
    predictor = 1024 * ((k // 700 == b // 24) & (k % 700 // 30 == b % 24))
    main = np.array([[1 + (1 << 23) // (1 + s * (s + 48 - row)) for s in range(18)] for row in range(48)])
    main[:, 0] += (1 << 24) - main.sum(1)
    hyper = np.array([[1 + (1 << 20) // (1 + abs(s - 32) * (1 + r % 8)) for s in range(64)] for r in range(64)])
    hyper[:, 32] += (1 << 24) - hyper.sum(1)
    return Tables(
        predictor.astype(np.int32),
        np.zeros(COEFFICIENTS, np.int32),
        np.full(COEFFICIENTS, 273, np.int32),
        np.full(COEFFICIENTS, 21495808, np.int32),
        np.full(COEFFICIENTS, 0.6),
        np.zeros(COEFFICIENTS),
        main.astype(np.uint32),
        hyper.astype(np.uint32),
    )


def golden_latents() -> Latents:
    """The integers of SPEC.md's example."""
    hyper = [[(b * b + 3 * g * g + b * g) % 5 - 8 for b in range(48)] for g in range(3)]
    main = [[(16 * f + r) ** 2 % 37 - 18 for r in range(16)] for f in range(8)]
    main[2][0] = 100000
    silence = [[100, 2000], [3000, 1]]
    return Latents(np.array(hyper, np.int8), np.array(main, np.int32), np.array(silence, np.int64))


GOLDEN = {
    Coder.RANGE: (
        "0264d00f84070143c82d08fcc4a5ca62a8ebeced8433d643ce87f179422c7909d7e25c9d36f4472e0b693a8406304285"
        "9aea51e3e70fdeb3f634603384869e6a0d614b0a4b048b48d7b77bc791147e3a9f373c92d95de0d8e502df69b7f07d72"
        "80245b0059545d17b75279a5003973c2b0108b56380b764f261c02a3d3143d25f9b59bb6350833e31801eea01d1a0982"
        "14e623093b847ee245761017992f910c99d4b7a527b100e80105517ac7d88429713bf233cef187f85c6fd6145e8c7e26"
        "eb5e6181ce65fca0df5f0ab79362b35f68d1939896b9bb0f3268ded92db6a49d8ac0e58980e5695d8177d3ab0c5eefe5"
        "873c80c517b1c20f97ed64d0078d2a355f142073f70f238d4cc09fd5b98ccc3e526796f754cf03cc2aa6781e65550840"
        "1005e10d0153032a7fca9be54c0ca9ff2a60654ff8"
    ),
    Coder.ZSTD: (
        "0264d00f8407010428b52ffd6090018d040082c6151bb0a539044893b27fd250c33078dac161188661ae1eedda36e435"
        "1918e08f3fe28fff110fc023b53a98493b0d1b455721942687388438914ac37b86ad2ea1b551ca68c25abaccbc212585"
        "d2814368a16b67e76cddc2011ba08092536b63df4065668b011aa4810f265cd5ba10ec61c66d3b25e2da4d4781830c68"
        "3188804723f9e1783c34c0a8d234242f299201"
    ),
}


@pytest.mark.parametrize("coder", CODERS)
def test_golden_bytes(coder: Coder) -> None:
    tables, wanted, data = golden_tables(), golden_latents(), bytes.fromhex(GOLDEN[coder])
    assert same(decode_payload(data, 8, 16, 116, coder, tables), wanted)
    got = slow.decode(data, 8, 16, 116, coder, tables)
    assert (got.hyper, got.main) == (wanted.hyper.tolist(), wanted.main.tolist())
    if coder == Coder.RANGE:  # zstd's compressor may find other bytes for the same integers in another version
        assert encode_payload(wanted, 116, coder, tables).hex() == data.hex()


def test_golden_example_meets_every_branch() -> None:
    tables, wanted = golden_tables(), golden_latents()
    level = scale_indices(predict_scales(wanted.hyper, 8, tables), 116, tables)
    ranked = np.take_along_axis(level, ranks(level, 16), 1)
    shift = low_bits(ranked)
    assert 0 in shift
    assert shift.max() > 0
    assert ((np.abs(wanted.main) >> shift) > 16).any()


def test_specification_shows_the_golden_payloads() -> None:
    text = (Path(formats.__file__).parent / "SPEC.md").read_text("utf-8")
    section = text[text.index("### A payload, whole") : text.index("### SideInfo, whole")]
    blocks = [bytes.fromhex(block).hex() for block in re.findall(r"```\n(.*?)```", section, re.DOTALL)]
    assert blocks == [GOLDEN[Coder.RANGE], GOLDEN[Coder.ZSTD]]


def test_digest_depends_on_every_array_and_not_on_the_archive(tables: Tables) -> None:
    assert Tables.from_bytes(tables.to_bytes()).digest() == tables.digest()
    rows = np.roll(tables.main, 1, 0), np.roll(tables.hyper, 1, 0)
    changed = [
        replace(tables, predictor=np.roll(tables.predictor, 1, 1)),
        replace(tables, offset=tables.offset + 1),
        replace(tables, slope=tables.slope + 1),
        replace(tables, intercept=tables.intercept + 1),
        replace(tables, shape=tables.shape + 1),
        replace(tables, bias=tables.bias + 1),
        replace(tables, main=rows[0]),
        replace(tables, hyper=rows[1]),
    ]
    if tables.loudness is not None and tables.steadiness is not None and tables.steady is not None:
        changed += [
            replace(tables, loudness=np.roll(tables.loudness, 1)),
            replace(tables, steadiness=tables.steadiness + 1),
            replace(tables, steady=tables.steady + 1),
            replace(tables, loudness=None, steadiness=None, steady=None),
        ]
    noise = np.zeros((2, SEGMENT, COEFFICIENTS), np.int8)
    changed += [replace(tables, noise=noise), replace(tables, noise=noise + np.int8(1))]
    assert len({tables.digest(), *(other.digest() for other in changed)}) == 1 + len(changed)


def test_peeling_keeps_what_is_listed(tables: Tables) -> None:
    wanted = plausible(130, 48, 20, tables)
    assert wanted.long.any()
    got = wanted.peeled(16)
    assert got.main.shape == (130, 16) and same(replace(got, main=wanted.main), wanted)
    payload = encode_payload(got, 20, Coder.RANGE, tables)
    assert same(decode_payload(payload, 130, 16, 20, Coder.RANGE, tables), got)
