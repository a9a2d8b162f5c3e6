"""Learned noise: as training plays it, as it is frozen, and the pattern that it begins as."""

import numpy as np
import pytest
import torch

from codec.dsp import noise_filling, window_switching
from codec.dsp.window_switching import LONG
from formats.grid import COEFFICIENTS, HOP
from training.ranked import smooth_noise
from training.ranked.tables import integer_part, noise_pattern
from training.ship.tiny import untrained


def test_noise_is_by_block_length_and_goes_round() -> None:
    model, long = untrained(), torch.zeros(1, 2, 7, dtype=torch.bool)
    long[0, 0, 2:4] = True
    pattern = model.noise.pattern.detach()
    for place in (0, 5):
        got = model.noise(long, place)[0]
        assert got.shape == (252, COEFFICIENTS)
        for f in range(252):
            held = 36 <= f < 72
            assert torch.equal(got[f], pattern[int(held), (f + 18 * place) % 126])
    # As codec.dsp.noise_filling plays it: a segment's number says where the pattern begins.
    frozen = noise_pattern(pattern.numpy() + 0.1)
    assert frozen is not None
    with torch.no_grad():
        model.noise.pattern.copy_(torch.from_numpy(frozen.astype(np.float32) / noise_filling.PATTERN_UNIT))
    played = noise_filling.own(frozen, 126 * 4, long[0, 0].repeat_interleave(18).numpy())
    np.testing.assert_array_equal(played, model.noise(long[:, :1], 3 * 4 % 7)[0].detach().numpy())


def test_a_pattern_that_nothing_was_learned_of_is_not_frozen() -> None:
    assert integer_part(untrained()).noise is None
    model = untrained()
    with torch.no_grad():
        model.noise.pattern[0, 3, 5] = 9.0
        model.noise.pattern[1, 3, 5] = 0.51 / 32
    frozen = integer_part(model).noise
    assert frozen is not None and frozen[0, 3, 5] == 127 and frozen[1, 3, 5] == 1


@pytest.mark.parametrize("hop", [HOP, LONG])
def test_smooth_noise_fluctuates_less_than_chance(hop: int) -> None:
    pattern, before, after = smooth_noise.smooth(hop, 6)
    assert pattern.shape == (126, COEFFICIENTS)
    assert after < 0.95 * before
    x = smooth_noise.sound(pattern, hop)
    # The ring is closed: what the codec's inverse makes of three rounds holds the same samples in its middle.
    three = torch.cat([pattern] * 3).numpy() * smooth_noise.QUIET
    held = np.full((3, 7), hop == LONG)
    if hop == LONG:
        wanted = window_switching.inverse(three)[:, 127 * HOP : 250 * HOP]
    else:
        wanted = window_switching.inverse_transform(three, held)[:, 127 * HOP : 250 * HOP]
    start = (127 - 126 + 18) * HOP - hop + (HOP // 2 if hop == LONG else 0)  # which long blocks begin earlier by
    np.testing.assert_allclose(x[:2, start : start + wanted.shape[1]], wanted, atol=1e-5)
