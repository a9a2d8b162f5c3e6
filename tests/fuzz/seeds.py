"""Small valid files to start from: every coder and kind of model, tags and covers, known and unknown lengths."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from formats import Chunk, Coder, Header, Metadata, Writer
from formats.grid import BANDS, FAST_RISE, HYPER_SIZE, ROTATION_ANGLES, SCALES, SEGMENT, WINDOW_UNITS
from formats.model.contexts import CONTEXTS
from formats.model.plain_tables import PlainTables
from formats.model.tables import MAGNITUDES, Tables, frequencies
from formats.payload.chunk import AnyTables, Latents, encode_payload, vector_count
from formats.payload.side_info import slow_rise

MODELS = Path(__file__).parent.parent / "models"
RANKED, CONTEXTUAL, MIXED, LOUD = (bytes(range(start, start + 8)) for start in (0, 8, 16, 24))
MIXED_LATENTS = 40


def all_tables() -> dict[bytes, AnyTables]:
    """Integers of four models by id: ranked without and with contexts, mixed, and ranked with contexts and loudness."""
    ranked, loud = (Tables.from_bytes((MODELS / name / "tables.npz").read_bytes()) for name in ("tiny2", "tiny"))
    counts = np.random.default_rng(7).gamma(0.5, 1, (CONTEXTS, SCALES, MAGNITUDES)) + 0.1
    main = frequencies(counts.reshape(-1, MAGNITUDES)).reshape(counts.shape)
    size = 2.0 ** ((np.arange(SCALES) - 20) / 4)
    widths = np.exp(-np.arange(MAGNITUDES) / np.minimum(size, 16)[:, None])
    intercept = np.rint(np.linspace(46.7, -9.3, MIXED_LATENTS) * (1 << 20)).astype(np.int32)
    return {
        RANKED: ranked,
        CONTEXTUAL: replace(ranked, main=main),
        MIXED: PlainTables(intercept, frequencies(widths)),
        LOUD: loud,
    }


def payload(frames: int, header: Header, tables: AnyTables, seed: int = 0) -> bytes:
    """One chunk of noise that falls with rank; a stretch of it is listed as silence, two as raised, bands as turned,
    and if it can be, units as long.

    Of every third seed the lists are those of format version 1, and of every other third those of version 2; of every
    sixth one attacks rise slowly.
    """
    rng = np.random.default_rng(seed)
    main = header.latent - 16 if isinstance(tables, Tables) else header.latent
    vectors = rng.integers(-12, -2, (vector_count(frames, tables), HYPER_SIZE)).astype(np.int8)
    values = np.rint(rng.laplace(0, 3, (frames, main)) * 2.0 ** -np.linspace(0, 5, main)).astype(np.int32)
    latents = Latents(vectors, values, np.array([[7, 900]], np.int64))
    if seed % 3 != 2:
        turns = rng.integers(0, ROTATION_ANGLES, (-(-frames // SEGMENT), BANDS)).astype(np.uint8)
        attacks = np.array([[1, 5, 4, FAST_RISE], [8, 6, 7, FAST_RISE]], np.int64)
        latents = replace(latents, attacks=attacks, turns=turns)
    if seed % 6 == 1:
        latents.attacks[:, 3] = [slow_rise(5), slow_rise(6)]
    if seed % 3 == 1 and frames >= SEGMENT:
        long = np.zeros((len(latents.turns), WINDOW_UNITS), np.bool_)
        long[: frames // SEGMENT] = rng.random((frames // SEGMENT, WINDOW_UNITS)) < 0.5
        long[0, 3] = True
        latents = replace(latents, long=long)
    return encode_payload(latents, header.gain, header.coder, tables)


def header(model: bytes = RANKED, **fields: object) -> Header:
    """A header with the usual fields and the ones given."""
    plain = {
        "sample_rate": 44_100, "channels": 2, "samples": None, "latent": 32, "hop": 700, "chunk_frames": 126,
        "gain": 0, "coder": Coder.RANGE, "model": model, "encoder_version": "0.1.0",
    }  # fmt: skip
    return Header(**{**plain, **fields})  # type: ignore[arg-type]


def write(head: Header, metadata: Metadata, payloads: list[bytes], last: int) -> bytes:
    """A file of these payloads, its last chunk of `last` frames, with as many samples as those hold."""
    out = io.BytesIO()
    writer = Writer(out, head, metadata)
    whole = head.chunk_frames
    for index, data in enumerate(payloads):
        writer.write(Chunk(index, index * whole, last if index == len(payloads) - 1 else whole, data))
    writer.finish(max(writer.frames - 1, 0) * head.hop * head.sample_rate // 44_100)
    return out.getvalue()


def containers() -> list[bytes]:
    """Files for the reader, which does not look into payloads: from the shortest there is to several chunks."""
    tags = Metadata({"title": "Ode", "artist": "Zoë"}, b"\xff\xd8\xff", "image/jpeg")
    return [
        write(header(), Metadata(), [], 0),
        write(header(coder=Coder.ZSTD), tags, [b"first", b"last"], 3),
        write(header(), Metadata({"a": "b"}), [b"", b"x" * 40, b"\xf5AZC", b"\xf5AZT" * 3], 126),
    ]


def songs() -> list[bytes]:
    """Files that decode: both coders, all four models, and an unusual rate, gain or channel count in most."""
    found = []
    for place, (model, tables) in enumerate(all_tables().items()):
        for coder in Coder:
            rate, channels, gain = [(44_100, 2, 0), (8000, 1, -40), (48_000, 2, 90), (44_100, 2, 30)][place]
            head = header(model, coder=coder, sample_rate=rate, channels=channels, gain=gain)
            lasts = [126, 126, 5] if place == 0 else [126, 5]
            parts = [payload(frames, head, tables, seed + 1) for seed, frames in enumerate(lasts)]
            found.append(write(head, Metadata({"title": coder.name}), parts, lasts[-1]))
    return found
