"""Audio to .aez: the story, read top to bottom; streaming, in bounded memory.

    source --> windows          --> analysed chunks --> quantize at tier and gain, code --> container
               (source_windows)     (backend)           (payload.encode_chunk)              (formats.Writer)

Only a plan with a bit rate needs the whole song before the first chunk is written: the analysed chunks wait in a
temporary file while `rate_control` searches for the gain, and the last draft of that search becomes the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from codec.files import temporary_file
from codec.pipeline import backend
from codec.pipeline.chunks import ENCODER_CONTEXT, AnalysedChunk, regroup
from codec.pipeline.payload import DOUBTFUL, encode_chunk, try_coders
from codec.pipeline.plan import EncodePlan
from codec.pipeline.source_windows import SourceWindows
from codec.pipeline.workers import Engine, Progress, engine_for_file
from codec.version import __version__
from formats import Chunk, Coder, Header, Metadata, Writer
from formats.container.checksum import crc32c
from formats.container.metadata import picture_size
from formats.grid import CHUNK, HOP
from formats.payload.chunk import encode_payload

if TYPE_CHECKING:
    from codec.audio.source import AudioSource


@dataclass(frozen=True)
class EncodeReport:
    """What `encode` did.

    Attributes:
        seconds, samples: duration of the audio, and its samples per channel.
        sample_rate, channels: of the source.
        coded_bytes, picture_bytes: size of the whole file, and of the pictures in it.
        kbps: rate in 1000 bit/s of the file without its pictures.
        latent, gain, coder, model: settings that the file was made with.
        provider: what ran the network; see `codec.runtime.session`.
        lost: lines for the user about what is missing in the source; only a caller who accepts that gets any.
        notes: lines for the user about the result.
    """

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
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    picture_bytes: int = 0


def encode(
    source: AudioSource,
    target: BinaryIO,
    plan: EncodePlan,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> EncodeReport:
    """Compress a source into a file object, which is written front to back and never sought.

    Args:
        source: what `codec.audio.open.open_source` gives, or a `codec.audio.source.ArraySource`.
        target: binary file object.
        plan: how to encode.
        engine: sessions and threads to share with other files.
        progress: called as the source is read.

    Raises:
        AudioError: the source cannot be read; ModelError: the model cannot be run; OSError as the file
        objects raise it.
    """
    with engine_for_file(engine) as running:
        analyse = backend.encoder(plan.model, running.sessions)
        windows = SourceWindows(source, ENCODER_CONTEXT, progress)
        chunks = regroup(running.map(analyse, windows, plan.stages), plan.chunk_frames, source.sample_rate)
        song = _Song(source, windows, plan, running)
        if plan.bitrate is None:
            header, size = song.write(target, chunks, plan.gain_for(source.sample_rate), plan.coder)
        else:
            header, size = song.write_at_rate(target, chunks, plan.bitrate)
    seconds = windows.samples / source.sample_rate
    return EncodeReport(
        seconds, windows.samples, source.sample_rate, source.channels, size,
        (size - song.picture_bytes) / 125 / seconds if seconds else 0.0,
        header.latent, header.gain, header.coder.name.lower(), plan.model.name, analyse.provider,
        tuple(source.lost), tuple(_notes(source, windows.samples, song.left_out)), song.picture_bytes,
    )  # fmt: skip


def _notes(source: AudioSource, samples: int, left_out: Iterable[str]) -> Iterator[str]:
    """Lines for the user."""
    yield from source.notes
    if not samples:
        yield f"{source.name} has no samples, so the result is empty"
    if words := "; ".join(left_out):
        yield f"{source.name}: left out: {words}"


class _Song:
    """Writes the analysed chunks of one source into a file."""

    def __init__(self, source: AudioSource, windows: SourceWindows, plan: EncodePlan, engine: Engine) -> None:
        self._source, self._windows, self._plan, self._engine = source, windows, plan, engine
        self._tags, left_out = plan.tags.applied(source.tags)
        self.picture_bytes = sum(picture_size(picture) for picture in self._tags.pictures)
        self.left_out = (*(source.tags_left_out if plan.tags.keeps_all else ()), *left_out)

    def write(
        self, target: BinaryIO, chunks: Iterator[AnalysedChunk], gain: int, coder: Coder | None
    ) -> tuple[Header, int]:
        """Quantize, code and write chunks as they come -> the file's header, and its size in bytes.

        The header comes first and holds the coder, which is chosen by about 10 seconds of the song, and the file id,
        which depends on the first chunk.
        """
        first = [] if coder else _opening(chunks)
        made: dict[AnalysedChunk, bytes] = {}
        if coder is None:
            coder, payloads = self._by_smaller_coder(first, gain)
            made = dict(zip(first, payloads, strict=True))

        def code(chunk: AnalysedChunk) -> tuple[int, bytes]:
            known = made.pop(chunk, None)
            payload = known or encode_chunk(chunk, self._plan.main_count, gain, coder, self._plan.model.tables)
            return len(chunk.coefficients), payload

        coded = self._engine.map(code, chain(first, chunks), self._plan.stages)
        opening = next(coded, None)
        header = self._header(gain, coder, opening[1] if opening else b"")
        writer = Writer(target, header, self._tags)
        for index, (frames, payload) in enumerate(chain([opening] if opening else [], coded)):
            writer.write(Chunk(index, header.chunk_start(index), frames, payload))
        writer.finish(self._windows.samples)
        return header, writer.coded_size

    def write_at_rate(self, target: BinaryIO, chunks: Iterator[AnalysedChunk], bitrate: float) -> tuple[Header, int]:
        """As `write`, at the gain with which the file without its pictures is nearest to a rate in 1000 bit/s.

        Drafts of the file wait in temporary files until the gain is found; mostly there is only one.
        """
        import shutil

        from codec.pipeline.rate_control import Spool, find_gain

        drafts: dict[int, tuple[BinaryIO, Header, int]] = {}
        with Spool(chunks) as spool, ExitStack() as stack:
            overhead = _overhead(self._source, self._tags)

            def draft(gain: int) -> float:
                file = stack.enter_context(temporary_file())
                header, size = self.write(file, iter(spool), gain, self._plan.coder)
                drafts[gain] = file, header, size
                return size - overhead

            wanted = bitrate * 125 * self._windows.samples / self._source.sample_rate
            wanted -= overhead - self.picture_bytes
            file, header, size = drafts[find_gain(spool, self._engine, max(wanted, 1.0), self._plan, draft)]
            file.seek(0)
            shutil.copyfileobj(file, target)
        return header, size

    def _by_smaller_coder(self, first: Sequence[AnalysedChunk], gain: int) -> tuple[Coder, list[bytes]]:
        """The coder whose payloads of the first chunks are smaller together, and these payloads."""
        plan, tables = self._plan, self._plan.model.tables
        tried = list(self._engine.map(lambda chunk: try_coders(chunk, plan.main_count, gain, tables), first))
        by_range = [one.payload for one in tried]
        size = sum(map(len, by_range))
        if sum(one.estimate for one in tried) > DOUBTFUL * size:
            return Coder.RANGE, by_range
        by_zstd = list(self._engine.map(lambda one: encode_payload(one.latents, gain, Coder.ZSTD, tables), tried))
        return (Coder.ZSTD, by_zstd) if sum(map(len, by_zstd)) < size else (Coder.RANGE, by_range)

    def _header(self, gain: int, coder: Coder, first_payload: bytes) -> Header:
        source, plan = self._source, self._plan
        tags = "\0".join(f"{key}={value}" for key, values in self._tags.tags.items() for value in values)
        return Header(
            sample_rate=source.sample_rate, channels=source.channels, samples=source.samples, latent=plan.latent,
            hop=HOP, chunk_frames=plan.chunk_frames, gain=gain, coder=coder, bitstream=plan.model.id,
            encoder_version=__version__, file_id=crc32c(tags.encode("utf-8", "replace"), first_payload),
        )  # fmt: skip


def _opening(chunks: Iterator[AnalysedChunk]) -> list[AnalysedChunk]:
    """The first chunks, 10 seconds of them or a little more."""
    taken: list[AnalysedChunk] = []
    while sum(len(chunk.coefficients) for chunk in taken) < CHUNK and (chunk := next(chunks, None)):
        taken.append(chunk)
    return taken


def _overhead(source: AudioSource, tags: Metadata) -> int:
    """Bytes of a file of this source, with these tags, without its chunks."""
    header = Header(
        sample_rate=source.sample_rate, channels=source.channels, samples=0, latent=32, hop=HOP, chunk_frames=CHUNK,
        gain=0, coder=Coder.RANGE, bitstream=bytes(8), encoder_version=__version__,
    )  # fmt: skip
    writer = Writer(BytesIO(), header, tags)
    writer.finish(0)
    return writer.coded_size
