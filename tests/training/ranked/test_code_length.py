"""Code lengths between the entries of their tables."""

import pytest
import torch

from formats.grid import SCALES
from formats.model.tables import MAGNITUDES
from training.ranked.code_length import code_length


def test_code_length_is_the_table_at_integers_and_linear_between() -> None:
    bits = torch.rand(SCALES, MAGNITUDES, generator=torch.Generator().manual_seed(0)) * 20
    scale_index, magnitude = torch.meshgrid(torch.arange(47.0), torch.arange(17.0), indexing="ij")
    got = code_length(magnitude.flatten(), scale_index.flatten(), bits)
    torch.testing.assert_close(got, bits[:47, :17].flatten(), rtol=0, atol=1e-4)
    one = torch.tensor([2.5]), torch.tensor([7.25])
    low, high = (bits[i, 2:4].mean() for i in (7, 8))
    torch.testing.assert_close(code_length(*one, bits), (0.75 * low + 0.25 * high)[None])
    large = code_length(torch.tensor([17.0, 24.0, 32.0]), torch.full((3,), 30.0), bits)
    assert large[1] - large[0] == pytest.approx(2 * 3, abs=1e-4)
    assert large[2] - large[0] == pytest.approx(2 * 4, abs=1e-4)
