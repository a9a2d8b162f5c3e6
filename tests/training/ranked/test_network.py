"""Networks: scales against the codec's integers, and what the decoder may do."""

from itertools import pairwise

import numpy as np
import torch

from codec.dsp import noise_filling
from formats.grid import COEFFICIENTS, HYPER_SIZE
from formats.model.scales import predict_scales, predict_vectors, scale_indices
from formats.model.tables import SIGMA_UNIT
from training.ranked.decoder_graph import INPUTS
from training.ranked.export import Reference, example
from training.ranked.network import Autoencoder
from training.ranked.start import EDGES
from training.ranked.tables import integer_part, noise_pattern
from training.ship.tiny import TINY, untrained


def test_scales_are_the_twin_of_the_integers() -> None:
    rng = np.random.default_rng(3)
    model = untrained()
    with torch.no_grad():
        for value in (model.scales.predictor, model.scales.offset, model.scales.bias):
            value.add_(0.02 * torch.from_numpy(rng.standard_normal(value.shape).astype(np.float32)))
        tables = integer_part(model)
        hyper = rng.integers(-20, 21, (84, HYPER_SIZE)).astype(np.int8)  # two segments
        scales = predict_scales(hyper, 252, tables)
        sigma = model.scales.log_sigma(torch.from_numpy(hyper.astype(np.float32))[None])
        loud, steady = model.scales.loudness(sigma)[0].numpy(), model.scales.steady.numpy()
        assert np.abs(steady).max() > 0.1
        # Entries are rounded to 1/2048 octave a hyper unit: half of that each, and of the offset.
        bound = (np.abs(hyper.astype(float)).sum(1).max() + 1) * 0.5 / 2048 + 1e-4
        error = np.abs(scales.sigma / SIGMA_UNIT - sigma[0].numpy())
        loud_error = np.abs(scales.loudness / SIGMA_UNIT - loud)
        assert error.max() < bound and loud_error.max() < bound
        assert np.sqrt((error**2).mean()) < 0.015  # what independent roundings add up to
        for gain in (-31, 0, 87):
            exact = model.scales.scale_index(sigma, model.scales.log_step(sigma, torch.tensor(-gain / 32)))[0].numpy()
            got = scale_indices(predict_vectors(hyper, tables), 252, gain, tables)
            near = 4 * (error + np.abs(steady) * loud_error) + 1e-3
            near += 0.004 * (np.abs(sigma[0].numpy()) + np.abs(loud))
            assert (np.abs(got - exact) <= 0.5 + near).all()
            clear = np.abs(exact % 1 - 0.5) > near
            assert clear.mean() > 0.8
            assert np.array_equal(got[clear], np.round(exact[clear]))


def test_loudness_is_the_mean_of_the_first_channel_s_bands() -> None:
    sigma = torch.randn(2, 5, COEFFICIENTS, generator=torch.Generator().manual_seed(1)) - 8
    got = Autoencoder(TINY).scales.loudness(sigma)
    assert got.shape == (2, 5, 1)
    bands = [sigma[..., low:high].mean(-1) for low, high in pairwise(EDGES)]
    torch.testing.assert_close(got[..., 0], torch.stack(bands).mean(0), rtol=0, atol=1e-5)


def test_the_decoder_knows_which_frames_are_long() -> None:
    model, inputs = untrained(), example(2, 40)
    *others, long, gain = inputs
    with torch.no_grad():
        short, some = (Reference(model)(*others, flags, gain) for flags in (torch.zeros_like(long), long))
        model.decoder.long.zero_()
        same = Reference(model)(*others, long, gain)
    assert 0 < long.float().mean() < 1
    changed = (short != some).any(-1)
    assert changed[(long & inputs[INPUTS.index("sent")])[..., 0]].all()
    assert not torch.equal(same, some)
    torch.testing.assert_close(same, short)


def test_a_decoder_leaves_large_values_their_precision() -> None:
    """However the heads were trained, a value of many steps moves by a step and a half at most."""
    model = Autoencoder(TINY).eval()
    torch.manual_seed(3)
    torch.nn.init.normal_(model.decoder.heads.weight, std=5.0)
    q = torch.randint(-500, 500, (1, 20, COEFFICIENTS)).float()
    sigma = torch.zeros_like(q)
    with torch.no_grad():
        y = model.decoder(q, sigma, sigma - 3, torch.ones_like(q), torch.zeros_like(q), torch.ones(1, 20))
    assert 0.5 < ((y - q / 8).abs() * 8).max() <= 1.5 + 1e-4


def test_noise_is_by_window_length_and_repeats() -> None:
    model, long = untrained(), torch.zeros(1, 2, 7, dtype=torch.bool)
    long[0, 0, 2:4] = True
    pattern = model.noise.pattern.detach()
    for first_unit in (0, 5):
        got = model.noise(long, first_unit)[0]
        assert got.shape == (252, COEFFICIENTS)
        for f in range(252):
            assert torch.equal(got[f], pattern[int(36 <= f < 72), (f + 18 * first_unit) % 126])


def test_noise_in_training_is_what_the_codec_fills_with() -> None:
    """A segment's number in the song says where the pattern begins."""
    model, long = untrained(), torch.zeros(1, 1, 7, dtype=torch.bool)
    long[0, 0, 2:4] = True
    frozen = noise_pattern(model)
    with torch.no_grad():
        model.noise.pattern.copy_(torch.from_numpy(frozen.astype(np.float32) / noise_filling.PATTERN_UNIT))
    played = noise_filling.pattern_noise(frozen, 126 * 4, long[0, 0].repeat_interleave(18).numpy())
    played = played.astype(np.float32) / noise_filling.PATTERN_UNIT
    np.testing.assert_array_equal(played, model.noise(long, 3 * 4 % 7)[0].detach().numpy())
