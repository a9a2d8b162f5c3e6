"""Latents to code: any that a writer may have, such as music has, and those of SPEC.md's example."""

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from formats.container.header import Coder
from formats.grid import (
    BANDS,
    COEFFICIENTS,
    HYPER_SIZE,
    ROTATION_ANGLES,
    SCALES,
    SEGMENT,
    WINDOW_UNITS,
    hyper_count,
)
from formats.model import PlainTables, Tables
from formats.model.contexts import CONTEXTS
from formats.model.scales import rank_frames
from formats.model.tables import MAGNITUDES, frequencies
from formats.payload.chunk import MAGNITUDE_LIMIT, ChunkLatents, raw_bit_count
from formats.payload.side_info import SideInfo

CODERS = list(Coder)
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def same_side_info(a: SideInfo, b: SideInfo) -> bool:
    return all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def same(a: ChunkLatents, b: ChunkLatents) -> bool:
    """Whether all integers are the same, and of the same types."""
    return (
        np.array_equal(a.hyper, b.hyper)
        and np.array_equal(a.indices, b.indices)
        and same_side_info(a.side_info, b.side_info)
        and (a.hyper.dtype, a.indices.dtype) == (b.hyper.dtype, b.indices.dtype)
    )


def every_second_unit_long(frames: int) -> SideInfo:
    """Side information of every kind: a silence, a stretch of gain control, rotated bands, and long windows."""
    side_info = SideInfo.empty(frames)
    side_info.long_windows[: frames // SEGMENT, ::2] = True
    side_info.rotation[:, 3:5] = 2
    silence, gain_control = np.array([[100, 2000]], np.int64), np.array([[3, 10, 8]], np.int64)
    return side_info._replace(silence=silence, gain_control=gain_control)


def plausible(frames: int, main: int, gain: int, tables: Tables, seed: int = 0) -> ChunkLatents:
    """Latents as music has them: hyper vectors that drift, main latents drawn from the tables of the first pass."""
    rng = np.random.default_rng(seed)
    drift = np.cumsum(rng.integers(-1, 2, (hyper_count(frames), HYPER_SIZE)), 0)
    hyper = np.clip(drift - np.arange(HYPER_SIZE) % 24 // 2 - 6, -31, 31).astype(np.int8)
    scale_index = rank_frames(hyper, frames, main, gain, tables).scale_index
    cumulative = np.cumsum(tables.main[0].astype(np.int64), 1)[scale_index]
    symbols = (rng.integers(0, 1 << 24, scale_index.shape)[..., None] >= cumulative).sum(-1)
    shift = raw_bit_count(scale_index)
    values = (symbols << shift) + rng.integers(0, 1 << shift)
    values += (symbols == 17) * rng.geometric(0.05, scale_index.shape) * (1 << shift)
    signs = rng.choice([-1, 1], scale_index.shape)
    return ChunkLatents(hyper, (values * signs).astype(np.int32), every_second_unit_long(frames))


@st.composite
def any_latents(draw: st.DrawFn) -> tuple[ChunkLatents, int]:
    """Any latents that a writer may have, and a gain."""
    frames = draw(st.sampled_from([0, 1, 2, 3, 4, 5, 17, 126, 127, 131]))
    main = draw(st.sampled_from([16, 17, 48, 240, 496]) if frames < 20 else st.just(16))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    low = draw(st.integers(-32, 31))
    hyper = rng.integers(low, draw(st.integers(low, 31)) + 1, (hyper_count(frames), HYPER_SIZE)).astype(np.int8)
    size = 2.0 ** draw(st.sampled_from([-4, 0, 1, 4, 8, 16, 23]))
    values = np.rint(rng.standard_normal((frames, main)) * size)
    values = np.clip(values, -MAGNITUDE_LIMIT, MAGNITUDE_LIMIT).astype(np.int32)
    side_info = SideInfo.empty(frames)
    side_info.long_windows[: frames // SEGMENT] = rng.random(WINDOW_UNITS) < draw(st.sampled_from([0, 0.3, 1]))
    side_info.rotation[:] = rng.integers(0, ROTATION_ANGLES, BANDS) * draw(st.integers(0, 1))
    gaps = draw(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(1, 1 << 20)), max_size=6))
    ends = np.cumsum(np.array(gaps, np.int64).reshape(-1, 2).ravel()).reshape(-1, 2)
    side_info = side_info._replace(silence=np.stack([ends[:, 0], ends[:, 1] - ends[:, 0]], 1))
    return ChunkLatents(hyper, values, side_info), draw(st.integers(-512, 512))


def without_contexts(tables: Tables) -> Tables:
    """The frequencies of the first pass in every context, so that ideal code lengths are easily summed."""
    return replace(tables, main=np.repeat(tables.main[:1], CONTEXTS, 0))


def plain_tables(latents: int = 40) -> PlainTables:
    """A plain model's scales from loud to faint, and magnitudes that grow with the scale index."""
    scale = np.linspace(46.7, -9.3, latents)
    size = 2.0 ** ((np.arange(SCALES) - 20) / 4)
    counts = np.exp(-np.arange(MAGNITUDES) / np.minimum(size, 16)[:, None])
    return PlainTables(np.rint(scale * (1 << 20)).astype(np.int32), frequencies(counts))


# The example of SPEC.md


def golden_tables() -> Tables:
    """The tables of SPEC.md's example, by its formulas."""
    k, b = np.arange(COEFFICIENTS), np.arange(HYPER_SIZE)[:, None]
    predictor = 1024 * ((k // 700 == b // 24) & (k % 700 // 30 == b % 24))
    c, r, s = np.arange(CONTEXTS)[:, None, None], np.arange(SCALES)[:, None], np.arange(MAGNITUDES)
    main = 1 + (1 << 23) // (1 + s * (s + c + 48 - r))
    main[..., 0] += (1 << 24) - main.sum(-1)
    hyper = np.array([[1 + (1 << 20) // (1 + abs(s - 32) * (1 + r % 8)) for s in range(64)] for r in range(64)])
    hyper[:, 32] += (1 << 24) - hyper.sum(1)
    return Tables(
        predictor=predictor.astype(np.int32),
        offset=np.zeros(COEFFICIENTS, np.int32),
        slope=np.full(COEFFICIENTS, 273, np.int32),
        intercept=np.full(COEFFICIENTS, 21495808, np.int32),
        shape=np.full(COEFFICIENTS, 0.6),
        bias=np.zeros(COEFFICIENTS),
        steady=np.full(COEFFICIENTS, 0.1),
        loudness=np.array([64] * HYPER_SIZE + [0], np.int32),
        steadiness=np.full(COEFFICIENTS, 10, np.int32),
        main=main.astype(np.uint32),
        hyper=hyper.astype(np.uint32),
    )


def golden_latents() -> ChunkLatents:
    """The integers of SPEC.md's example."""
    hyper = [[(b * b + 3 * g * g + b * g) % 5 - 8 for b in range(48)] for g in range(3)]
    indices = [[(16 * f + r) ** 2 % 37 - 18 for r in range(16)] for f in range(8)]
    indices[2][0] = 100000
    side_info = SideInfo.empty(8)._replace(silence=np.array([[100, 2000], [3000, 1]], np.int64))
    return ChunkLatents(np.array(hyper, np.int8), np.array(indices, np.int32), side_info)
