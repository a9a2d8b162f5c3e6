"""The networks laid out for ONNX Runtime: the same functions as in `training.ranked.network`, in 60 % of their time.

Tokens enter through a convolution that is as wide as its stride, and leave through a matrix product and in whole runs
of a patch's bins, so that no transposition moves single floats. In between, ONNX Runtime keeps them in its own blocked
layout. Exponentials have base e, for which there is a vectorised kernel, and the factors of the planes are part of the
first weights. `training.ranked.export` proves parity.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from formats.grid import COEFFICIENTS, HOP, HYPER_FRAMES
from training.ranked.network import FLOOR_RMS, SCALED, UNSENT_RATIO, ZERO_RATIO, Autoencoder, Encoder, Trunk

LN2 = math.log(2)


def enter(trunk: Trunk, planes: list[Tensor], factors: tuple[float, ...], shift: Tensor | float = 0.0) -> Tensor:
    """The trunk on planes that its first weights multiply by `factors`: [B, T, 1400] each -> [B, W, T, P]."""
    b, t, _ = planes[0].shape
    x = torch.cat([plane.reshape(b, 1, 2 * t, HOP) for plane in planes], 1)  # rows: mid, side, mid, ...
    weight = trunk.enter.weight.reshape(-1, len(planes), 2, trunk.patch) * torch.tensor(factors)[:, None, None]
    x = functional.conv2d(x, weight, trunk.enter.bias, stride=(2, trunk.patch)) + (trunk.position + shift)
    for block in trunk.blocks:
        x = block(x)
    return x


def leave(trunk: Trunk, x: Tensor, layer: nn.Conv2d, planes: int) -> Tensor:
    """The 1 x 1 convolution `layer` and `trunk.unfold`: [B, W, T, P] -> [B, T, planes, 1400]."""
    b, _, t, _ = x.shape
    flat = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])  # one Gemm, bias and all
    y = functional.linear(flat, layer.weight[:, :, 0, 0], layer.bias)
    y = y.reshape(b, t, trunk.tokens, 2 * planes, trunk.patch).permute(0, 1, 3, 2, 4)
    return y.reshape(b, t, planes, COEFFICIENTS)


class EncoderGraph(nn.Module):
    """`Encoder`: coefficients [B, T, 1400] -> hyper [B, T / 3, 48]."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor) -> Tensor:
        """T a multiple of 3."""
        part = self.encoder
        b, t, _ = x.shape
        tokens = enter(part.trunk, [torch.log(x.abs() + FLOOR_RMS) * 0.2 + 1.0], (1.0,))
        pooled = tokens.permute(0, 2, 1, 3).reshape(b, t // HYPER_FRAMES, HYPER_FRAMES, -1).mean(2)
        return part.envelope(x) + 2 * torch.tanh(part.hyper(pooled))


class DecoderGraph(nn.Module):
    """`Decoder` as the codec calls it: the steps are computed from log_sigma and the file's gain inside the graph."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.scales, self.decoder = model.scales, model.decoder

    def forward(
        self, quantized: Tensor, log_sigma: Tensor, sent: Tensor, noise: Tensor, loudness: Tensor, long: Tensor,
        gain: Tensor,
    ) -> Tensor:  # fmt: skip
        """[B, T, 1400] four times, `sent` bool; loudness and bool long [B, T, 1], gain [1] -> [B, T, 1400]."""
        ln_sigma = log_sigma * LN2
        ln_step = self.scales.shape * ln_sigma + self.scales.steady * (loudness * LN2)
        ln_step = ln_step + (self.scales.bias + gain * (-1 / 32)) * LN2
        step, sigma = torch.exp(ln_step), torch.exp(ln_sigma)
        magnitude = quantized.abs()
        planes = [
            torch.clamp(quantized * (step / sigma), -4.0, 4.0),
            torch.log(1 + magnitude),
            ln_sigma - ln_step,
            ln_sigma + sent.to(sigma.dtype) * (8 * LN2),
        ]
        shift = self.decoder.long * long.to(sigma.dtype)[:, None]
        tokens = enter(self.decoder.trunk, planes, (1.0, 1.0, 0.5 / LN2, 0.125 / LN2), shift)
        factor, noise_gain, residual = leave(self.decoder.trunk, tokens, self.decoder.heads, 3).unbind(2)
        half, quarter = step * 0.5, step * ZERO_RATIO
        zero = torch.where(sent, torch.minimum(quarter, sigma), sigma * UNSENT_RATIO)
        more = step * 0.25 * torch.tanh(noise_gain).relu()
        amplitude = torch.where(magnitude < 0.5, zero * torch.exp(noise_gain.clamp(-4.0, 1.5)), more)
        bound = torch.where(sent, half, sigma)
        moved = half * torch.clamp(quantized, -SCALED, SCALED) * torch.tanh(factor)
        return quantized * step + moved + noise * amplitude + bound * torch.tanh(residual)
