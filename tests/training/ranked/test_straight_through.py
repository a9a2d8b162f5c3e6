"""Quantizers of training against those of the codec."""

from typing import Any

import numpy as np
import pytest
import torch

from codec.quantization.rdoq import decide
from formats.grid import COEFFICIENTS, SCALES, SEGMENT, main_count
from formats.model.scales import ranks
from training.ranked import straight_through
from training.ranked.straight_through import choose_sent
from training.ranked.tables import code_lengths, count
from training.ship.tiny import SyntheticMusic, untrained


@pytest.fixture(scope="module")
def counted() -> Any:
    """Tables and plain counts of the tiny model on two pieces."""
    return count(untrained(), SyntheticMusic(), 2)


def test_what_training_sends_is_what_a_file_sends() -> None:
    scale_index = np.random.default_rng(4).integers(0, SCALES, (2, 5, COEFFICIENTS)).astype(np.uint8)
    mains = [main_count(32), main_count(512)]
    real = scale_index + np.random.default_rng(5).uniform(-0.49, 0.49, scale_index.shape)
    got = choose_sent(torch.from_numpy(real.astype(np.float32)), torch.tensor(mains)).numpy()
    for mask, item, main in zip(got, scale_index, mains, strict=True):
        wanted = np.zeros(item.shape)
        np.put_along_axis(wanted, ranks(item, np.arange(COEFFICIENTS), main)[1], 1, 1)
        assert np.array_equal(mask, wanted)
        assert (mask.sum(1) == main).all()


def test_training_decides_as_the_encoder_does(counted: Any) -> None:
    limits, rng = code_lengths(*counted)["limits"], np.random.default_rng(2)
    position = np.tile(np.arange(0, COEFFICIENTS, 3), (2 * SEGMENT, 1))
    value = np.zeros((1, 2 * SEGMENT, COEFFICIENTS), np.float32)
    value[0, :, ::3] = rng.laplace(0, 1.5, position.shape)
    scale_index = rng.integers(0, SCALES, value.shape)
    passed = torch.from_numpy(value).requires_grad_()
    got = straight_through.decide(passed, torch.from_numpy(scale_index).float(), torch.from_numpy(limits))
    wanted = decide(value[0, :, ::3], scale_index[0, :, ::3].astype(np.uint8), position, limits)
    assert np.array_equal(got.detach()[0, :, ::3].numpy(), wanted)
    got.sum().backward()
    assert passed.grad is not None and (passed.grad == 1).all()
