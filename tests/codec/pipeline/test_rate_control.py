"""The search for the gain at which a song has the wanted size."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.pipeline.chunks import AnalysedChunk
from codec.pipeline.payload import encode_chunk
from codec.pipeline.plan import EncodePlan
from codec.pipeline.rate_control import SAMPLE, Spool, find_gain, search
from codec.pipeline.workers import Engine
from formats import Coder
from formats.container.layout import CHUNK_SIZE, LENGTH_SIZE
from formats.grid import COEFFICIENTS, GAIN_LIMIT, HYPER_SIZE, SEGMENT
from formats.payload.side_info import SideInfo

pytestmark = pytest.mark.usefixtures("tiny")


@given(
    st.floats(10, 1e8),
    st.integers(-GAIN_LIMIT, GAIN_LIMIT),
    st.floats(0.008, 0.02),
    st.one_of(st.none(), st.floats(0.95, 1.05)),
)
def test_the_gain_found_is_the_nearest(target: float, start: int, rise: float, known: float | None) -> None:
    """Or as near as makes no difference: the rise of sizes is believed where it is known to a twentieth."""

    def size(gain: int) -> float:
        return 1e5 * math.exp(rise * gain)

    found, _ = search(size, target, start, None if known is None else known * rise)
    error, best = (abs(math.log(size(gain) / target)) for gain in (found, nearest(size, target)))
    assert error <= max(best + 0.06 * rise, 0.004)


def nearest(size, target: float) -> int:
    return min(range(-GAIN_LIMIT, GAIN_LIMIT + 1), key=lambda gain: abs(math.log(size(gain) / target)))


def test_a_known_rise_saves_tries() -> None:
    tried: list[int] = []

    def size(gain: int) -> float:
        tried.append(gain)
        return 1000 * math.exp(0.013 * gain)

    assert search(size, 1000 * math.exp(0.013 * 20.3), 10, 0.013)[0] == 20
    assert tried == [10, 20]


@pytest.mark.parametrize("kbps", [3.2, 4.0, 6.0, 12.0, 60.0])
@pytest.mark.parametrize("start", [-200, -42, 35, 160])
def test_a_bend_of_the_size_does_not_lead_astray(kbps: float, start: int) -> None:
    """Coarse steps leave the bytes of hyper latents: log size hardly falls any more, and secants overshoot."""

    def size(gain: int) -> float:
        return 3.0 + 10 * math.exp(0.024 * gain)

    found, _ = search(size, kbps, start)
    assert abs(math.log(size(found) / kbps)) <= max(abs(math.log(size(nearest(size, kbps)) / kbps)), 0.012)


def chunks(count: int) -> list[AnalysedChunk]:
    """Chunks of a segment each, which grow louder."""
    rng = np.random.default_rng(count)
    made = []
    for number in range(count):
        hyper = rng.integers(-20, -10, (SEGMENT // 3, HYPER_SIZE)).astype(np.int8)
        loudness = np.float32(0.001 * (number + 1))
        coefficients = rng.standard_normal((SEGMENT, COEFFICIENTS)).astype(np.float32) * loudness
        made.append(AnalysedChunk(hyper, coefficients, SideInfo.empty(SEGMENT)))
    return made


def sizes(spool: Spool, engine: Engine, plan: EncodePlan, tried: list[int]):
    """Bytes of all chunks as they are coded; notes the gains."""

    def size(gain: int) -> float:
        tried.append(gain)
        coder = plan.coder or Coder.RANGE
        payloads = (encode_chunk(chunk, plan.main_count, gain, coder, plan.model.tables) for chunk in spool)
        return float(sum(len(payload) + CHUNK_SIZE + LENGTH_SIZE for payload in payloads))

    return size


@pytest.mark.parametrize("coder", [Coder.RANGE, Coder.ZSTD])
@pytest.mark.parametrize("wanted", [-40, 7, 60])
def test_a_draft_at_the_nearest_gain_is_made(coder: Coder, wanted: int) -> None:
    plan = EncodePlan.make(latent=64, coder=coder.name.lower())
    tried: list[int] = []
    with Spool(chunks(SAMPLE + 7)) as spool, Engine("cpu", workers=1) as engine:
        size = sizes(spool, engine, plan, tried)
        target = size(wanted)
        tried.clear()
        found = find_gain(spool, engine, target, plan, size)
        assert found in tried and len(tried) == len(set(tried))
        assert size(found) == pytest.approx(target, rel=0.012)


def test_a_sample_leads_to_the_gain_within_two_drafts() -> None:
    plan = EncodePlan.make(latent=64)
    tried: list[int] = []
    with Spool(chunks(2 * SAMPLE)) as spool, Engine("cpu", workers=1) as engine:
        size = sizes(spool, engine, plan, tried)
        find_gain(spool, engine, size(30), plan, size)
    assert len(tried) <= 1 + 2


def test_a_song_of_no_chunks_has_a_draft_at_the_plans_gain() -> None:
    plan, tried = EncodePlan.make(latent=64), []
    with Spool([]) as spool, Engine("cpu", workers=1) as engine:
        assert find_gain(spool, engine, 100.0, plan, lambda gain: tried.append(gain) or 0.0) == plan.gain
    assert tried == [plan.gain]


def test_a_spool_gives_back_the_chunks_and_segments_of_them() -> None:
    rng = np.random.default_rng(5)
    made = []
    for frames in (630, 630, 200):
        hyper = rng.integers(-20, -10, (-(-frames // 3), HYPER_SIZE)).astype(np.int8)
        coefficients = rng.standard_normal((frames + 4, COEFFICIENTS)).astype(np.float32)[4:]
        made.append(AnalysedChunk(hyper, coefficients, SideInfo.empty(frames)))
    with Spool(made) as spool:
        for _ in range(2):
            for before, after in zip(made, spool, strict=True):
                assert np.array_equal(before.hyper, after.hyper) and before.side_info is after.side_info
                assert np.array_equal(before.coefficients, after.coefficients)
        assert [len(chunk.coefficients) for chunk in spool.sample(6)] == [630, 74]
        for chunk, (hyper, frames) in zip(spool.sample(6), spool.sample_hyper(6), strict=True):
            assert np.array_equal(chunk.hyper, hyper) and len(chunk.coefficients) == frames
        (whole,) = [np.concatenate([chunk.coefficients for chunk in spool.sample(100)])]
        assert np.array_equal(whole, np.concatenate([chunk.coefficients for chunk in made]))
        (first,) = spool.sample(1)
        assert np.array_equal(first.coefficients, made[1].coefficients[SEGMENT : 2 * SEGMENT])
        assert np.array_equal(first.hyper, made[1].hyper[SEGMENT // 3 : 2 * SEGMENT // 3])
