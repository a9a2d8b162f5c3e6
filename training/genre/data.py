"""What genre classifiers learn from: a song's integers at several tiers, the encoder's own features, and MFCCs.

Everything is worked out once a song, thirty seconds from its middle, and cached as .npy files under the model's id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.signal import ShortTimeFFT

from codec.cli.terminal import progress
from codec.dsp.gain_control import apply_gain_control
from codec.dsp.mdct import Float
from codec.dsp.stereo import sum_difference
from codec.files import new_file
from codec.inspection.genre import features
from codec.pipeline.chunks import Windower
from codec.pipeline.ranked_encoder import ENCODER_CONTEXT, analysis_values, rotated
from codec.quantization.hyper_trellis import change_code_lengths
from codec.quantization.quantize import quantize, quantize_hyper
from codec.runtime.classifiers import FEATURES
from codec.runtime.models import Model
from codec.runtime.session import Network
from formats.container.layout import VERSION
from formats.grid import HOP, HYPER_FRAMES, SAMPLE_RATE, hyper_count
from formats.model.scales import GROUP, best, predict_scales
from formats.payload.chunk import Latents
from training.metrics.mel import mel_filters

if TYPE_CHECKING:
    from training.data.collection import Track

SECONDS = 30
"""Music of a song that is used, as long as FMA's clips."""

LEARNED_TIERS = (32, 128, 512)
"""Tiers whose integers a classifier learns from, so that it knows files of any."""

SMALL = 4096
"""Bytes up to which a file is not worth mapping."""

VOTES = 5
"""Segments that decide a song's label."""

MFCCS, MELS, WINDOW = 20, 64, 2048


@dataclass(frozen=True, eq=False)
class Song:
    """One labelled song.

    Attributes:
        track: where it comes from.
        label: its genre's place among the classes.
        heard: features of its integers, [G, 152] for each codec model and tier; see `codec.inspection.genre.features`.
        tokens: the encoder's features before its hyper latents, [G, W]; [G, 0] where the graph does not show them.
        mfcc: [F, 20], 63 frames a second.
    """

    track: Track
    label: int
    heard: tuple[NDArray[np.float16], ...]
    tokens: NDArray[np.float16]
    mfcc: NDArray[np.float16]

    @property
    def artist(self) -> str:
        """The artist, or a name of its own where nobody knows."""
        return self.track.artist or f"song {self.track.name}"


def tapped(graph: bytes) -> tuple[bytes, str]:
    """An encoder graph with one more output: what its hyper latents are a linear function of; and its name.

    The name is "" where the graph has no layer called hyper.
    """
    model = onnx.load_from_string(graph)
    made = {name: node for node in model.graph.node for name in node.output}
    layer = next((node for node in model.graph.node if any(name.endswith("hyper.bias") for name in node.input)), None)
    while layer is not None and layer.op_type not in ("MatMul", "Gemm"):
        layer = next((made[name] for name in layer.input if name in made), None)
    if layer is None:
        return graph, ""
    name = layer.input[0]
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    return bytes(model.SerializeToString()), str(name)


class Listener:
    """Songs -> features of their integers and of the encoder, with one model. Calls may come from several threads."""

    def __init__(self, model: Model, tiers: Sequence[int], cache: Path) -> None:
        told = "-".join(f"{tier}.{model.gain(tier)}" for tier in tiers)
        self._folder = cache / f"genre-{FEATURES}-{VERSION}-{SECONDS}-{model.id.hex()}-{told}"
        graph, self._tap = tapped(model.encoder)
        self._network = Network(graph, {"coefficients"}, "cpu")
        self._tables, self._long = model.tables, model.long_blocks
        self._bits = change_code_lengths(self._tables.hyper)
        self._tiers = [(model.main_count(tier), model.gain(tier)) for tier in tiers]

    def __call__(self, samples: Float) -> tuple[Float, Float]:
        """Left and right [2, N] at 44.1 kHz -> heard [tiers, G, 152], tokens [G, W]."""
        middle = sum_difference(samples) * np.float32(0.5)
        windower = Windower(ENCODER_CONTEXT)
        heard: list[list[Float]] = []
        tokens: list[Float] = []
        for window in (*windower.push(apply_gain_control(middle)), *windower.finish(samples.shape[1])):
            # As `codec.pipeline.ranked_encoder.RankedEncoder`, which keeps the network's other outputs to itself.
            coefficients, *_ = rotated(window, self._long)
            out = self._network(coefficients=coefficients[None])
            groups = hyper_count(window.frames)
            core = slice(ENCODER_CONTEXT // HYPER_FRAMES, ENCODER_CONTEXT // HYPER_FRAMES + groups)
            hyper = quantize_hyper(out["hyper"][0, core], coefficients[ENCODER_CONTEXT : ENCODER_CONTEXT + HYPER_FRAMES * groups], self._bits)
            analysis = analysis_values(out, coefficients)[ENCODER_CONTEXT : ENCODER_CONTEXT + window.frames]
            heard.append([self._features(hyper, analysis, *tier) for tier in self._tiers])
            tokens.append(out[self._tap][0, core] if self._tap else np.zeros((groups, 0), np.float32))
        return np.concatenate([np.stack(part) for part in heard], 1), np.concatenate(tokens)

    def cached(self, name: str, load: Callable[[], Float]) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
        """The same of a song known by `name`, from the cache or into it; in half precision."""
        paths = [self._folder / f"{name}-{part}.npy" for part in ("heard", "tokens")]
        heard, tokens = stored(paths, lambda: self(load()))
        return heard, tokens

    def _features(self, hyper: NDArray[np.int8], analysis: Float, main: int, gain: int) -> Float:
        expected = predict_scales(hyper, len(analysis), self._tables)
        level, index = best(expected, main, gain, self._tables)
        values = quantize(analysis, expected, level, index, gain, self._tables)
        return features(Latents(hyper, values, np.zeros((0, 2), np.int64)), gain, self._tables)


def mfcc(samples: Float) -> Float:
    """Mel-frequency cepstral coefficients of the mean of left and right: [2, N] -> [F, 20], hop 700."""
    window = np.hanning(WINDOW + 1)[:WINDOW]
    transform = ShortTimeFFT(window, HOP, SAMPLE_RATE)
    power = np.abs(transform.stft(samples.mean(0))) ** 2
    mel = mel_filters(SAMPLE_RATE, WINDOW, MELS) @ power
    return np.asarray(dct(10 * np.log10(mel + 1e-10), axis=0, norm="ortho")[:MFCCS].T, np.float32)


def middle(samples: NDArray[np.int16]) -> Float:
    """Thirty seconds from the middle: int16 [2, N] -> float32 in [-1, 1]."""
    start = max(0, samples.shape[1] - SECONDS * SAMPLE_RATE) // 2
    return samples[:, start : start + SECONDS * SAMPLE_RATE].astype(np.float32) / np.float32(32768)


def songs(
    tracks: Sequence[Track],
    classes: Sequence[str],
    load: Callable[[str], NDArray[np.int16]],
    models: Sequence[Model],
    cache: Path,
    tiers: Sequence[int],
    jobs: int,
) -> list[Song]:
    """Tracks of the genres `classes` with their features, those of the encoder from the first of the models.

    `load` gives a track's samples by its name; a bar is shown while a person watches.
    """
    listeners = [Listener(model, tiers, cache) for model in models]
    count = 0

    def one(track: Track) -> Song:
        nonlocal count
        digest = hashlib.sha256(f"{track.path}\n{track.name}".encode("utf-8", "surrogateescape")).hexdigest()[:20]
        parts = [listener.cached(digest, lambda: middle(load(track.name))) for listener in listeners]
        cepstra = stored([cache / f"mfcc-{SECONDS}" / f"{digest}.npy"], lambda: [mfcc(middle(load(track.name)))])[0]
        count += 1
        if advance:
            advance(count / len(tracks))
        heard = tuple(view for listened, _ in parts for view in listened)
        return Song(track, classes.index(track.genre), heard, parts[0][1], cepstra)

    with progress("listening", quiet=False) as advance, ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, tracks))


def stored(paths: Sequence[Path], make: Callable[[], Sequence[Float]]) -> list[NDArray[np.float16]]:
    """Arrays from .npy files, made and written in half precision where one is missing.

    They are mapped, not read: a large collection's features are more than memory.
    """
    if not all(path.exists() for path in paths):
        for path, array in zip(paths, make(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            with new_file(path, force=True) as file:  # complete or not there, whenever this is stopped
                np.save(file, array.astype(np.float16))
    return [np.load(path, mmap_mode="r" if path.stat().st_size > SMALL else None) for path in paths]


def starts(length: int, count: int = VOTES, size: int = GROUP) -> list[int]:
    """First vectors of `count` segments spread evenly over a song of `length` vectors."""
    return [int(start) for start in np.round(np.linspace(0, max(0, length - size), count))]


def cut(vectors: NDArray[np.floating], start: int, size: int = GROUP) -> NDArray[np.floating]:
    """A segment from `start`, a song that is too short repeated: [G, D] -> [size, D]."""
    return vectors[np.arange(start, start + size) % len(vectors)]
