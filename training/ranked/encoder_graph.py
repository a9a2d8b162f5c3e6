"""The encoder network laid out for ONNX Runtime: the same function as in `training.ranked.network`.

Tokens enter through a convolution that is as wide as its stride, so that no transposition moves single floats. From
there on ONNX Runtime keeps them in its own blocked layout. The logarithm has base e. `training.ranked.export` proves
parity.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from formats.grid import HOP, HYPER_FRAMES
from training.ranked.network import FLOOR_RMS, Encoder


class EncoderGraph(nn.Module):
    """`Encoder`: coefficients [B, T, 1400] -> hyper [B, T / 3, 48]."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor) -> Tensor:
        """T a multiple of 3."""
        part, trunk = self.encoder, self.encoder.trunk
        b, t, _ = x.shape
        plane = (torch.log(x.abs() + FLOOR_RMS) * 0.2 + 1.0).reshape(b, 1, 2 * t, HOP)  # rows: mid, side, mid, ...
        weight = trunk.enter.weight.reshape(-1, 1, 2, trunk.patch)
        tokens = functional.conv2d(plane, weight, trunk.enter.bias, stride=(2, trunk.patch)) + trunk.position
        for block in trunk.blocks:
            tokens = block(tokens)
        pooled = tokens.permute(0, 2, 1, 3).reshape(b, t // HYPER_FRAMES, HYPER_FRAMES, -1).mean(2)
        return part.envelope(x) + 2 * torch.tanh(part.hyper(pooled))
