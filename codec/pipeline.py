"""Audio to .aez and back: the story, read top to bottom; streaming, in bounded memory."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from codec import kinds, weights
from codec.analysis import REACH, Analysed, regroup
from codec.chunks import Windower, source_samples, triples
from codec.kinds import Opened
from codec.parallel import WORKERS, ordered_map
from codec.rate import Spool, find_gain
from codec.resample import Resampler, resampled_length
from codec.silence import SilenceFinder, SilenceKeeper
from codec.synthesis import Overlap
from codec.unpack import CHUNKS, check, unpack
from codec.version import __version__
from formats import coding
from formats.container import Chunk, Coder, Header, Reader, Writer
from formats.errors import DamagedError, FormatError, UsageError
from formats.grid import CHUNK, HOP, SAMPLE_RATE
from formats.tables import GAIN_LIMIT

if TYPE_CHECKING:
    from codec.audio import AudioSource
    from codec.chunks import Window
    from codec.mdct import Float

Progress = Callable[[float | None], None]
"""Called with the fraction done, 0 to 1, or None where the length is not known."""

BLOCK = 1 << 16
"""Samples of a source block."""

BITRATES = (6.0, 128.0)
"""Range of `bitrate`, 1000 bit/s."""

_CODERS = {"range": Coder.RANGE, "zstd": Coder.ZSTD}

FOREVER = 1e9
"""Seconds that no song lasts."""

WARM_UP = 0.25
"""Seconds decoded before a seek's start, so that the resampler has settled there."""


class Sink(Protocol):
    """Where decoded audio goes; `codec.audio.AudioSink` is one."""

    clipped: int

    def write(self, block: "Float") -> None:
        """Take the next samples [C, N]."""


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


@dataclass(frozen=True)
class DecodeReport:
    """What `decode` did. `samples` a channel were written, `clipped` of all of them at full scale."""

    sample_rate: int
    channels: int
    samples: int
    clipped: int
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
        source: what `codec.audio.open_source` gives, or a `codec.audio.ArraySource`.
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
    chosen = weights.by_name(model)
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
    analyser, tables, main = kinds.analyser(chosen, device), chosen.integers, chosen.main_count(latent)
    count = _Count()
    with ThreadPoolExecutor(WORKERS) as pool:

        def write(parts: Iterator[Analysed], gain: int) -> EncodeReport:
            header = Header(
                sample_rate=source.sample_rate, channels=source.channels, samples=source.samples, latent=latent,
                hop=HOP, chunk_frames=chunk_frames, gain=gain, coder=_CODERS.get(coder, Coder.RANGE), model=chosen.id,
                encoder_version=__version__,
            )  # fmt: skip
            size, kind = _write(source, target, pool, parts, header, chosen, count, choose=coder == "auto")
            seconds = count.samples / source.sample_rate
            return EncodeReport(
                seconds, count.samples, source.sample_rate, source.channels, size,
                size / 125 / seconds if seconds else 0.0, latent, gain, kind.name.lower(), chosen.name,
                analyser.provider,
            )  # fmt: skip

        chunks = ordered_map(pool, lambda pair: analyser(*pair), _windows(source, count, progress))
        if chunk_frames != CHUNK:
            chunks = regroup(chunks, chunk_frames, source.sample_rate)
        if bitrate is not None:
            spool = Spool()
            try:
                for chunk in chunks:
                    spool.add(chunk)
                fixed = _overhead(source)
                wanted = bitrate * 125 * count.samples / source.sample_rate - fixed
                start = find_gain(spool, pool, max(wanted, 1.0), main, start, tables)
                return write(spool.read(range(len(spool))), start)
            finally:
                spool.close()
        return write(chunks, start)


def _windows(
    source: "AudioSource", count: _Count, progress: Progress | None
) -> Iterator[tuple["Window", NDArray[np.int64]]]:
    """Windows of mid and side at 44.1 kHz, each with the digital silence under its chunk."""
    rate = source.sample_rate
    resampler, windower, silence = Resampler(rate, SAMPLE_RATE, 2), Windower(REACH), SilenceFinder(rate)

    def quiet(window: "Window") -> NDArray[np.int64]:
        return silence.within(source_samples(window.index, rate), source_samples(window.index + 1, rate))

    for block in source.blocks(BLOCK):
        silence.push(block)
        count.samples += block.shape[1]
        left, right = block[0], block[-1]
        middle = np.stack([left + right, left - right]) * np.float32(0.5)
        for window in windower.push(resampler.push(middle)):
            yield window, quiet(window)
        if progress:
            progress(min(1.0, count.samples / source.expected) if source.expected else None)
    rest = list(windower.push(resampler.finish()))
    rest += windower.finish(resampled_length(count.samples, rate, SAMPLE_RATE))
    for window in rest:
        yield window, quiet(window)


def _overhead(source: "AudioSource") -> int:
    """Bytes of a file of this source that are neither chunks nor cover."""
    header = Header(source.sample_rate, source.channels, 0, 32, HOP, CHUNK, 0, Coder.RANGE, bytes(8), __version__)
    writer = Writer(BytesIO(), header, replace(source.tags, cover=None, cover_type=""))
    writer.finish(0)
    return writer.coded_size


def _write(
    source: "AudioSource",
    target: BinaryIO,
    pool: ThreadPoolExecutor,
    chunks: Iterator[Analysed],
    header: Header,
    model: weights.Model,
    count: _Count,
    *,
    choose: bool,
) -> tuple[int, Coder]:
    """Quantize, code and write chunks as they come -> size of the file, and its coder."""
    gain, tables, main = header.gain, model.integers, model.main_count(header.latent)
    first = next(chunks, None)
    if first and choose:
        # The coder is named once, in the header, before anything else is known: the first chunk decides for all.
        sizes = {kind: len(first.payload(main, gain, kind, tables)) for kind in (Coder.RANGE, Coder.ZSTD)}
        header = replace(header, coder=min(sizes, key=sizes.__getitem__))

    def code(chunk: Analysed) -> tuple[int, bytes]:
        return len(chunk.analysis), chunk.payload(main, gain, header.coder, tables)

    writer = Writer(target, header, source.tags)
    for index, (frames, payload) in enumerate(ordered_map(pool, code, chain([first] if first else [], chunks))):
        writer.write(Chunk(index, index * header.chunk_frames, frames, payload))
    writer.finish(count.samples)
    return writer.coded_size, header.coder


def decode(
    source: BinaryIO | Reader,
    sink: Sink,
    *,
    start: float = 0.0,
    duration: float | None = None,
    model: str | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> DecodeReport:
    """Decompress a file object into a sink of the source's rate and channels.

    Args:
        source: an .aez file, or a Reader of one; only one that can seek reads just the chunks that it needs.
        sink: takes blocks [C, N] float32 by `write`, counts in `clipped`.
        start, duration: seconds; what lies beyond the end is not there.
        model: folder or name to use instead of the installed model that the file names; it must have the same id.
        device: auto, cpu, cuda or cuda:N.
        progress: called as chunks are decoded.

    Raises:
        FormatError: the file is damaged, or no .aez file; ModelError: the model it needs is not installed;
        UsageError: arguments out of range; OSError as the file objects raise it.
    """
    reader = source if isinstance(source, Reader) else Reader(source)
    header = reader.header
    chosen = weights.by_id(header.model) if model is None else weights.by_name(model)
    if chosen.id != header.model:
        raise UsageError(f"the file needs model {header.model.hex()}, and {chosen.name} is {chosen.id.hex()}")
    check(header, chosen)
    if not (0 <= start < FOREVER and 0 <= (duration or 0) < FOREVER):
        raise UsageError("times cannot be negative, or without end")
    rate, channels = header.sample_rate, header.channels
    from_sample = round(start * rate)
    to_sample = None if duration is None else from_sample + round(duration * rate)
    synthesizer = kinds.synthesizer(chosen, device, header.gain, header.chunk_frames)
    begin = max(0, int((start - WARM_UP) * rate)) // source_samples(1, rate, header.chunk_frames)
    resampler, overlap = Resampler(SAMPLE_RATE, rate, channels), Overlap()
    origin = source_samples(begin, rate, header.chunk_frames)
    silence = SilenceKeeper(origin)
    written = position = 0
    held: list[Float] = []

    def emit(block: "Float", end: int | None) -> None:
        nonlocal written, position
        block = silence.apply(np.ascontiguousarray(block))
        low, high = max(0, from_sample - origin - position), block.shape[1]
        if end is not None:
            high = min(high, end - origin - position)
        if high > low:
            sink.write(block[:, low:high])
            written += high - low
        position += block.shape[1]

    with ThreadPoolExecutor(WORKERS) as pool:
        parts = _chunks(reader, begin, to_sample, pool, chosen, synthesizer, progress)
        wanted = ((around, synthesizer) for around in triples(parts) if around[1].index >= begin)
        first = True
        for chunk, block in ordered_map(pool, _synthesize, wanted):
            silence.add(source_samples(chunk.index, rate, header.chunk_frames), chunk.silence)
            wave = _channels(overlap.add(block), channels)
            if first:  # the half window before the first chunk belongs to what is not decoded
                wave, first = wave[:, HOP:], False
            # One block is held back: the song's exact length may end inside it, and only the trailer knows.
            held.append(resampler.push(wave))
            if len(held) > 1:
                emit(held.pop(0), to_sample)
    samples = reader.samples
    ready = origin + position + sum(block.shape[1] for block in held)
    if not reader.complete and (to_sample is None or samples is None or to_sample > ready):
        raise DamagedError("the file ends early: it has no trailer")
    if samples is None:
        raise FormatError("the file does not say how many samples it has")
    end = samples if to_sample is None else min(to_sample, samples)
    for block in (*held, resampler.finish()):
        emit(block, end)
    missing = end - max(from_sample, origin + position)
    if missing > 0:
        sink.write(np.zeros((channels, missing), np.float32))
        written += missing
    return DecodeReport(rate, channels, written, sink.clipped, chosen.name, synthesizer.provider)


def _synthesize(
    job: tuple[tuple[Opened | None, Opened, Opened | None], kinds.Synthesizer],
) -> tuple[Opened, "Float"]:
    around, synthesizer = job
    return around[1], synthesizer(around)


def _channels(middle: "Float", channels: int) -> "Float":
    """Mid and side [2, N] -> [C, N]."""
    if channels == 1:
        return middle[:1]
    return np.stack([middle[0] + middle[1], middle[0] - middle[1]])


def _chunks(
    reader: Reader,
    begin: int,
    to_sample: int | None,
    pool: ThreadPoolExecutor,
    model: weights.Model,
    synthesizer: kinds.Synthesizer,
    progress: Progress | None,
) -> Iterator[Opened]:
    """Chunks that matter between `begin` and `to_sample`, and one on either side for context."""
    header = reader.header
    first = max(0, begin - 1)
    last = None
    if to_sample is not None:
        last = to_sample // source_samples(1, header.sample_rate, header.chunk_frames) + 1
    total = reader.chunk_count if reader.coded_size is not None else None

    def chosen() -> Iterator[Chunk]:
        if first and total is not None:
            for index in range(first, total if last is None else min(total, last + 1)):
                yield reader.read(index)
            return
        for chunk in reader:
            if chunk.index >= first:
                yield chunk
            if last is not None and chunk.index >= last:
                return

    def open_chunk(chunk: Chunk) -> Opened:
        opened: Opened = synthesizer.open(unpack(header, chunk, model), chunk, header.channels)
        return opened

    for part in ordered_map(pool, open_chunk, chosen()):
        if progress:
            progress((part.index + 1) / total if total else None)
        yield part


def peel(source: BinaryIO, target: BinaryIO, latent: int) -> None:
    """Cut a file down to a smaller tier by dropping ranks: the bytes that encoding at that tier and gain would give.

    Nothing is decoded to audio; the tables of the file's model are all that is needed.

    Raises:
        UsageError: `latent` is no tier, or above the file's; FormatError, ModelError, OSError as `decode`.
    """
    reader = Reader(source)
    header = reader.header
    model = weights.by_id(header.model)
    check(header, model)
    if latent not in model.latents or latent > header.latent:
        raise UsageError(f"a file of {header.latent} latents can be peeled to a smaller tier only, not to {latent}")
    writer = Writer(target, replace(header, latent=latent), reader.metadata)
    with ThreadPoolExecutor(WORKERS) as pool:

        def cut(chunk: Chunk) -> Chunk:
            latents = unpack(header, chunk, model).peeled(model.main_count(latent))
            return replace(chunk, payload=coding.encode(latents, header.gain, header.coder, model.integers))

        for chunk in ordered_map(pool, cut, reader):
            writer.write(chunk)
    if not reader.complete or reader.samples is None:
        raise DamagedError("the file ends early: it has no trailer")
    writer.finish(reader.samples)
