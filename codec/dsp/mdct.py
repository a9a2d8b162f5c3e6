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


def frames(x: Float) -> Float:
    """Transform samples into frames.

    Shape:
        x: [C, (F + 1) 700] samples -> [F, C 700] coefficients, those of the first channel before those of the second.
    """
    parts = blocks(x, HOP)
    even, odd = fold(parts[:-1], parts[1:], _RISING, _FALLING)
    out = np.empty((*even.shape[:2], HOP), np.float32)
    out[..., ::2], out[..., 1::2] = even, odd
    return out.reshape(len(out), len(x) * HOP)


def samples(frames: Float, channels: int = 2) -> Float:
    """Overlap-add of the aliased halves; the exact inverse of `frames` except for the first and last 700 samples.

    Shape:
        frames: [F, C 700] -> [C, (F + 1) 700]
    """
    coefficients = frames.reshape(len(frames), channels, HOP)
    return unfold(coefficients[..., ::2], coefficients[..., 1::2], _RISING, _FALLING)


def forward(x: Float) -> Float:
    """`frames` with time as the last axis: [C, (F + 1) 700] samples -> [C, 700, F], a view of frame-major memory."""
    return frames(x).reshape(-1, len(x), HOP).transpose(1, 2, 0)


def inverse(coefficients: Float) -> Float:
    """`samples` of what `forward` gives: [C, 700, F] -> [C, (F + 1) 700]."""
    channels, hop, count = coefficients.shape
    return samples(coefficients.transpose(2, 0, 1).reshape(count, channels * hop), channels)


def blocks(x: Float, hop: int) -> Float:
    """Samples [C, B N] as blocks of one hop each: a view [B, C, N]."""
    return x.reshape(len(x), -1, hop).transpose(1, 0, 2)


def fold(early: Float, late: Float, rising: Float, falling: Float) -> tuple[Float, Float]:
    """The MDCT for any hop N, a multiple of 4: the window's halves fold 2 N samples to N, of which a DCT-IV is taken.

    Shape:
        early, late: [F, C, N], the block of samples under each half of a window; rising, falling: [N], or [F, N] for
        windows that differ -> even and odd coefficients, [F, C, N / 2] twice.
    """
    hop = rising.shape[-1]
    rising, falling = rising.reshape(-1, 1, hop), falling.reshape(-1, 1, hop)
    half, quarter = hop // 2, hop // 4
    # The two halves of the folded signal, the lower one reversed.
    lower = late[..., :half] * -falling[..., :half]
    lower -= late[..., : half - 1 : -1] * falling[..., : half - 1 : -1]
    upper = early[..., :half] * rising[..., :half]
    upper -= early[..., : half - 1 : -1] * rising[..., : half - 1 : -1]
    packed = np.empty((*early.shape[:2], half), np.complex64)
    packed.real[..., :quarter], packed.real[..., quarter:] = lower[..., ::-2], upper[..., ::2]
    packed.imag[..., :quarter], packed.imag[..., quarter:] = upper[..., ::-2], lower[..., ::2]
    return _dct_iv_packed(packed)


def unfold(even: Float, odd: Float, rising: Float, falling: Float) -> Float:
    """Inverse of `fold`, overlapped and added.

    Shape:
        even, odd: [F, C, N / 2]; rising, falling: as in `fold` -> [C, (F + 1) N]
    """
    count, channels, half = even.shape
    rising, falling = rising.reshape(-1, 1, 2 * half), falling.reshape(-1, 1, 2 * half)
    folded = np.empty((count, channels, 2 * half), np.float32)
    folded[..., ::2], folded[..., 1::2] = dct_iv(even, odd)
    upper, lower = folded[..., :half], folded[..., half:]
    out = np.empty((channels, count + 1, 2 * half), np.float32)
    early, late = out[:, :-1].transpose(1, 0, 2), out[:, 1:].transpose(1, 0, 2)
    np.multiply(lower, rising[..., :half], out=early[..., :half])
    np.multiply(lower[..., ::-1], -rising[..., half:], out=early[..., half:])
    out[:, -1] = 0
    late[..., :half] -= upper[..., ::-1] * falling[..., :half]
    late[..., half:] -= upper * falling[..., half:]
    return out.reshape(channels, -1)


def dct_iv(even: Float, odd: Float) -> tuple[Float, Float]:
    """Orthonormal DCT-IV over the last axis, its own inverse, of values x of any even length N.

    SciPy's DCT is a little faster, but loading SciPy takes as long as transforming ten minutes of music.

    Shape:
        even, odd: [..., N / 2], x[0], x[2] ... and x[1], x[3] ... -> even and odd coefficients, [..., N / 2] twice
    """
    packed = np.empty(even.shape, np.complex64)
    packed.real, packed.imag = even, odd[..., ::-1]
    return _dct_iv_packed(packed)


def _dct_iv_packed(packed: Complex) -> tuple[Float, Float]:
    """`dct_iv` of values that are packed as x[2 n] + i x[N - 1 - 2 n], [..., N / 2], which are overwritten."""
    before, after = _twiddles(2 * packed.shape[-1])
    packed *= before
    # Without a norm that scales, NumPy would calculate in double precision.
    spectrum: Complex = np.fft.fft(packed, norm="ortho").astype(np.complex64, copy=False)
    spectrum *= after
    return spectrum.imag, spectrum.real[..., ::-1]


@cache
def _twiddles(size: int) -> tuple[Complex, Complex]:
    """Factors before and after the FFT of a DCT-IV of `size` coefficients: complex64 [size / 2] twice.

    Those after it include a factor of i, so that neither the even nor the odd coefficients have to be negated.
    """
    n = np.arange(size // 2)
    before = np.exp(-1j * np.pi * n / size)
    return before.astype(np.complex64), (1j * before * np.exp(-0.25j * np.pi / size)).astype(np.complex64)
