"""Context modelling: every frame in one pass, and louder neighbours in a higher class."""

import numpy as np

from formats.grid import COEFFICIENTS, SCALES
from formats.model import contexts


def test_every_frame_is_coded_in_exactly_one_pass_and_contexts_stay_in_range() -> None:
    rng = np.random.default_rng(2)
    for frames in (1, 2, 8, 15, 16, 17, 126, 131):
        scale_index = np.sort(rng.integers(0, SCALES, (frames, 30)).astype(np.uint8), 1)[:, ::-1]
        position = np.argsort(rng.random((frames, COEFFICIENTS)), 1)[:, :30]
        magnitude = rng.integers(0, contexts.LARGEST + 1, (frames, COEFFICIENTS)).astype(np.uint8)
        numbers = np.arange(frames * 30).reshape(frames, 30)
        parts = list(contexts.passes(scale_index, position, magnitude))
        assert np.array_equal(np.sort(np.concatenate([part.sort(numbers) for part in parts])), numbers.ravel())
        assert sum(part.counts.sum() for part in parts) == frames * 30
        assert {len(part.counts) for part in parts} == {contexts.CONTEXTS * SCALES}


def test_sorting_is_undone() -> None:
    rng = np.random.default_rng(3)
    scale_index = rng.integers(0, SCALES, (20, 30)).astype(np.uint8)
    values = rng.integers(-9, 9, (20, 30)).astype(np.int32)
    position, magnitude = np.tile(np.arange(30), (20, 1)), np.zeros((20, COEFFICIENTS), np.uint8)
    for part in contexts.passes(scale_index, position, magnitude):
        assert np.array_equal(part.unsort(part.sort(values), 30), values[part.frames])
        # Without neighbours there is one context per pass, so main latents are sorted by scale index alone.
        assert (np.diff(part.sort(scale_index).astype(int)) >= 0).all()


def test_magnitudes_count_as_15_at_most() -> None:
    assert contexts.small(np.array([0, 14, 15, 16, 2**23])).tolist() == [0, 14, 15, 15, 15]


def test_a_pass_has_neighbours_for_each_of_its_frames() -> None:
    for frames in range(20):
        magnitude = np.ones((frames, COEFFICIENTS), np.uint8)
        for distance in contexts.DISTANCES:
            assert len(contexts.neighbours(magnitude, distance)) == len(range(distance, frames, 2 * distance))


def test_louder_neighbours_mean_a_higher_class() -> None:
    quiet, loud = np.zeros((3, COEFFICIENTS), np.uint8), np.full((3, COEFFICIENTS), contexts.LARGEST, np.uint8)
    assert (contexts.contexts(contexts.neighbours(quiet, 1), 1) == 1).all()
    assert (contexts.contexts(contexts.neighbours(loud, 1), 1) == contexts.CLASSES).all()
