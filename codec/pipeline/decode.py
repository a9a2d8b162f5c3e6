"""From .aez to audio: the story, read top to bottom; streaming, in bounded memory.

    select                   --> synthesize --> trim and finish
    (chunk_sources, salvage)     (backend)      (output)

Select the chunks that the wanted part needs. Synthesize each with its neighbours as context. Overlap them, undo gain
control, resample, restore digital silence, and trim to the wanted samples. Finish at the song's exact length, which may
be known from the trailer alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from codec.audio.resample import resampled_length
from codec.clock import clock, counted
from codec.dsp.mdct import Float
from codec.pipeline import backend
from codec.pipeline.backend import OpenedChunk
from codec.pipeline.chunk_sources import ChunkSource, Gap, Part, WholeFile
from codec.pipeline.chunks import triples
from codec.pipeline.damage import Loss, located
from codec.pipeline.output import Output, Sink
from codec.pipeline.payload import check_tier, unpack
from codec.pipeline.plan import DecodePlan
from codec.pipeline.resampled import ResampledSink
from codec.pipeline.salvage import Salvage, fade
from codec.pipeline.workers import Engine, Progress, engine_for_file
from codec.runtime import models
from formats import Chunk, Reader
from formats.errors import DamagedError, FormatError
from formats.grid import HOP, SAMPLE_RATE

Around = tuple[OpenedChunk | Gap | None, OpenedChunk | Gap, OpenedChunk | Gap | None]
"""A chunk with its neighbours."""

STAGES = 2
"""Stages that run at the same time: unpacking and synthesis."""


@dataclass(frozen=True)
class DecodeReport:
    """What `decode` did.

    Attributes:
        sample_rate, channels, samples: of the decoded audio; samples per channel.
        clipped: number of values beyond full scale that were clipped.
        model, decoder: names of the model and of its decoder.
        provider: what ran the network; see `codec.runtime.session`.
        losses: parts of the song that were lost and became silence, if the plan salvages.
        damage: other damage that was found, one line each, if the plan salvages.
        emptiness: why there are no samples, where there are none.
        left_out: tags and pictures that the target cannot hold, as a sentence; empty where it has all.
        resampling: why the output has another sample rate than the song, where nobody asked for that.
    """

    sample_rate: int
    channels: int
    samples: int
    clipped: int
    model: str
    decoder: str
    provider: str
    losses: tuple[Loss, ...] = ()
    damage: tuple[str, ...] = ()
    emptiness: str = ""
    left_out: str = ""
    resampling: str = ""

    @property
    def clipping(self) -> str:
        """How many samples were clipped, in words; empty where none was."""
        return f"{counted(self.clipped, 'sample')} clipped" if self.clipped else ""

    @property
    def damaged(self) -> bool:
        """Whether the file was found damaged."""
        return bool(self.losses or self.damage)

    @property
    def damage_lines(self) -> tuple[str, ...]:
        """Lost parts and other damage in words, one line each."""
        lost = (f"{loss}, {'is' if loss.first == loss.last else 'are'} lost" for loss in self.losses)
        return (*lost, *self.damage)


def decode(
    source: BinaryIO | Reader,
    sink: Sink,
    plan: DecodePlan | None = None,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> DecodeReport:
    """Decompress a file object into a sink of the source's channels, and of its rate or that of the plan.

    Args:
        source: an .aez file, or a Reader of one; only one that can seek reads just the chunks that it needs.
        sink: takes blocks [C, N] float32 by `write`, counts in `clipped`.
        plan: which part, with which model and decoder; the whole song with the installed ones if None.
        engine: sessions and threads to share with other files.
        progress: called as chunks are decoded.

    Raises:
        FormatError: the source is not an .aez file, or is damaged; a plan that salvages raises it only if the header or
        every chunk is damaged; ModelError: the model that it needs is not installed, or has no such decoder; OSError as
        the file objects raise it.
    """
    reader = source if isinstance(source, Reader) else Reader(source)
    plan = plan or DecodePlan()
    own = reader.header.sample_rate
    rate = plan.rate or own
    # A song of a low rate goes through that rate, which keeps what the network adds above its band out.
    made = rate if own >= min(rate, SAMPLE_RATE) else own
    resampled = ResampledSink(sink, made, rate, reader.header.channels) if rate != made else None
    inner: Sink = resampled or sink
    try:
        with engine_for_file(engine) as running:
            report = Decoder(reader, plan, made, running, progress).run(inner)
    except FormatError as error:
        raise located(error, reader.header, reader.samples) from None
    return replace(report, sample_rate=rate, samples=resampled.finish(), clipped=sink.clipped) if resampled else report


class Decoder:
    """One file on its way from chunks to samples, at a rate that need not be the song's."""

    def __init__(self, reader: Reader, plan: DecodePlan, rate: int, engine: Engine, progress: Progress | None) -> None:
        header = reader.header
        self._model = models.for_file(header.bitstream, plan.model)
        check_tier(header, self._model)
        self._reader, self._engine, self._progress = reader, engine, progress
        chosen = self._model.decoder(plan.decoder)
        self._decoder_name = chosen.name
        self._synthesizer = backend.decoder(self._model, chosen, engine.sessions, header)
        self._rate = rate
        self._part = Part.of(plan, header, rate)
        self._source: ChunkSource = (Salvage if plan.salvage else WholeFile)(reader, self._part)

    def run(self, sink: Sink) -> DecodeReport:
        """Decode everything that the plan asks for."""
        header, part, source = self._reader.header, self._part, self._source
        output = Output(sink, header, part, self._rate)
        for chunk, wave in self._synthesized():
            if isinstance(chunk, Gap):
                if part.to_sample is None or output.start(chunk.index) < part.to_sample:
                    source.lost(chunk)
                output.push(chunk.index, None, wave)
            else:
                output.push(chunk.index, chunk.side_info, wave)
        samples = source.song_samples(output.ready)
        if samples is not None:
            samples = resampled_length(samples, header.sample_rate, self._rate)
        written = output.finish(samples)
        return DecodeReport(
            self._rate, header.channels, written, sink.clipped, self._model.name, self._decoder_name,
            self._synthesizer.provider, source.losses(), source.notes(), "" if written else self._emptiness(samples),
        )  # fmt: skip

    def _emptiness(self, samples: int | None) -> str:
        """Why nothing was decoded, of a song of so many samples per channel."""
        rate, begin = self._rate, self._part.from_sample
        if samples == 0:
            return "nothing was decoded: the song has no samples"
        if samples is not None and begin >= samples:
            end, asked = clock(samples / rate), clock(begin / rate)
            return f"nothing was decoded: the song ends at {end}, and {asked} is asked for"
        return "nothing was decoded: a part without length is asked for"

    def _synthesized(self) -> Iterator[tuple[OpenedChunk | Gap, Float]]:
        """Yield every chunk from the part's beginning on, with its mid and side [2, (F + 1) 700]."""
        wanted = (around for around in triples(self._selected()) if around[1].index >= self._part.begin)
        return self._engine.map(self._synthesize, wanted, STAGES)

    def _selected(self) -> Iterator[OpenedChunk | Gap]:
        """Yield the chunks of the part and one on either side, each unpacked for the network."""
        total = self._source.total
        for opened in self._engine.map(self._open, self._source, STAGES):
            if self._progress:
                self._progress((opened.index + 1) / total if total else None)
            yield opened

    def _open(self, chunk: Chunk | Gap) -> OpenedChunk | Gap:
        if isinstance(chunk, Gap):
            return chunk
        try:
            latents = unpack(self._reader.header, chunk, self._model)
        except DamagedError as error:
            return self._source.damaged(chunk, error)
        opened: OpenedChunk = self._synthesizer.open(latents, chunk)
        return opened

    def _synthesize(self, around: Around) -> tuple[OpenedChunk | Gap, Float]:
        """A chunk and its mid and side. A gap becomes the silence of a whole chunk, and its neighbours fade."""
        before, chunk, after = around
        if isinstance(chunk, Gap):
            return chunk, np.zeros((2, (self._reader.header.chunk_length(chunk.index) + 1) * HOP), np.float32)
        known = (None if isinstance(before, Gap) else before, chunk, None if isinstance(after, Gap) else after)
        return chunk, fade(self._synthesizer(known), before, after)
