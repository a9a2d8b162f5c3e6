"""Tables counted on music."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from formats.grid import SCALES, TIERS, UNIT_SCALE, main_count
from formats.model.contexts import CLASSES, CONTEXTS
from formats.model.tables import PRECISION
from training.ranked.tables import code_lengths, count, noise_pattern
from training.ship.tiny import SyntheticMusic, untrained


@pytest.fixture(scope="module")
def counted() -> Any:
    """Tables and plain counts of the tiny model on two pieces."""
    return count(untrained(), SyntheticMusic(), 2)


def test_counted_tables_are_frequencies_of_the_music(counted: Any) -> None:
    tables, plain = counted
    for table in (tables.main, tables.hyper):
        assert table.min() >= 1
        assert (table.sum(-1, dtype=np.int64) == 1 << PRECISION).all()
    pairs = {sum(map(main_count, pair)) for pair in combinations(TIERS, 2)}  # every piece at two tiers
    assert plain.sum() / 630 in {a + b for a in pairs for b in pairs}
    seen = plain[:, 0] / np.maximum(plain.sum(1), 1)
    low, high = UNIT_SCALE - 10, UNIT_SCALE + 2
    assert seen[low] > 0.9 > 0.5 > seen[high]
    zero = tables.main[:, :, 0] / (1 << PRECISION)
    assert zero.shape == (CONTEXTS, SCALES)
    near = zero[1 : 1 + CLASSES, UNIT_SCALE]  # from quiet to loud neighbours in the next frames
    assert near[0] > near[3] > near[-1]
    lengths = code_lengths(tables, plain)
    assert (lengths["main"] > 0).all() and lengths["change"].shape == (56, 64)
    assert lengths["main"][low, 0] == pytest.approx(-math.log2(seen[low]), abs=0.02)
    assert lengths["main"][low, 1] > lengths["main"][high, 1]
    for group in range(8):  # what the bands below did is what is expected
        likely = np.exp2(-lengths["change"][[8 + group, 24 + group, 40 + group]]) @ (np.arange(64) - 32)
        assert (np.diff(likely) > 0).all(), (group, likely)


def test_the_noise_pattern_is_rounded_and_clipped() -> None:
    model = untrained()
    with torch.no_grad():
        model.noise.pattern[0, 3, 5] = 9.0
        model.noise.pattern[1, 3, 5] = 0.51 / 32
    frozen = noise_pattern(model)
    assert frozen.shape == (2, 126, 1400) and frozen.dtype == np.int8
    assert frozen[0, 3, 5] == 127 and frozen[1, 3, 5] == 1
    assert np.abs(frozen.astype(float)).max() == 127 and frozen.astype(float).std() == pytest.approx(32, rel=0.01)
