"""The encoder network laid out for ONNX Runtime: the same function as in `training.ranked.network`.

Tokens enter through a convolution that is as wide as its stride, so that no transposition moves single floats, and that
scales the logarithms, so that no pass of its own does. From there on ONNX Runtime keeps tokens in its own blocked
layout. `training.ranked.export` proves parity.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from formats.grid import HOP, HYPER_FRAMES
from training.ranked.network import FLOOR_RMS, LOG_SCALE, Encoder


class EncoderGraph(nn.Module):
    """`Encoder`: coefficients [B, T, 1400] -> hyper [B, T / 3, 48]."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor) -> Tensor:
        """T a multiple of 3."""
        part, trunk = self.encoder, self.encoder.trunk
        b, t, _ = x.shape
        # Rows: mid and side of the first frame of a vector, of the second, of the third, ...
        plane = torch.log(x.abs() + FLOOR_RMS).reshape(b, 1, 2 * t, HOP)
        weight, size = trunk.enter.weight, (2 * HYPER_FRAMES, trunk.patch)
        bias = trunk.enter.bias + weight.sum((1, 2, 3))  # type: ignore[operator]
        tokens = functional.conv2d(plane, (LOG_SCALE * weight).reshape(-1, 1, *size), bias, stride=size)
        tokens = tokens + trunk.position
        for block in trunk.blocks:
            tokens = block(tokens)
        together = tokens.permute(0, 2, 1, 3).reshape(b, t // HYPER_FRAMES, -1)
        return part.envelope(x) + 2 * torch.tanh(part.hyper(together))
