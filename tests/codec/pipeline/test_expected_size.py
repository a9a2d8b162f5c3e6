"""Expected sizes against those of scale indices, and against the sizes of quantized music-like latents."""

import numpy as np
import pytest

from codec.pipeline import expected_size
from codec.pipeline.expected_size import ExpectedSize
from formats.grid import COEFFICIENTS, GAIN_LIMIT, HYPER_FRAMES, HYPER_SIZE, SCALES
from formats.model import Tables
from formats.model.scales import predict_vectors, scale_indices
from formats.payload.chunk import raw_bit_count
from tests.support.payloads import plain_tables


def bits(rows: np.ndarray) -> np.ndarray:
    """Mean bits of the magnitudes of 48 tables, with signs and raw bits."""
    share = rows / rows.sum(1, keepdims=True)
    return -(share * np.log2(share)).sum(1) + 1 - share[:, 0] + raw_bit_count(np.arange(SCALES, dtype=np.uint8))


@pytest.mark.parametrize("gain", [-GAIN_LIMIT, -77, 0, 31, GAIN_LIMIT])
def test_it_is_that_of_the_scale_indices(gain: int, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a frame that equals its hyper vector, with all coefficients coded."""
    monkeypatch.setattr(expected_size, "EVERY", 1)
    vector = np.random.default_rng(1).integers(-30, 10, (1, HYPER_SIZE)).astype(np.int8)
    index = scale_indices(predict_vectors(vector, tables), HYPER_FRAMES, gain, tables)
    wanted = bits(tables.main[0].astype(float))[index].sum() / 8
    assert ExpectedSize([(vector, HYPER_FRAMES)], COEFFICIENTS, tables)(gain) == pytest.approx(wanted)


def test_only_the_highest_count(tables: Tables) -> None:
    hyper = np.random.default_rng(2).integers(-30, 10, (4, HYPER_SIZE)).astype(np.int8)
    few, many, everything = (ExpectedSize([(hyper, 12)], main, tables)(20) for main in (16, 400, COEFFICIENTS))
    assert few < many < everything
    assert few / 16 > many / 400


def test_parts_add_up_and_sizes_rise_with_the_gain(tables: Tables) -> None:
    rng = np.random.default_rng(3)
    parts = [(rng.integers(-30, 10, (4, HYPER_SIZE)).astype(np.int8), frames) for frames in (12, 11)]
    one, other, both = (ExpectedSize(some, 100, tables) for some in (parts[:1], parts[1:], parts))
    assert both(9) == pytest.approx(one(9) + other(9))
    assert both(8) < both(9) and both.typical(8) < both.typical(9)


def test_plain_models_have_the_same_scales_in_all_frames() -> None:
    tables = plain_tables()
    wanted = bits(tables.main.astype(float))[tables.scale_indices(40)[:16]].sum() * 100 / 8
    assert ExpectedSize([(np.zeros((0, HYPER_SIZE), np.int8), 100)], 16, tables)(40) == pytest.approx(wanted)
