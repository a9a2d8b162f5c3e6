"""The search for the gain at which a song has the wanted size."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.pipeline.chunks import AnalysedChunk
from codec.pipeline.plan import EncodePlan
from codec.pipeline.rate_control import RISE, SAMPLE, TYPICAL, Spool, find_gain, first_guess, search
from codec.pipeline.workers import Engine
from formats import Coder
from formats.grid import COEFFICIENTS, GAIN_LIMIT, HYPER_SIZE, SEGMENT, nominal_kbps
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


def test_the_first_guess_follows_the_rate() -> None:
    def guess(kbps: float | None) -> int:
        return first_guess(replace(EncodePlan.make(latent=64), bitrate=kbps))

    default = EncodePlan.make(latent=64).gain
    assert guess(None) == default == guess(TYPICAL * nominal_kbps(64))
    assert guess(8.0) < guess(16.0) < guess(32.0)
    assert guess(16.0) - guess(8.0) == pytest.approx(math.log(2) / RISE, abs=1)


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


@pytest.mark.parametrize("coder", [Coder.RANGE, Coder.ZSTD])
def test_few_chunks_are_tried_first_and_all_of_them_decide(coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = EncodePlan.make(latent=64, coder=coder.name.lower())
    read: list[int] = []
    monkeypatch.setattr(Spool, "read", watched(Spool.read, read))
    with Spool(chunks(4 * SAMPLE + 1)) as spool, Engine("cpu", workers=1) as engine:
        assert find_gain(spool, engine, 250.0 * len(spool), plan) in range(-GAIN_LIMIT, GAIN_LIMIT + 1)
        assert max(read[:3]) <= SAMPLE and read[-1] == len(spool)
        assert all(a <= b for a, b in pairwise(read))
        assert spool.frames(range(3)) == 3 * SEGMENT


def watched(method, sizes: list[int]):
    def read(self, numbers):
        sizes.append(len(numbers))
        return method(self, numbers)

    return read
