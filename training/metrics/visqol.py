"""ViSQOL, Google's model of a listening test (opinion scores from 1 to 5), through the package visqol-python."""

import hashlib
import os
from collections import OrderedDict
from functools import lru_cache
from typing import Any

import numpy as np
import soxr

from training.metrics.spectral import FloatArray

SHORTEST = 46_080  # samples at 48 kHz, 45 frames of its spectrogram; shorter clips have no patch
_REMEMBERED = 4096  # spectrograms; those of 50 clips of 10 s fit, in 100 MB at most


def visqol(reference: FloatArray, decoded: FloatArray, sample_rate: int = 44100) -> float:
    """ViSQOL's audio mode, as its authors recommend: mono at 48 kHz. Higher is better; a perfect copy scores 4.73.

    The result is nan if the reference is silent or lasts less than 0.96 s. The spectrograms of references are
    cached, which halves the time for many systems on few clips.

    Shape:
        - reference, decoded: [C, N], equal
    """
    a, b = (np.asarray(resample(fold(x)[None], sample_rate, 48000)[0], np.float64) for x in (reference, decoded))
    if not a.any() or len(a) < SHORTEST:
        return float("nan")
    if not b.any():
        return 1.0
    return float(_audio_mode().measure_from_arrays(a, b, 48000).moslqo)


def fold(x: FloatArray) -> FloatArray:
    """Mean of the channels: [C, N] -> [N]."""
    return np.asarray(x.mean(axis=0), x.dtype)


def resample(x: FloatArray, from_rate: int, to_rate: int) -> FloatArray:
    """[C, N] at one rate -> [C, M] at the other, at soxr's highest quality."""
    return np.ascontiguousarray(np.asarray(soxr.resample(x.T, from_rate, to_rate, "VHQ")).T)


@lru_cache(maxsize=1)
def _audio_mode() -> Any:
    # The package compiles its gammatone filters with numba if that is installed. One thread, unless the caller has
    # chosen otherwise: parallel clips are faster than parallel filters.
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="audio")
    # Half of the time goes into spectrograms of the reference and its patches, which are the same every time. The
    # package has no cache for them. If its internals change, only the speed is lost.
    builder = getattr(getattr(api, "_manager", None), "spect_builder", None)
    if builder is not None and hasattr(builder, "build"):
        builder.build = _Remembering(builder.build)
    return api


class _Remembering:
    """A spectrogram builder that returns the same result for the same samples; callers do not change it."""

    def __init__(self, build: Any) -> None:
        self._build = build
        self._kept: OrderedDict[bytes, Any] = OrderedDict()

    def __call__(self, signal: Any, window: Any) -> Any:
        key = hashlib.blake2b(signal.data.tobytes(), digest_size=16).digest() + str(window.size).encode()
        if key not in self._kept:
            self._kept[key] = self._build(signal, window)
        self._kept.move_to_end(key)
        if len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)
        return self._kept[key]
