"""From .aez to audio: the story, read top to bottom; streaming, in bounded memory."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np

from codec.audio.resample import Resampler
from codec.clock import clock
from codec.dsp.gain_control import InverseGainControl
from codec.dsp.mdct import Float
from codec.dsp.silence import SilenceKeeper
from codec.dsp.stereo import sum_difference
from codec.pipeline import backend
from codec.pipeline.backend import Opened
from codec.pipeline.chunks import source_samples, triples
from codec.pipeline.damage import Loss, located
from codec.pipeline.payload import check, unpack
from codec.pipeline.ranked_decoder import Overlap
from codec.pipeline.salvage import Gap, Salvage, fade
from codec.pipeline.workers import Progress, ordered_map, workers
from codec.runtime import models
from formats import Chunk, Header, Reader
from formats.errors import DamagedError, FormatError, UsageError
from formats.grid import HOP, SAMPLE_RATE

FOREVER = 1e9
"""Seconds that no song lasts."""

BLOCK = 1 << 20
"""Samples of a block of output, about: a file may claim a megahertz, and a chunk of 40 seconds."""

WARM_UP = 0.25
"""Seconds decoded before a seek's start, so that the resampler has settled there."""


class Sink(Protocol):
    """Where decoded audio goes; `codec.audio.sink.AudioSink` is one."""

    clipped: int

    def write(self, block: Float) -> None:
        """Take the next samples [C, N]."""


@dataclass(frozen=True)
class DecodeReport:
    """What `decode` did. `samples` a channel were written, `clipped` of all of them at full scale.

    Of a salvaged file, `losses` are the parts of the song that became silence, and `damage` is what else was found.
    """

    sample_rate: int
    channels: int
    samples: int
    clipped: int
    model: str
    provider: str
    losses: tuple[Loss, ...] = ()
    damage: tuple[str, ...] = ()


def decode(
    source: BinaryIO | Reader,
    sink: Sink,
    *,
    start: float = 0.0,
    duration: float | None = None,
    model: str | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    salvage: bool = False,
) -> DecodeReport:
    """Decompress a file object into a sink of the source's rate and channels.

    Args:
        source: an .aez file, or a Reader of one; only one that can seek reads just the chunks that it needs.
        sink: takes blocks [C, N] float32 by `write`, counts in `clipped`.
        start, duration: seconds; what lies beyond the end is not there.
        model: folder or name to use instead of the installed model that the file names; it must have the same id.
        device: auto, cpu, cuda or cuda:N.
        progress: called as chunks are decoded.
        salvage: keep what a damaged file still has, with silence in place of what is lost; see `codec.pipeline.salvage`.

    Raises:
        FormatError: the file is damaged (with `salvage`: its header is, or every chunk), or no .aez file; the text says
        where; ModelError: the model it needs is not installed; UsageError: arguments out of range; OSError as the file
        objects raise it.
    """
    reader = source if isinstance(source, Reader) else Reader(source)
    try:
        return _decode(reader, sink, start, duration, model, device, progress, salvage)
    except FormatError as error:
        raise located(error, reader.header, reader.samples) from None


def _decode(
    reader: Reader,
    sink: Sink,
    start: float,
    duration: float | None,
    model: str | None,
    device: str,
    progress: Progress | None,
    salvage: bool,
) -> DecodeReport:
    header = reader.header
    chosen = models.by_id(header.model) if model is None else models.by_name(model)
    if chosen.id != header.model:
        raise UsageError(f"the file needs model {header.model.hex()}, and {chosen.name} is {chosen.id.hex()}")
    check(header, chosen)
    if not (0 <= start < FOREVER and 0 <= (duration or 0) < FOREVER):
        raise UsageError("times cannot be negative, or without end")
    rate, channels = header.sample_rate, header.channels
    from_sample = round(start * rate)
    to_sample = None if duration is None else from_sample + round(duration * rate)
    synthesizer = backend.synthesizer(chosen, device, header.gain, header.chunk_frames)
    begin = max(0, int((start - WARM_UP) * rate)) // source_samples(1, rate, header.chunk_frames)
    resampler, overlap = Resampler(SAMPLE_RATE, rate, channels), Overlap()
    origin = source_samples(begin, rate, header.chunk_frames)
    silence = SilenceKeeper(origin)
    attacks = InverseGainControl((begin * header.chunk_frames - 1) * HOP)
    written = position = opened = 0
    held: list[Float] = []

    def emit(block: Float, end: int | None) -> None:
        nonlocal written, position
        block = silence.apply(np.ascontiguousarray(block))
        low, high = max(0, from_sample - origin - position), block.shape[1]
        if end is not None:
            high = min(high, end - origin - position)
        if high > low:
            sink.write(block[:, low:high])
            written += high - low
        position += block.shape[1]

    saved = Salvage(reader, max(0, begin - 1), _last(header, to_sample)) if salvage else None
    with workers() as pool:
        parts = _chunks(reader, begin, to_sample, pool, chosen, synthesizer, progress, saved)
        wanted = ((around, synthesizer, header.chunk_frames) for around in triples(parts) if around[1].index >= begin)
        first = True
        for chunk, block in ordered_map(pool, _synthesize, wanted):
            at, opened = source_samples(chunk.index, rate, header.chunk_frames), chunk.index + 1
            if not isinstance(chunk, Gap):
                silence.add(at, chunk.silence)
                attacks.add(chunk.index * header.chunk_frames * HOP, chunk.attacks)
            elif saved and chunk.lost and (to_sample is None or at < to_sample):
                saved.lose(chunk.index)
            wave = _channels(attacks.apply(overlap.add(block)), channels)
            if first:  # the half window before the first chunk belongs to what is not decoded
                wave, first = wave[:, HOP:], False
            # One block is held back: the song's exact length may end inside it, and only the trailer knows.
            for piece in np.array_split(wave, 1 + wave.shape[1] * rate // SAMPLE_RATE // BLOCK, axis=1):
                held.append(resampler.push(piece))
                if len(held) > 1:
                    emit(held.pop(0), to_sample)
    samples = saved.samples if saved else reader.samples
    ready = origin + position + sum(block.shape[1] for block in held)
    if not saved and not reader.complete and (to_sample is None or samples is None or to_sample > ready):
        lasts = clock(source_samples(opened, rate, header.chunk_frames) / rate)
        raise DamagedError(f"the file ends early, after {opened} whole chunks ({lasts}): it has no trailer")
    if samples is None and saved and to_sample is not None:
        samples = to_sample
    if samples is None:
        raise FormatError("the file does not say how many samples it has")
    end = samples if to_sample is None else min(to_sample, samples)
    if not saved and written and end < from_sample + written:
        raise FormatError(f"the file counts {samples} samples, fewer than its chunks hold")
    for block in (*held, resampler.finish()):
        emit(block, end)
    missing = end - max(from_sample, origin + position)
    if missing > 0:
        sink.write(np.zeros((channels, missing), np.float32))
        written += missing
    lost = (saved.losses(), saved.notes()) if saved else ((), ())
    return DecodeReport(rate, channels, written, sink.clipped, chosen.name, synthesizer.provider, *lost)


def _synthesize(
    job: tuple[tuple[Opened | Gap | None, Opened | Gap, Opened | Gap | None], backend.Synthesizer, int],
) -> tuple[Opened | Gap, Float]:
    """A chunk, and what it sounds like: mid and side [2, (F + 1) 700]; a gap is silence of F = `frames`."""
    (before, chunk, after), synthesizer, frames = job
    if isinstance(chunk, Gap):
        return chunk, np.zeros((2, (frames + 1) * HOP), np.float32)
    known = (None if isinstance(before, Gap) else before, chunk, None if isinstance(after, Gap) else after)
    return chunk, fade(synthesizer(known), before, after)


def _channels(middle: Float, channels: int) -> Float:
    """Mid and side [2, N] -> [C, N]."""
    if channels == 1:
        return middle[:1]
    return sum_difference(middle)


def _chunks(
    reader: Reader,
    begin: int,
    to_sample: int | None,
    pool: ThreadPoolExecutor,
    model: models.Model,
    synthesizer: backend.Synthesizer,
    progress: Progress | None,
    saved: Salvage | None,
) -> Iterator[Opened | Gap]:
    """Chunks that matter between `begin` and `to_sample`, and one on either side for context."""
    header = reader.header
    first, last = max(0, begin - 1), _last(header, to_sample)
    total = reader.chunk_count if reader.coded_size is not None and not saved else None

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

    def open_chunk(chunk: Chunk | Gap) -> Opened | Gap:
        if isinstance(chunk, Gap):
            return chunk
        try:
            opened: Opened = synthesizer.open(unpack(header, chunk, model), chunk, header.channels)
        except DamagedError as error:
            if not saved:
                raise
            saved.faults.append(error)
            return Gap(chunk.index)
        return opened

    for part in ordered_map(pool, open_chunk, saved or chosen()):
        if progress:
            progress((part.index + 1) / total if total else None)
        yield part


def _last(header: Header, to_sample: int | None) -> int | None:
    """The last chunk that matters where only samples before `to_sample` do."""
    if to_sample is None:
        return None
    return to_sample // source_samples(1, header.sample_rate, header.chunk_frames) + 1
