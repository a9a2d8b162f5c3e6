"""A pipeline that only packs samples, for tests of the command line, in this process and in others."""

import io
import os
import subprocess
import sys
import time
import zlib
from dataclasses import replace

import numpy as np

from codec.audio.sink import AudioSink
from codec.audio.source import AudioSource
from codec.audio.tags.choice import ALL
from codec.batch import tasks  # noqa: F401  (imports `encode` before anything takes its place)
from codec.cli.main import cli
from codec.cli.terminal import run
from codec.pipeline import decode, encode, peel
from codec.pipeline.decode import DecodeReport
from codec.pipeline.encode import EncodeReport
from codec.pipeline.plan import DecodePlan, EncodePlan
from formats import Chunk, Coder, Header, Metadata, Reader, Writer
from formats.errors import DamagedError
from tests.support import ROOT

FAKE_BITSTREAM = b"\x01\x23\x45\x67\x89\xab\xcd\xef"
RATE = 8000
FRAMES = 126
"""Frames of a chunk: 2 s."""
TAGS = {"TITLE": ("Jóga",), "ARTIST": ("A",), "TRACKNUMBER": ("3",)}


def write(writer: Writer, payload: bytes, frames: int) -> None:
    """Write the next chunk."""
    writer.write(Chunk(writer.chunk_count, writer.frames, frames, payload))


def finish(writer: Writer, header: Header, payload: bytes, samples: int) -> None:
    """End a file with as many chunks as its samples take."""
    while (left := header.frames_for(samples) - writer.frames) > 0:
        write(writer, payload, min(FRAMES, left))
    writer.finish(samples)


def fake_encode(source: AudioSource, target: io.BufferedIOBase, plan: EncodePlan, *, engine, progress):
    """Pack 16 bit samples, 2 s a chunk."""
    header = Header(
        sample_rate=source.sample_rate, channels=source.channels, samples=source.samples, latent=plan.latent, hop=700,
        chunk_frames=FRAMES, gain=plan.gain, coder=Coder.ZSTD, bitstream=FAKE_BITSTREAM, encoder_version="0.1.0",
    )  # fmt: skip
    metadata, left_out = plan.tags.applied(source.tags)
    writer = Writer(target, header, metadata)
    total = 0
    for block in source.blocks(2 * source.sample_rate):
        packed = zlib.compress(np.rint(block.T * 32768).astype("<i2").tobytes())
        total += block.shape[1]
        write(writer, packed, min(FRAMES, header.frames_for(total) - writer.frames))
        if progress:
            progress(0.5)
        time.sleep(float(os.environ.get("FAKE_SLEEP", "0")))
    finish(writer, header, zlib.compress(b""), total)
    seconds = total / source.sample_rate
    return EncodeReport(
        seconds, total, source.sample_rate, source.channels, writer.coded_size, 12.34, header.latent, header.gain,
        "zstd", "fake", "CPUExecutionProvider", tuple(source.lost),
        (*source.notes, *(f"{source.name}: left out: {line}" for line in left_out)),
    )  # fmt: skip


def fake_decode(reader: Reader, sink: AudioSink, plan: DecodePlan, *, engine, progress):
    rate, channels = reader.header.sample_rate, reader.header.channels
    blocks = [np.frombuffer(zlib.decompress(chunk.payload), "<i2").reshape(-1, channels).T for chunk in reader]
    if not reader.complete:
        raise DamagedError("the file ends early: it has no trailer")
    audio = np.concatenate([np.zeros((channels, 0), "<i2"), *blocks], axis=1).astype(np.float32) / 32768
    end = None if plan.duration is None else round((plan.start + plan.duration) * rate)
    audio = audio[:, round(plan.start * rate) : end]
    sink.write(audio * float(os.environ.get("FAKE_GAIN", "1")))
    return DecodeReport(rate, channels, audio.shape[1], sink.clipped, "fake", "standard", "CPUExecutionProvider")


def fake_peel(source, target, latent, *, model, tags, engine):
    reader = Reader(source)
    metadata, left_out = (tags or ALL).applied(reader.metadata)
    writer = Writer(target, replace(reader.header, latent=latent), metadata)
    for chunk in reader:
        writer.write(chunk)
    writer.finish(reader.samples or 0)
    return left_out


FAKES = {"encode": fake_encode, "decode": fake_decode, "peel": fake_peel}
"""What takes the place of the pipeline's functions of these names."""

HOMES = {"encode": encode, "decode": decode, "peel": peel}
"""The modules of those functions."""

PROGRAM = f"""
import signal, sys
for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    if hasattr(signal, name):  # whoever runs the tests in the background may have them ignored
        signal.signal(getattr(signal, name), handler)
sys.path.insert(0, {str(ROOT)!r})
from tests.support import cli_fakes
for name, fake in cli_fakes.FAKES.items():
    setattr(cli_fakes.HOMES[name], name, fake)
from codec.cli.main import main
main()
"""


def patch(monkeypatch) -> None:
    """Put the fakes in place."""
    for name, fake in FAKES.items():
        monkeypatch.setattr(HOMES[name], name, fake)


def aez(*arguments: object) -> int:
    """The command in this process -> its exit code."""
    return run(cli, [str(argument) for argument in arguments])


def process(*arguments: object, **options) -> subprocess.CompletedProcess:
    """The command with the fakes, in a process of its own."""
    return subprocess.run([sys.executable, "-c", PROGRAM, *map(str, arguments)], capture_output=True, **options)


def aez_file(samples: int = 3 * RATE, metadata: Metadata | None = None, bitstream: bytes = FAKE_BITSTREAM) -> bytes:
    """An .aez file whose payloads are zeros."""
    target = io.BytesIO()
    header = Header(
        sample_rate=RATE, channels=2, samples=samples, latent=64, hop=700, chunk_frames=FRAMES, gain=-5,
        coder=Coder.RANGE, bitstream=bitstream, encoder_version="0.1.0",
    )  # fmt: skip
    writer = Writer(target, header, metadata)
    finish(writer, header, bytes(1000), samples)
    return target.getvalue()
