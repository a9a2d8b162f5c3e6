"""Noise filling: the pattern of a frame follows from its number and its window length alone."""

import numpy as np
import pytest
from numpy.typing import NDArray

from codec.dsp.noise_filling import pattern_noise
from formats.grid import COEFFICIENTS, SEGMENT


@pytest.fixture(scope="module")
def pattern() -> NDArray[np.int8]:
    """A pattern whose rows all differ."""
    return np.random.default_rng(0).integers(-128, 128, (2, SEGMENT, COEFFICIENTS)).astype(np.int8)


def test_every_frame_is_a_row_of_the_pattern_shifted_by_its_segment(pattern: NDArray[np.int8]) -> None:
    long = np.zeros(400, np.bool_)
    long[54:90] = True
    got = pattern_noise(pattern, 100, long)
    assert got.dtype == np.int8 and got.shape == (400, COEFFICIENTS)
    for f, is_long in enumerate(long):
        segment, frame = divmod(100 + f, 126)
        wanted = pattern[int(is_long), (frame + 18 * ((3 * segment) % 7)) % 126]
        assert np.array_equal(got[f], wanted)


def test_each_of_seven_segments_begins_with_another_unit_and_then_they_repeat(pattern: NDArray[np.int8]) -> None:
    starts = [pattern_noise(pattern, SEGMENT * number, np.zeros(1, np.bool_))[0] for number in range(8)]
    assert len({row.tobytes() for row in starts[:7]}) == 7
    assert np.array_equal(starts[7], starts[0])


@pytest.mark.parametrize(("first", "count"), [(0, 1), (125, 2), (126, 126), (100, 300), (622, 646)])
def test_noise_does_not_depend_on_where_decoding_starts(pattern: NDArray[np.int8], first: int, count: int) -> None:
    long = np.random.default_rng(1).random(first + count) < 0.5
    whole = pattern_noise(pattern, 0, long)
    assert np.array_equal(pattern_noise(pattern, first, long[first:]), whole[first:])
