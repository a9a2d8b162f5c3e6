"""Audio to .aez: the story, read top to bottom; streaming, in bounded memory."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from codec.audio.resample import Resampler, resampled_length
from codec.dsp.gain_control import GainControl
from codec.dsp.silence import SilenceFinder
from codec.pipeline import backend
from codec.pipeline.chunks import Windower, source_samples
from codec.pipeline.payload import CHUNKS
from codec.pipeline.ranked_encoder import ENCODER_CONTEXT, AnalysedChunk, regroup
from codec.pipeline.rate_control import Spool, find_gain
from codec.pipeline.workers import Progress, ordered_map, workers
from codec.runtime import models
from codec.version import __version__
from formats import Chunk, Coder, Header, Writer
from formats.errors import UsageError
from formats.grid import CHUNK, HOP, SAMPLE_RATE, SEGMENT
from formats.model.tables import GAIN_LIMIT

if TYPE_CHECKING:
    from codec.audio.source import AudioSource
    from codec.pipeline.chunks import Window
    from formats.payload.chunk import AnyTables

BLOCK = 1 << 16
"""Samples of a source block."""

BITRATES = (6.0, 128.0)
"""Range of `bitrate`, 1000 bit/s."""

_CODERS = {"range": Coder.RANGE, "zstd": Coder.ZSTD}


@dataclass(frozen=True)
class EncodeReport:
    """What `encode` did. `seconds` of audio; `kbps` in 1000 bit/s over the whole file."""

    seconds: float
    samples: int
    sample_rate: int
    channels: int
    coded_bytes: int
    kbps: float
    latent: int
    gain: int
    coder: str
    model: str
    provider: str


class _Count:
    """Samples read from the source so far."""

    samples = 0


def encode(
    source: "AudioSource",
    target: BinaryIO,
    *,
    latent: int | None = None,
    gain: int | None = None,
    bitrate: float | None = None,
    model: str | None = None,
    coder: str = "auto",
    device: str = "auto",
    chunk_frames: int = CHUNK,
    progress: Progress | None = None,
) -> EncodeReport:
    """Compress a source into a file object, which is written front to back and never sought.

    Args:
        source: what `codec.audio.open.open_source` gives, or a `codec.audio.source.ArraySource`.
        target: binary file object.
        latent: tier, one of the model's; by default the model's own default, 128 for ranked ones.
        gain: quantizer steps are d = 2**(-gain / 32); the tier's default comes from its model's measured frontier.
        bitrate: 6 to 128, 1000 bit/s of the file without its cover; chooses tier (unless given) and gain.
        model: name of a model; the default model if None.
        coder: auto, range or zstd.
        device: auto, cpu, cuda or cuda:N.
        chunk_frames: frames of a chunk of the file, a multiple of 126 up to 2520; a seek reads whole chunks.
        progress: called as the source is read.

    Raises:
        UsageError: arguments out of range, or against each other; AudioError: the source cannot be read;
        ModelError: no such model; OSError as the file objects raise it.
    """
    chosen = models.by_name(model)
    if bitrate is not None and not (gain is None and BITRATES[0] <= bitrate <= BITRATES[1]):
        raise UsageError("--bitrate takes 6 to 128 kbit/s, and sets the gain itself")
    if latent is None:
        latent = chosen.default_latent if bitrate is None else chosen.tier_for(bitrate)
    if latent not in chosen.latents:
        known = ", ".join(map(str, chosen.latents))
        raise UsageError(f"there is no tier of {latent} latents; model {chosen.name} has {known}")
    if coder != "auto" and coder not in _CODERS:
        raise UsageError(f"there is no coder {coder!r}: auto, range or zstd")
    start = chosen.gain(latent) if gain is None else gain
    if abs(start) > GAIN_LIMIT:
        raise UsageError(f"gain goes from -{GAIN_LIMIT} to {GAIN_LIMIT}")
    if chunk_frames not in CHUNKS:
        raise UsageError("a chunk has 126, 252, ... 2520 frames")
    kind = _CODERS.get(coder)  # None: to be chosen
    analyser, tables, main = backend.analyser(chosen, device), chosen.integers, chosen.main_count(latent)
    count = _Count()
    with workers() as pool:

        def write(parts: Iterator[AnalysedChunk], gain: int, kind: Coder | None) -> EncodeReport:
            header = Header(
                sample_rate=source.sample_rate, channels=source.channels, samples=source.samples, latent=latent,
                hop=HOP, chunk_frames=chunk_frames, gain=gain, coder=kind or Coder.RANGE, model=chosen.id,
                encoder_version=__version__,
            )  # fmt: skip
            size, used = _write(source, target, pool, parts, header, chosen, count, choose=kind is None)
            seconds = count.samples / source.sample_rate
            return EncodeReport(
                seconds, count.samples, source.sample_rate, source.channels, size,
                size / 125 / seconds if seconds else 0.0, latent, gain, used.name.lower(), chosen.name,
                analyser.provider,
            )  # fmt: skip

        chunks = ordered_map(pool, lambda job: analyser(*job), _windows(source, count, progress))
        if chunk_frames != CHUNK:
            chunks = regroup(chunks, chunk_frames, source.sample_rate)
        if bitrate is not None:
            spool = Spool()
            try:
                for chunk in chunks:
                    spool.add(chunk)
                fixed = _overhead(source)
                wanted = bitrate * 125 * count.samples / source.sample_rate - fixed
                if kind is None:  # decided before the search: a size is a coder's
                    kind = _smaller(_made(next(spool.read(range(len(spool))), None), pool, main, start, tables))
                start = find_gain(spool, pool, max(wanted, 1.0), main, start, tables, kind)
                return write(spool.read(range(len(spool))), start, kind)
            finally:
                spool.close()
        return write(chunks, start, kind)


def _windows(
    source: "AudioSource", count: _Count, progress: Progress | None
) -> Iterator[tuple["Window", NDArray[np.int64], NDArray[np.int64]]]:
    """Windows of mid and side at 44.1 kHz, each with the digital silence and the raised stretches under its chunk."""
    rate = source.sample_rate
    resampler, windower = Resampler(rate, SAMPLE_RATE, 2), Windower(ENCODER_CONTEXT)
    silence, raiser, segments = SilenceFinder(rate), GainControl(), CHUNK // SEGMENT

    def listed(window: "Window") -> tuple["Window", NDArray[np.int64], NDArray[np.int64]]:
        quiet = silence.within(source_samples(window.index, rate), source_samples(window.index + 1, rate))
        raised = raiser.within(window.index * segments, (window.index + 1) * segments)
        return window, quiet, raised

    for block in source.blocks(BLOCK):
        silence.push(block)
        count.samples += block.shape[1]
        left, right = block[0], block[-1]
        middle = np.stack([left + right, left - right]) * np.float32(0.5)
        for window in windower.push(raiser.push(resampler.push(middle))):
            yield listed(window)
        if progress:
            progress(min(1.0, count.samples / source.expected) if source.expected else None)
    rest = list(windower.push(raiser.push(resampler.finish())))
    rest += windower.push(raiser.finish())
    rest += windower.finish(resampled_length(count.samples, rate, SAMPLE_RATE))
    for window in rest:
        yield listed(window)


def _overhead(source: "AudioSource") -> int:
    """Bytes of a file of this source that are neither chunks nor cover."""
    header = Header(source.sample_rate, source.channels, 0, 32, HOP, CHUNK, 0, Coder.RANGE, bytes(8), __version__)
    writer = Writer(BytesIO(), header, replace(source.tags, cover=None, cover_type=""))
    writer.finish(0)
    return writer.coded_size


def _made(
    first: AnalysedChunk | None, pool: ThreadPoolExecutor, main: int, gain: int, tables: "AnyTables"
) -> dict[Coder, bytes]:
    """The first chunk's payload by every coder; empty where there is none."""
    if first is None:
        return {}
    coders = (Coder.RANGE, Coder.ZSTD)
    return dict(zip(coders, pool.map(lambda kind: first.payload(main, gain, kind, tables), coders), strict=True))


def _smaller(made: dict[Coder, bytes]) -> Coder:
    return min(made, key=lambda kind: len(made[kind]), default=Coder.RANGE)


def _write(
    source: "AudioSource",
    target: BinaryIO,
    pool: ThreadPoolExecutor,
    chunks: Iterator[AnalysedChunk],
    header: Header,
    model: models.Model,
    count: _Count,
    *,
    choose: bool,
) -> tuple[int, Coder]:
    """Quantize, code and write chunks as they come -> size of the file, and its coder."""
    gain, tables, main = header.gain, model.integers, model.main_count(header.latent)
    first = next(chunks, None)
    made = _made(first, pool, main, gain, tables) if choose else {}
    if choose:
        # The coder is named once, in the header, before anything else is known: the first chunk decides for all.
        header = replace(header, coder=_smaller(made))

    def code(chunk: AnalysedChunk) -> tuple[int, bytes]:
        if chunk is first and made:
            return len(chunk.analysis), made[header.coder]
        return len(chunk.analysis), chunk.payload(main, gain, header.coder, tables)

    writer = Writer(target, header, source.tags)
    for index, (frames, payload) in enumerate(ordered_map(pool, code, chain([first] if first else [], chunks))):
        writer.write(Chunk(index, index * header.chunk_frames, frames, payload))
    writer.finish(count.samples)
    return writer.coded_size, header.coder
