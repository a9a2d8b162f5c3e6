"""The transform: a lapped orthonormal MDCT of 700 bands, 63 frames a second at 44.1 kHz.

A song of N samples has `frame_count(N)` frames. Frame f covers samples 700 (f - 1) to 700 (f + 1), so the first and the
last frame reach half a window into the zeros on either side and every sample is covered twice.

Source: Princen and Bradley 1986 (time-domain alias cancellation); the window is Vorbis's power-complementary one
(Vorbis I specification, section 1.3.2); the fold onto a DCT-IV follows Malvar 1992, chapter 5.
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from formats.grid import HOP

Float = NDArray[np.float32]

WINDOW: Float = np.sin(np.pi / 2 * np.sin(np.pi * (np.arange(2 * HOP) + 0.5) / (2 * HOP)) ** 2).astype(np.float32)


def forward(x: Float) -> Float:
    """Transform samples into frames.

    Shape:
        x: [C, (F + 1) 700] samples -> [C, 700, F] coefficients; the result is a view of frame-major memory.
    """
    frames = x.shape[1] // HOP - 1
    windows = np.lib.stride_tricks.sliding_window_view(x, 2 * HOP, axis=1)[:, : frames * HOP : HOP] * WINDOW
    a, b, c, d = np.split(windows, 4, axis=2)
    folded = np.concatenate([-c[..., ::-1] - d, a - b[..., ::-1]], axis=2)
    return scipy.fft.dct(folded, type=4, norm="ortho").transpose(0, 2, 1)


def inverse(coefficients: Float) -> Float:
    """Overlap-add of the aliased halves; exact inverse of `forward` except for the first and last 700 samples.

    Shape:
        coefficients: [C, 700, F] -> [C, (F + 1) 700]
    """
    channels, _, frames = coefficients.shape
    folded = scipy.fft.dct(coefficients.transpose(0, 2, 1), type=4, norm="ortho")
    upper, lower = folded[..., : HOP // 2], folded[..., HOP // 2 :]
    windows = np.concatenate([lower, -lower[..., ::-1], -upper[..., ::-1], -upper], axis=2) * WINDOW
    out = np.zeros((channels, (frames + 1) * HOP), np.float32)
    out[:, : frames * HOP] += windows[..., :HOP].reshape(channels, -1)
    out[:, HOP:] += windows[..., HOP:].reshape(channels, -1)
    return out
