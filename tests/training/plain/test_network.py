"""Plain networks: frames, blocks, PCA as the start, receptive fields, sizes."""

import json

import numpy as np
import pytest
import torch

from codec.dsp import framing
from formats.grid import HOP
from training.data.songs import song
from training.plain import train
from training.plain.network import (
    DEFAULTS,
    Block,
    PlainAutoencoder,
    PlainConfig,
    compress,
    expand,
    overlap_add,
    windows,
)
from training.ship.tiny import PLAIN, untrained_plain

KINDS = sorted(PLAIN)


@pytest.fixture(scope="module")
def models() -> dict[str, PlainAutoencoder]:
    return {kind: untrained_plain(kind) for kind in KINDS}


def test_compression_comes_back_and_has_a_gradient_at_zero() -> None:
    x = torch.linspace(-3, 3, 101)
    torch.testing.assert_close(expand(compress(x)), x)
    torch.testing.assert_close(train.compress_safely(x), compress(x), rtol=1e-4, atol=2e-3)
    zero = torch.zeros(3, requires_grad=True)
    train.compress_safely(zero).sum().backward()
    assert torch.isfinite(zero.grad).all()  # type: ignore[arg-type]


def test_windows_are_those_of_the_codec_and_add_up() -> None:
    x = song(0.3, seed=4)[:, : 9 * HOP]
    cut = windows(torch.from_numpy(x.copy())[None])
    np.testing.assert_array_equal(cut[0].numpy(), framing.forward(x))
    np.testing.assert_allclose(overlap_add(cut / 2)[0].numpy(), x[:, HOP:-HOP], atol=1e-7)


def test_a_block_starts_as_identity_and_follows_loudness() -> None:
    torch.manual_seed(0)
    block, x = Block(6, 5, 5), torch.randn(2, 9, 6) * 10
    assert torch.equal(block(x), x)
    torch.nn.init.normal_(block.down.weight)
    torch.testing.assert_close(block(100 * x), 100 * block(x), rtol=1e-3, atol=1e-2)
    # Its filter over time, against a convolution.
    torch.nn.init.normal_(block.taps)
    normal = x / torch.sqrt(x.square().mean(2, keepdim=True) + 1e-4)
    wanted = torch.nn.functional.conv1d(normal.transpose(1, 2), block.taps.T[:, None], padding=2, groups=6)
    size = torch.sqrt(x.square().mean(2, keepdim=True) + 1e-4)
    torch.testing.assert_close(block(x), x + size * block.down(torch.relu(block.up(wanted.transpose(1, 2)))))


@pytest.mark.parametrize("kind", KINDS)
def test_the_receptive_field_is_what_decides_a_frame(kind: str, models: dict[str, PlainAutoencoder]) -> None:
    model, field = models[kind], PLAIN[kind].receptive_field
    for part, size in ((model.encoder, PLAIN[kind].size), (model.decoder, max(PLAIN[kind].latents))):
        x = torch.randn(1, 21, size, generator=torch.Generator().manual_seed(0))
        x.requires_grad_()
        part(x)[0, 10].square().sum().backward()
        touched = x.grad[0].abs().sum(1).nonzero().flatten()  # type: ignore[index]
        assert (touched.min(), touched.max()) == (10 - field, 10 + field)


def test_sizes_of_the_study() -> None:
    time, dense = DEFAULTS["time"], DEFAULTS["dense"]
    assert 8 * max(time.latents) == 2 * HOP  # eight times fewer numbers than samples
    assert dense.latents == (32, 64, 128, 256, 512)
    for config in (time, dense):
        model = PlainAutoencoder(config)
        multiplies = sum(value.numel() for part in (model.encoder, model.decoder) for value in part.parameters())
        assert 63 * multiplies / 2 < 0.2e9  # a stereo second, each way
        assert PlainConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config
