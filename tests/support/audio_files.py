"""Synthesized audio files, written and read back."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.audio.open import open_source

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg here")


def music(samples: int, channels: int = 2, rate: int = 44100) -> np.ndarray:
    """[C, N] float32: a different tone in each channel, so that a swap shows."""
    time = np.arange(samples) / rate
    tones = [0.5 * np.sin(2 * np.pi * (220 + 110 * channel) * time) for channel in range(channels)]
    return np.stack(tones).astype(np.float32)


def write(path: Path, audio: np.ndarray, rate: int, subtype: str | None = None) -> Path:
    container = {".opus": "OGG", ".aif": "AIFF"}.get(path.suffix)
    soundfile.write(path, audio.T, rate, subtype=subtype, format=container)
    return path


def read(path: Path, size: int = 4096) -> np.ndarray:
    with open_source(path) as source:
        blocks = list(source.blocks(size))
        assert all(block.shape == (source.channels, size) for block in blocks[:-1])
        assert all(block.dtype == np.float32 and block.flags.c_contiguous for block in blocks)
        whole = np.concatenate(blocks, axis=1) if blocks else np.zeros((source.channels, 0), np.float32)
        assert source.samples in (None, whole.shape[1])
    return whole
