"""A pipeline that only packs samples, for tests of the command line, in this process and in others."""

import io
import os
import time
import zlib
from dataclasses import replace

import numpy as np

from codec.audio.sink import AudioSink
from codec.audio.source import AudioSource
from codec.pipeline import decode as decoding
from codec.pipeline import encode as encoding
from codec.pipeline import peel as peeling
from formats import Chunk, Coder, Header, Reader, Writer
from formats.errors import DamagedError
from tests.support import ROOT

FAKE_MODEL = b"\x01\x23\x45\x67\x89\xab\xcd\xef"


def fake_encode(source: AudioSource, target: io.BufferedIOBase, *, latent, gain, progress, **options):
    """Pack 16 bit samples, 2 s a chunk."""
    header = Header(
        sample_rate=source.sample_rate, channels=source.channels, samples=source.samples, latent=latent or 128, hop=700,
        chunk_frames=126, gain=gain or 0, coder=Coder.ZSTD, model=FAKE_MODEL, encoder_version="0.1.0",
    )  # fmt: skip
    writer = Writer(target, header, source.tags)
    total = 0
    for index, block in enumerate(source.blocks(2 * source.sample_rate)):
        packed = zlib.compress(np.rint(block.T * 32768).astype("<i2").tobytes())
        writer.write(Chunk(index, index * 126, 126, packed))
        total += block.shape[1]
        if progress:
            progress(0.5)
        time.sleep(float(os.environ.get("FAKE_SLEEP", "0")))
    writer.finish(total)
    seconds = total / source.sample_rate
    return encoding.EncodeReport(
        seconds, total, source.sample_rate, source.channels, writer.coded_size, 12.34, header.latent, header.gain,
        "zstd", "fake", "CPUExecutionProvider",
    )  # fmt: skip


def fake_decode(reader: Reader, sink: AudioSink, *, start, duration, progress, **options):
    rate, channels = reader.header.sample_rate, reader.header.channels
    blocks = [np.frombuffer(zlib.decompress(chunk.payload), "<i2").reshape(-1, channels).T for chunk in reader]
    if not reader.complete:
        raise DamagedError("the file ends early: it has no trailer")
    audio = np.concatenate([np.zeros((channels, 0), "<i2"), *blocks], axis=1).astype(np.float32) / 32768
    end = None if duration is None else round((start + duration) * rate)
    audio = audio[:, round(start * rate) : end]
    sink.write(audio * float(os.environ.get("FAKE_GAIN", "1")))
    return decoding.DecodeReport(rate, channels, audio.shape[1], sink.clipped, "fake", "CPUExecutionProvider")


def fake_peel(source, target, latent):
    reader = Reader(source)
    writer = Writer(target, replace(reader.header, latent=latent), reader.metadata)
    for chunk in reader:
        writer.write(chunk)
    writer.finish(reader.samples or 0)


FAKES = {"encode": (encoding, fake_encode), "decode": (decoding, fake_decode), "peel": (peeling, fake_peel)}
PROGRAM = f"""
import signal, sys
for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    if hasattr(signal, name):  # whoever runs the tests in the background may have them ignored
        signal.signal(getattr(signal, name), handler)
sys.path.insert(0, {str(ROOT)!r})
from tests.support import cli_fakes
for name, (module, fake) in cli_fakes.FAKES.items():
    setattr(module, name, fake)
from codec.cli.main import main
main()
"""
