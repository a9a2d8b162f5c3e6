"""The lengths of chunks: they grow at the beginning of a song."""

from itertools import accumulate, pairwise

import pytest

from formats.grid import MAX_CHUNK, SEGMENT, chunk_at, chunk_count, chunk_length, chunk_start, nominal_kbps


def test_chunks_double_up_to_the_longest() -> None:
    assert [chunk_length(index, 5 * SEGMENT) // SEGMENT for index in range(6)] == [1, 2, 4, 5, 5, 5]
    assert [chunk_length(index, SEGMENT) // SEGMENT for index in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("longest", range(SEGMENT, MAX_CHUNK + 1, SEGMENT))
def test_starts_and_counts_follow_from_the_lengths(longest: int) -> None:
    lengths = [chunk_length(index, longest) for index in range(12)]
    starts = [0, *accumulate(lengths)]
    assert [chunk_start(index, longest) for index in range(13)] == starts
    for index, (start, end) in enumerate(pairwise(starts)):
        assert {chunk_at(start, longest), chunk_at(start + 1, longest), chunk_at(end - 1, longest)} == {index}
        assert [chunk_count(frames, longest) for frames in (start + 1, end)] == [index + 1] * 2
    assert chunk_count(0, longest) == 0
    assert chunk_at(chunk_start(2**32, longest), longest) == 2**32


@pytest.mark.parametrize(("latent", "kbps"), [(32, 7.875), (128, 31.5), (1024, 252)])
def test_the_ceiling_is_four_bits_a_latent_in_units_of_1024_bits(latent: int, kbps: float) -> None:
    assert nominal_kbps(latent) == kbps
