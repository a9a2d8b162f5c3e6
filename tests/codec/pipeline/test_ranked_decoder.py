"""The decoder of ranked models: what no music has, and what no model of the kind lacks."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from codec.pipeline.ranked_decoder import RankedDecoder, dequantize, finite
from formats.errors import ModelError
from formats.grid import HYPER_SIZE
from formats.payload.chunk import ChunkLatents
from formats.payload.side_info import SideInfo


@pytest.mark.parametrize(
    ("given", "taken"),
    [(100, 100), (-1e6, -1e6), (np.nan, 0), (np.inf, 1e6), (-np.inf, -1e6), (1.5e6, 1e6), (-1.5e6, -1e6)],
)
def test_coefficients_beyond_any_music_are_taken_as_the_specification_says(given: float, taken: float) -> None:
    out = np.array([[-3, given, 0.5]], np.float32)
    assert finite(out) is out
    assert out.tolist() == [[-3, taken, 0.5]]


def test_a_decoder_without_a_noise_pattern_is_a_model_error() -> None:
    model, decoder = SimpleNamespace(name="music"), SimpleNamespace(name="standard", noise=None)
    with pytest.raises(ModelError, match="'standard' of model 'music' has no noise pattern"):
        RankedDecoder(*cast(Any, (model, decoder, None, None)))


def test_latents_without_ranks_are_a_model_error() -> None:
    latents = ChunkLatents(np.zeros((1, HYPER_SIZE), np.int8), np.zeros((3, 16), np.int32), SideInfo.empty(3))
    with pytest.raises(ModelError, match="no ranks"):
        dequantize(latents, 0, 0)
