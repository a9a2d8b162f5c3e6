"""The trellis of training against the codec's, and the contexts it needs."""

import numpy as np
import torch

from codec.quantization import hyper_trellis
from formats.grid import HYPER_SIZE
from formats.model.tables import BAND_GROUPS, CHANGE_CONTEXTS, HYPER_SYMBOLS
from formats.payload import hyper_latents
from training.ranked import trellis

BITS = np.random.default_rng(0).uniform(1, 12, (CHANGE_CONTEXTS * BAND_GROUPS, HYPER_SYMBOLS)).astype(np.float32)


def test_every_segment_takes_the_path_that_the_codec_takes() -> None:
    """Slow and fast changes, values beyond the range, and what is no number."""
    rng = np.random.default_rng(1)
    steps = rng.normal(0, [[[0.3]], [[2.0]]], (2, 84, HYPER_SIZE))
    hyper = (np.cumsum(steps, 1) + rng.normal(-10, 8, (2, 1, HYPER_SIZE))).astype(np.float32)
    hyper[1, 5:9, 3], hyper[1, 50, 7] = 90, np.nan
    found = trellis.trellis_quantize(torch.from_numpy(hyper), torch.from_numpy(BITS)).numpy()
    wanted = [hyper_trellis.trellis_quantize(item, BITS) for item in hyper]
    assert np.array_equal(found, wanted)
    assert (found != np.rint(hyper)).mean() > 0.05


def test_of_equal_paths_the_same_is_taken() -> None:
    """All costs are equal, and so are the errors of two candidates."""
    hyper = np.full((1, 42, HYPER_SIZE), 0.5, np.float32)
    bits = np.ones_like(BITS)
    found = trellis.trellis_quantize(torch.from_numpy(hyper), torch.from_numpy(bits)).numpy()
    assert np.array_equal(found[0], hyper_trellis.trellis_quantize(hyper[0], bits))


def test_contexts_are_those_of_the_format() -> None:
    change = np.random.default_rng(2).integers(-62, 63, (200, HYPER_SIZE))
    found = trellis.table_rows(torch.from_numpy(change).float()).numpy()
    assert np.array_equal(found, hyper_latents.table_rows(change))
