"""Framing for plain time-domain models, which use windows of raw samples instead of the MDCT.

Frame f covers samples 700 (f - 1) to 700 (f + 1), as in `codec.dsp.mdct`, so every sample is covered by two frames,
whose contributions add on the way back. The networks apply whatever window and cross-fade they have learned.
"""

import numpy as np

from codec.dsp.mdct import Float
from formats.grid import HOP


def forward(x: Float) -> Float:
    """Cut samples into frames of 1400 samples of each channel.

    Shape:
        x: [C, (F + 1) 700] samples -> [F, C 1400]
    """
    blocks = x.reshape(len(x), -1, HOP)
    return np.concatenate([blocks[:, :-1], blocks[:, 1:]], 2).transpose(1, 0, 2).reshape(blocks.shape[1] - 1, -1)


def inverse(frames: Float, channels: int = 2) -> Float:
    """Overlap and add frames; the first and the last 700 samples lack the contribution of the frames beyond.

    Shape:
        frames: [F, C 1400] -> [C, (F + 1) 700]
    """
    halves = frames.reshape(len(frames), channels, 2, HOP)
    out = np.zeros((channels, len(frames) + 1, HOP), np.float32)
    out[:, :-1] = halves[:, :, 0].transpose(1, 0, 2)
    out[:, 1:] += halves[:, :, 1].transpose(1, 0, 2)
    return out.reshape(channels, -1)
