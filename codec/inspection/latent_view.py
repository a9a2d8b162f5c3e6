"""Data for `aez plot`: a file's latents and its decoded spectrogram on one time axis, pooled to a bounded width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from codec.pipeline import decode as decoding
from codec.pipeline.payload import check_tier, unpack
from codec.pipeline.plan import DecodePlan
from codec.pipeline.workers import Progress, engine_for_file
from codec.runtime import models
from formats import Chunk, Reader
from formats.errors import DamagedError, UsageError
from formats.grid import BANDS, HOP, HYPER_FRAMES, HYPER_MIN, ROTATION_ANGLES, SAMPLE_RATE, SEGMENT
from formats.payload.chunk import ChunkLatents

if TYPE_CHECKING:
    from codec.pipeline.workers import Engine
    from codec.runtime.models import Model

Array = NDArray[np.float32]

COLUMNS = 1200
"""Most columns of a picture; longer parts are averaged over time."""

ROWS = 256
"""Rows of a spectrogram, equally wide in mel."""

TOP = 22_050
"""Highest upper edge of a spectrogram, Hz; the codec carries nothing above."""

WINDOW = 2048 / SAMPLE_RATE
"""Seconds of a spectrogram's Hann window, rounded to a power of two in samples."""

QUIET = -120.0
"""Floor of a spectrogram in dB relative to full scale, shown for silence."""

HALF_OCTAVE = 20 * np.log10(2) / 2
"""dB of a step of a hyper latent."""

_FRAMES_A_SECOND = SAMPLE_RATE / HOP


@dataclass(frozen=True, eq=False)
class View:
    """Part of a song as pictures of T columns.

    Attributes:
        start, end: seconds of the part.
        left, right: seconds at the outer edges of the first and the last column.
        spectrogram: float32 [256, T], dB below full scale, mean over channels, row 0 the lowest; -120 and up.
        top: Hz at the spectrogram's upper edge.
        envelope: float32 [P, 24, T], hyper latents as dB, NaN in silence: mid, and side of a stereo file. P is 0 for
            a model without hyper latents.
        bands: float64 [24], Hz in the middle of the envelope's bands.
        main: float32 [M, T], mean magnitude of the quantization indices by rank.
    """

    start: float
    end: float
    left: float
    right: float
    spectrogram: Array
    top: float
    envelope: Array
    bands: NDArray[np.float64]
    main: Array


def view(
    reader: Reader,
    *,
    start: float = 0.0,
    duration: float | None = None,
    model: str | None = None,
    decoder: str | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> View:
    """Read latents and decode audio of a file that can seek, in memory that does not grow with its length.

    Args:
        reader: the file.
        start, duration: seconds; a part that extends beyond the song's end is cut there.
        model, decoder: as for `codec.pipeline.plan.DecodePlan.make`.
        engine: sessions and threads to share with other files.
        progress: called with the fraction done.

    Raises:
        UsageError: nothing lies between start and end; FormatError: the file is damaged; ModelError: its model is not
        installed, or has no such decoder; OSError as the file object raises it.
    """
    header = reader.header
    chosen = models.for_file(header.bitstream, model)
    check_tier(header, chosen)
    if reader.samples is None or not reader.complete:
        reader.verify()  # raises what else is wrong
        raise DamagedError("the file ends early: it has no trailer")
    seconds = reader.samples / header.sample_rate
    end = seconds if duration is None else min(seconds, start + duration)
    if not 0 <= start < end:
        why = f"the song lasts {seconds:g} s" if duration != 0 else "a part without length is asked for"
        raise UsageError(f"there is nothing to draw at {start:g} s: {why}")
    first, last = int(np.ceil(start * _FRAMES_A_SECOND - 0.5)), int(end * _FRAMES_A_SECOND + 0.5)
    frames = last + 1 - first
    width = -(-frames // COLUMNS)
    spectrogram = Spectrogram(header.sample_rate, round(start * header.sample_rate), first, frames, width)
    plan = DecodePlan.make(start=start, duration=end - start, model=model, decoder=decoder)
    with engine_for_file(engine) as running:
        decoding.decode(reader, spectrogram, plan, engine=running, progress=progress)
        envelope, main = _latents(reader, chosen, first, frames, width, running)
    bands = _band_centres(chosen) if len(envelope) else np.zeros(0)
    columns = -(-frames // width)
    left = (first - 0.5) / _FRAMES_A_SECOND
    right = left + columns * width / _FRAMES_A_SECOND
    return View(start, end, left, right, spectrogram.finish(), spectrogram.top, envelope, bands, main)


class Pool:
    """Averages rows of `frames` frames over columns of `width` frames each; NaN is left out of the average."""

    def __init__(self, rows: int, frames: int, width: int) -> None:
        self._width = width
        self._frames = frames
        self._sum = np.zeros((-(-frames // width), rows))
        self._count = np.zeros(self._sum.shape, np.int64)

    def add(self, first: int, values: Array) -> None:
        """Values [F, rows] of the frames from `first` on; frames outside are left out."""
        low, high = max(0, -first), max(0, min(len(values), self._frames - first))
        if low >= high:
            return
        values = values[low:high]
        column = (first + np.arange(low, high)) // self._width
        starts = np.flatnonzero(np.diff(column, prepend=-1))
        finite = np.isfinite(values)
        self._sum[column[starts]] += np.add.reduceat(np.where(finite, values, 0), starts, axis=0, dtype=np.float64)
        self._count[column[starts]] += np.add.reduceat(finite, starts, axis=0, dtype=np.int64)

    def mean(self) -> Array:
        """[rows, columns], NaN where nothing came."""
        out = np.full(self._sum.shape, np.nan)
        np.divide(self._sum, self._count, out=out, where=self._count > 0)
        return np.ascontiguousarray(out.T, np.float32)


class Spectrogram:
    """A sink that keeps a pooled power spectrum of what is written, at the latents' frames.

    Args:
        rate: Hz.
        origin: sample of the song that is written first.
        first, frames, width: the frames to show, `width` of them a column.
    """

    def __init__(self, rate: int, origin: int, first: int, frames: int, width: int) -> None:
        self.clipped = 0
        self.top = min(TOP, rate / 2)
        self._size = max(16, 1 << round(np.log2(rate * WINDOW)))
        self._pool = Pool(ROWS, frames, width)
        centres = np.rint((first + np.arange(frames)) * (rate / _FRAMES_A_SECOND)).astype(np.int64)
        self._starts = centres - origin - self._size // 2
        # Before the first sample, the first frame's window sees silence.
        self._position = min(0, int(self._starts[0]))
        self._buffer: Array | None = None
        self._done = 0
        window = np.hanning(self._size + 1)[:-1].astype(np.float32)
        self._window = window / np.float32(window.sum() / 2)
        self._weights = mel_weights(rate / self._size, self._size // 2 + 1, self.top)

    def write(self, block: Array) -> None:
        """Take the next samples [C, N]."""
        if self._buffer is None:
            self._buffer = np.zeros((len(block), -self._position), np.float32)
        samples = np.concatenate([self._buffer, block], 1)
        ready = int(np.searchsorted(self._starts, self._position + samples.shape[1] - self._size, "right"))
        for low in range(self._done, ready, 256):
            self._spectra(samples, low, min(low + 256, ready))
        self._done = max(self._done, ready)
        used = max(0, int(self._starts[min(self._done, len(self._starts) - 1)]) - self._position)
        self._buffer, self._position = samples[:, used:].copy(), self._position + used

    def _spectra(self, samples: Array, low: int, high: int) -> None:
        """Add the spectra of the frames from `low` to `high`, whose windows lie in `samples`."""
        windows = np.lib.stride_tricks.sliding_window_view(samples, self._size, axis=1)
        spectra = np.fft.rfft(windows[:, self._starts[low:high] - self._position] * self._window)
        power = (spectra.real**2 + spectra.imag**2).mean(0)
        self._pool.add(low, (power @ self._weights.T).astype(np.float32))

    def finish(self) -> Array:
        """The picture [256, T] in dB below full scale."""
        if self._done < len(self._starts):
            channels = 1 if self._buffer is None else len(self._buffer)
            self.write(np.zeros((channels, int(self._starts[-1]) + 2 * self._size - self._position), np.float32))
        decibels = 10 * np.log10(self._pool.mean() + 10 ** (QUIET / 10))
        return np.asarray(np.maximum(decibels, QUIET), np.float32)


def mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Hz -> mel, 2595 log10(1 + f / 700) (O'Shaughnessy 1987)."""
    return 2595 * np.log10(1 + np.asarray(hertz, np.float64) / 700)


def mel_weights(spacing: float, bins: int, top: float) -> Array:
    """Mean power density of rows equally wide in mel from 0 to `top` Hz.

    Shape:
        [256, bins]; every row sums to 1. A bin stands for `spacing` Hz around its frequency.
    """
    edges = 700 * (10 ** (np.linspace(0, mel(top), ROWS + 1) / 2595) - 1)
    low, high = (np.arange(bins) - 0.5) * spacing, (np.arange(bins) + 0.5) * spacing
    overlap = np.minimum(edges[1:, None], high) - np.maximum(edges[:-1, None], low)
    overlap = np.maximum(overlap, 0)
    return np.asarray(overlap / overlap.sum(1, keepdims=True), np.float32)


def _latents(reader: Reader, model: Model, first: int, frames: int, width: int, engine: Engine) -> tuple[Array, Array]:
    """Envelope [P, 24, T] and quantization indices [M, T] of the frames from `first` on, `width` of them a column."""
    header = reader.header
    main = Pool(model.main_count(header.latent), frames, width)
    envelope = Pool(2 * BANDS, frames, width)

    def unpacked(chunk: Chunk) -> tuple[int, ChunkLatents]:
        return chunk.first_frame, unpack(header, chunk, model)

    numbers = range(header.chunk_at(first), header.chunk_at(first + frames - 1) + 1)
    for frame, latents in engine.map(unpacked, map(reader.read, numbers)):
        main.add(frame - first, np.abs(latents.indices).astype(np.float32))
        if latents.hyper.size:
            envelope.add(frame - first, _decibels(latents))
    parts = header.channels if model.kind == "ranked" else 0
    return envelope.mean().reshape(2, BANDS, -1)[:parts], main.mean()


def _decibels(latents: ChunkLatents) -> Array:
    """Hyper latents [G, 48] -> mid and side in dB, a row a frame, NaN where a channel is silent: [F, 48]."""
    decibels = np.where(latents.hyper > HYPER_MIN, latents.hyper * HALF_OCTAVE, np.nan).astype(np.float32)
    angles = latents.side_info.rotation
    if angles.any():  # the two channels of a rotated band share little, so their powers nearly add up
        first, second = np.nan_to_num(10 ** (decibels / 10)).reshape(-1, 2, BANDS).transpose(1, 0, 2)
        by_vector = np.repeat(angles, SEGMENT // HYPER_FRAMES, axis=0)[: len(decibels)]
        share = np.cos(np.pi / ROTATION_ANGLES * by_vector) ** 2
        powers = np.stack([share * first + (1 - share) * second, share * second + (1 - share) * first], 1)
        decibels = 10 * np.log10(np.where(powers > 0, powers, np.nan)).reshape(decibels.shape).astype(np.float32)
    return np.repeat(decibels, HYPER_FRAMES, axis=0)[: len(latents.indices)]


def _band_centres(model: Model) -> NDArray[np.float64]:
    """Hz where each band of mid counts most in the model's predictor; the fourth power leaves little but the peak."""
    weight = np.maximum(model.ranked_tables.predictor[:BANDS, :HOP], 0).astype(np.float64) ** 4
    middle = (weight * (np.arange(HOP) + 0.5)).sum(1) / np.maximum(weight.sum(1), 1)
    return np.asarray(np.maximum.accumulate(middle) * SAMPLE_RATE / (2 * HOP), np.float64)
