"""Small valid files to start from: every coder and kind of model, tags and covers, known and unknown lengths."""

import io
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np

from formats import Chunk, Coder, Header, Metadata, Picture, Writer
from formats.grid import BANDS, HYPER_SIZE, ROTATION_ANGLES, SCALES, SEGMENT, WINDOW_UNITS
from formats.model import AnyTables, PlainTables, Tables
from formats.model.contexts import CONTEXTS
from formats.model.tables import MAGNITUDES, frequencies
from formats.payload.chunk import ChunkLatents, encode_payload, vector_count
from formats.payload.side_info import GAIN_CONTROL, LONG_WINDOWS, ROTATION, SILENCE, SideInfo
from tests.support import MODELS

PLAIN_LATENTS = 40
EVERY_LIST = SILENCE + GAIN_CONTROL + ROTATION + LONG_WINDOWS


@cache
def all_tables() -> tuple[AnyTables, ...]:
    """Tables of three models: a ranked one, the same with other frequencies in every context, and a plain one."""
    ranked = Tables.from_bytes((MODELS / "tiny" / "tables.npz").read_bytes())
    counts = np.random.default_rng(7).gamma(0.5, 1, (CONTEXTS, SCALES, MAGNITUDES)) + 0.1
    main = frequencies(counts.reshape(-1, MAGNITUDES)).reshape(counts.shape)
    size = 2.0 ** ((np.arange(SCALES) - 20) / 4)
    widths = np.exp(-np.arange(MAGNITUDES) / np.minimum(size, 16)[:, None])
    intercept = np.rint(np.linspace(46.7, -9.3, PLAIN_LATENTS) * (1 << 20)).astype(np.int32)
    return ranked, replace(ranked, main=main), PlainTables(intercept, frequencies(widths))


def side_info(frames: int, flags: int = EVERY_LIST, seed: int = 0) -> SideInfo:
    """Side information with the lists that `flags` names; long windows only where a segment is whole."""
    rng, out = np.random.default_rng(seed), SideInfo.empty(frames)
    if flags & SILENCE:
        out = out._replace(silence=np.array([[7, 900]], np.int64))
    if flags & GAIN_CONTROL:
        out = out._replace(gain_control=np.array([[1, 5, 8], [8, 6, 15]], np.int64))
    if flags & ROTATION:
        out.rotation[:] = rng.integers(0, ROTATION_ANGLES, (len(out.rotation), BANDS))
        out.rotation[0, 3] = 1
    if flags & LONG_WINDOWS and frames >= SEGMENT:
        out.long_windows[: frames // SEGMENT] = rng.random((frames // SEGMENT, WINDOW_UNITS)) < 0.5
        out.long_windows[0, 3] = True
    return out


def payload(frames: int, header: Header, tables: AnyTables, flags: int = EVERY_LIST, seed: int = 0) -> bytes:
    """One chunk of noise that falls with rank, with side information."""
    rng = np.random.default_rng(seed)
    main = header.latent - 16 if isinstance(tables, Tables) else header.latent
    hyper = rng.integers(-12, -2, (vector_count(frames, tables), HYPER_SIZE)).astype(np.int8)
    indices = np.rint(rng.laplace(0, 3, (frames, main)) * 2.0 ** -np.linspace(0, 5, main)).astype(np.int32)
    latents = ChunkLatents(hyper, indices, side_info(frames, flags, seed))
    return encode_payload(latents, header.gain, header.coder, tables)


def header(tables: AnyTables | None = None, **fields: object) -> Header:
    """A header for files of these tables, or of the first ones, with the usual fields and the ones given."""
    usual = {
        "sample_rate": 44_100, "channels": 2, "samples": None, "latent": 32, "hop": 700, "chunk_frames": 126,
        "gain": 0, "coder": Coder.RANGE, "bitstream": (tables or all_tables()[0]).bitstream_id(),
        "encoder_version": "1.0.0", "file_id": 7,
    }  # fmt: skip
    return Header(**{**usual, **fields})  # type: ignore[arg-type]


def samples_for(frames: int, head: Header) -> int:
    """A number of samples that takes this many frames: 0 or at least 2."""
    samples = max(frames - 1, 0) * head.hop * head.sample_rate // 44_100
    assert head.frames_for(samples) == frames
    return samples


def chunks(payloads: list[bytes], last: int, whole: int = SEGMENT) -> list[Chunk]:
    """Chunks of `whole` frames, the last one of `last`."""
    end = len(payloads) - 1
    return [Chunk(n, n * whole, last if n == end else whole, data) for n, data in enumerate(payloads)]


def write(head: Header, metadata: Metadata, payloads: list[bytes], last: int) -> bytes:
    """A file of these payloads, its last chunk of `last` frames, with as many samples as those take."""
    out = io.BytesIO()
    writer = Writer(out, head, metadata)
    for chunk in chunks(payloads, last, head.chunk_frames):
        writer.write(chunk)
    writer.finish(samples_for(writer.frames, head))
    return out.getvalue()


PICTURES = (Picture(b"\xff\xd8\xff", "image/jpeg"), Picture(b"\x89PNG", "image/png", 4, "back"))


def containers() -> list[bytes]:
    """Files for the reader, which does not look into payloads: from the shortest there is to several chunks."""
    tags = Metadata({"TITLE": ("Ode",), "ARTIST": ("Zoë", "Max")}, PICTURES)
    return [
        write(header(), Metadata(), [], 0),
        write(header(coder=Coder.ZSTD), tags, [b"first", b"last"], 3),
        write(header(), Metadata({"a": ("b",)}), [b"", b"x" * 40, b"\xf5AZC", b"\xf5AZT" * 3], 126),
    ]


def songs() -> list[bytes]:
    """Files that decode: both coders, all three models, and an unusual rate, gain or channel count in most."""
    found = []
    sources = [(44_100, 2, 0), (8000, 1, -40), (48_000, 2, 90)]
    for (tables, (rate, channels, gain)), coder in product(zip(all_tables(), sources, strict=True), Coder):
        head = header(tables, coder=coder, sample_rate=rate, channels=channels, gain=gain)
        lasts = [126, 126, 5] if rate == 44_100 else [126, 5]
        parts = [payload(frames, head, tables, seed=seed + 1) for seed, frames in enumerate(lasts)]
        found.append(write(head, Metadata({"TITLE": (coder.name,)}), parts, lasts[-1]))
    return found
