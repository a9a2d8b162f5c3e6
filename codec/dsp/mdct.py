"""The transform: an orthonormal MDCT of 700 coefficients, 63 frames a second at 44.1 kHz.

A song of N samples has `frame_count(N)` frames. Frame f covers samples 700 (f - 1) to 700 (f + 1), so every sample is
covered by two frames, and half the window of the first and of the last frame lies over zeros outside the song.

Source: Princen and Bradley 1986 (time-domain alias cancellation). The window is Vorbis's power-complementary one
(Vorbis I specification, section 1.3.2). The fold onto a DCT-IV follows Malvar 1992, chapter 5, and so does the DCT-IV
by an FFT of half its length.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from formats.grid import HOP

Float = NDArray[np.float32]
Complex = NDArray[np.complex64]


def window(hop: int) -> Float:
    """The window of a transform of `hop` coefficients: [2 hop]."""
    return np.sin(np.pi / 2 * np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop)) ** 2).astype(np.float32)


WINDOW = window(HOP)
_RISING, _FALLING = WINDOW[:HOP], WINDOW[HOP:]


def forward(x: Float) -> Float:
    """Transform samples into frames.

    Shape:
        x: [C, (F + 1) 700] samples -> [C, 700, F] coefficients, a view of frame-major memory.
    """
    return fold(x, _RISING, _FALLING).transpose(0, 2, 1)


def frames(x: Float) -> Float:
    """`forward` in the frame-major layout of the codec.

    Shape:
        x: [2, (F + 1) 700] mid and side -> [F, 1400], mid's coefficients before side's.
    """
    return forward(x).transpose(2, 0, 1).reshape(-1, 2 * HOP)


def inverse(coefficients: Float) -> Float:
    """Overlap-add of the aliased halves; the exact inverse of `forward` except for the first and last 700 samples.

    Shape:
        coefficients: [C, 700, F] -> [C, (F + 1) 700]
    """
    return unfold(coefficients.transpose(0, 2, 1), _RISING, _FALLING)


def fold(x: Float, rising: Float, falling: Float) -> Float:
    """The MDCT for any hop N: the window's halves fold 2 N samples to N, of which a DCT-IV is taken.

    Shape:
        x: [C, (F + 1) N]; rising, falling: [N], or [F, N] for windows that differ -> [C, F, N], a view of frame-major
        memory.
    """
    hop = rising.shape[-1]
    blocks = x.reshape(len(x), -1, hop)
    half = hop // 2
    early, late = blocks[:, :-1], blocks[:, 1:]
    folded = np.empty((early.shape[1], len(x), hop), np.float32).transpose(1, 0, 2)
    lower, upper = folded[..., :half], folded[..., half:]
    np.multiply(late[..., half - 1 :: -1], falling[..., half - 1 :: -1], out=lower)
    lower += late[..., half:] * falling[..., half:]
    np.negative(lower, out=lower)
    np.multiply(early[..., :half], rising[..., :half], out=upper)
    upper -= early[..., : half - 1 : -1] * rising[..., : half - 1 : -1]
    return dct_iv(folded, out=folded)


def unfold(coefficients: Float, rising: Float, falling: Float) -> Float:
    """Inverse of `fold`, overlapped and added.

    Shape:
        coefficients: [C, F, N]; rising, falling: as in `fold` -> [C, (F + 1) N]
    """
    channels, frames, hop = coefficients.shape
    folded = dct_iv(coefficients)
    half = hop // 2
    upper, lower = folded[..., :half], folded[..., half:]
    out = np.empty((channels, frames + 1, hop), np.float32)
    np.multiply(lower, rising[..., :half], out=out[:, :-1, :half])
    np.multiply(lower[..., ::-1], -rising[..., half:], out=out[:, :-1, half:])
    out[:, -1] = 0
    out[:, 1:, :half] -= upper[..., ::-1] * falling[..., :half]
    out[:, 1:, half:] -= upper * falling[..., half:]
    return out.reshape(channels, -1)


def dct_iv(x: Float, out: Float | None = None) -> Float:
    """Orthonormal DCT-IV over the last axis, of any even length N; it is its own inverse.

    NumPy's FFT calculates in single precision only where a norm scales it. SciPy's DCT is a little faster, but loading
    it takes as long as coding ten minutes of music.

    Shape:
        x: [..., N] -> [..., N], in `out` if given, which may be x
    """
    before, after = _twiddles(x.shape[-1])
    packed = np.empty((*x.shape[:-1], len(before)), np.complex64)
    packed.real, packed.imag = x[..., ::2], x[..., ::-2]
    packed *= before
    packed = np.fft.fft(packed, norm="ortho")
    packed *= after
    out = np.empty(x.shape, np.float32) if out is None else out
    out[..., ::2] = packed.real
    np.negative(packed.imag, out=out[..., ::-2])
    return out


@cache
def _twiddles(size: int) -> tuple[Complex, Complex]:
    """Factors before and after the FFT of a DCT-IV of `size` coefficients: complex64 [size / 2] twice."""
    n = np.arange(size // 2)
    before = np.exp(-1j * np.pi * n / size)
    return before.astype(np.complex64), (before * np.exp(-0.25j * np.pi / size)).astype(np.complex64)
