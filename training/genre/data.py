"""What genre classifiers learn from: a song's integers at several tiers, features of the encoder, and MFCCs.

Everything is computed once for each song, from thirty seconds in its middle, and cached as .npy files under the id of
the model's bitstream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.signal import ShortTimeFFT

from codec.audio.source import ArraySource
from codec.cli.terminal import progress
from codec.dsp.mdct import Float
from codec.inspection.genre import features
from codec.pipeline.chunks import ENCODER_CONTEXT, AnalysedChunk, Window
from codec.pipeline.payload import quantize_chunk
from codec.pipeline.ranked_encoder import rotated
from codec.pipeline.source_windows import SourceWindows
from codec.pipeline.workers import Engine
from codec.quantization.hyper_trellis import change_code_lengths
from codec.quantization.quantize import quantize_hyper
from codec.runtime.classifiers import FEATURES
from codec.runtime.models import Model
from formats.container.layout import VERSION
from formats.grid import HOP, HYPER_FRAMES, SAMPLE_RATE, hyper_count
from formats.model.scales import SEGMENT_VECTORS
from formats.payload.side_info import SideInfo
from training.data.excerpts import SECONDS, excerpt
from training.data.features import stored
from training.data.shards import identity
from training.data.tracks import Track
from training.genre.plain_features import FileFeatures
from training.metrics.mel import mel_filters
from training.model_files.graphs import run_graph

TRAINING_TIERS = (32, 128, 512)
"""Tiers whose integers a classifier is trained on, so that it works for files of any tier."""

DATA = 2
"""Version of what is computed here; cached features of another version are ignored."""

VOTES = 5
"""Segments that decide a song's label."""

MFCCS, MELS, WINDOW = 20, 64, 2048


@dataclass(frozen=True, eq=False)
class Song:
    """One labelled song.

    Attributes:
        track: where it comes from.
        label: index of its genre among the classes.
        latents: features of its integers, [G, 152] for each model and tier (`codec.inspection.genre.features`).
        tokens: the encoder's features before its hyper latents, [G, W]; [G, 0] where the graph does not show them.
        mfcc: [F, 20], 63 frames a second.
        others: features of files of other models, [G, D] by the model's name (`training.genre.plain_features`).
    """

    track: Track
    label: int
    latents: tuple[NDArray[np.float16], ...]
    tokens: NDArray[np.float16]
    mfcc: NDArray[np.float16]
    others: Mapping[str, NDArray[np.float16]] = field(default_factory=dict)

    @property
    def artist(self) -> str:
        """The artist, or a name of its own where the artist is unknown."""
        return self.track.artist or f"song {self.track.name}"


def tapped(graph: bytes) -> tuple[bytes, str]:
    """An encoder graph with one more output, of which the hyper latents are a linear function; and its name.

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


class Extractor:
    """From songs to features of their integers and of the encoder, with one model. Calls may come from several threads.

    It does what `codec.pipeline.ranked_encoder.RankedEncoder` does, and takes one more output from the network.
    """

    def __init__(self, model: Model, tiers: Sequence[int], cache: Path) -> None:
        settings = "-".join(f"{tier}.{model.gain(tier)}" for tier in tiers)
        self._folder = cache / f"genre-{DATA}-{FEATURES}-{VERSION}-{SECONDS:g}-{model.id.hex()}-{settings}"
        graph, self._tap = tapped(model.encoder)
        self._network = run_graph(graph, ("coefficients",))
        self._tables = model.ranked_tables
        self._code_lengths = change_code_lengths(self._tables.hyper)
        self._tiers = [(model.main_count(tier), model.gain(tier)) for tier in tiers]

    def __call__(self, samples: Float) -> tuple[Float, Float]:
        """Left and right [2, N] at 44.1 kHz -> features of the integers [tiers, G, 152], tokens [G, W]."""
        with ArraySource(samples, SAMPLE_RATE) as source:
            windows = SourceWindows(source, ENCODER_CONTEXT, None)
            found = [self._window(window) for window in windows]
        latents, tokens = zip(*found, strict=True)
        return np.concatenate(latents, 1), np.concatenate(tokens)

    def cached(self, name: str, load: Callable[[], Float]) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
        """The same for a song known by `name`, from the cache or into it; in half precision."""
        paths = [self._folder / f"{name}-{part}.npy" for part in ("latents", "tokens")]
        latents, tokens = stored(paths, lambda: self(load()), np.float16)
        return latents, tokens

    def _window(self, window: Window) -> tuple[Float, Float]:
        """Features of one window at every tier [tiers, G, 152], and its tokens [G, W]."""
        coefficients, angles, long_windows = rotated(window)
        groups = hyper_count(window.frames)
        out = self._network(coefficients=coefficients[None])
        core = slice(ENCODER_CONTEXT // HYPER_FRAMES, ENCODER_CONTEXT // HYPER_FRAMES + groups)
        under_hyper = coefficients[ENCODER_CONTEXT : ENCODER_CONTEXT + HYPER_FRAMES * groups]
        chunk = AnalysedChunk(
            quantize_hyper(out["hyper"][0, core], under_hyper, self._code_lengths),
            coefficients[ENCODER_CONTEXT : ENCODER_CONTEXT + window.frames],
            SideInfo(window.silence, window.gain_control, angles, long_windows),
        )
        tokens = out[self._tap][0, core] if self._tap else np.zeros((groups, 0), np.float32)
        return np.stack([self._features(chunk, main, gain) for main, gain in self._tiers]), tokens

    def _features(self, chunk: AnalysedChunk, main: int, gain: int) -> Float:
        return features(quantize_chunk(chunk, main, gain, self._tables), gain, self._tables)


def mfcc(samples: Float) -> Float:
    """Mel-frequency cepstral coefficients of the mean of left and right: [2, N] -> [F, 20], hop 700."""
    window = np.hanning(WINDOW + 1)[:WINDOW]
    transform = ShortTimeFFT(window, HOP, SAMPLE_RATE)
    power = np.abs(transform.stft(samples.mean(0))) ** 2
    mel = mel_filters(SAMPLE_RATE, WINDOW, MELS) @ power
    return np.asarray(dct(10 * np.log10(mel + 1e-10), axis=0, norm="ortho")[:MFCCS].T, np.float32)


def songs(
    tracks: Sequence[Track],
    classes: Sequence[str],
    load: Callable[[str], NDArray[np.int16]],
    models: Sequence[Model],
    cache: Path,
    tiers: Sequence[int],
    jobs: int,
    also: Mapping[str, Model] | None = None,
) -> list[Song]:
    """Tracks of the genres `classes` with their features.

    Args:
        tracks: songs.
        classes: names of the genres.
        load: gives a track's samples by its name.
        models: ranked ones, whose integers are used; the encoder's features are those of the first one.
        cache: folder of the features.
        tiers: of every model.
        jobs: threads.
        also: further models of any kind, whose files give features of their own.
    """
    engine = Engine("cpu")
    others = {name: FileFeatures(model, engine, cache) for name, model in (also or {}).items()}
    extractors = [Extractor(model, tiers, cache) for model in models]
    count = 0

    def one(track: Track) -> Song:
        nonlocal count
        digest = known_by(track.path, load(track.name).shape[1])
        parts = [extractor.cached(digest, lambda: excerpt(load(track.name))) for extractor in extractors]
        cepstra = stored(
            [cache / f"mfcc-{DATA}-{SECONDS:g}" / f"{digest}.npy"],
            lambda: [mfcc(excerpt(load(track.name)))],
            np.float16,
        )[0]

        def made(features: FileFeatures) -> list[Float]:
            return [features(excerpt(load(track.name)))]

        more = {
            name: stored([one.folder / f"{digest}.npy"], partial(made, one), np.float16)[0]
            for name, one in others.items()
        }
        count += 1
        advance(count / len(tracks))
        latents = tuple(view for views, _ in parts for view in views)
        tokens = parts[0][1] if parts else np.zeros((0, 0), np.float16)
        return Song(track, classes.index(track.genre), latents, tokens, cepstra, more)

    with progress("extracting features", quiet=False) as advance, ThreadPoolExecutor(jobs) as pool, engine:
        return list(pool.map(one, tracks))


def known_by(path: Path, samples: int) -> str:
    """What the cache knows a song's features by, of which there are so many samples.

    A small cache of decoded music cuts songs to less than SECONDS; a larger one has to give other features.
    """
    cut_to = f"|{samples}" if samples < round(SECONDS * SAMPLE_RATE) else ""
    return hashlib.sha256(f"{identity(path)}{cut_to}".encode("utf-8", "surrogateescape")).hexdigest()[:20]


def starts(length: int, count: int = VOTES, size: int = SEGMENT_VECTORS) -> list[int]:
    """First vectors of `count` segments spread evenly over a song of `length` vectors."""
    return [int(start) for start in np.round(np.linspace(0, max(0, length - size), count))]


def cut(vectors: NDArray[np.floating], start: int, size: int = SEGMENT_VECTORS) -> NDArray[np.floating]:
    """A segment from `start` on, of a song that is repeated if it is too short: [G, D] -> [size, D]."""
    return vectors[np.arange(start, start + size) % len(vectors)]
