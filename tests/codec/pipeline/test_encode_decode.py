"""Whole songs through the tiny model: exact lengths, exact integers, windows, peeling, wrong options."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from codec.audio.source import ArraySource
from codec.dsp import mdct, noise_filling, stereo, window_switching
from codec.pipeline import payload, ranked_encoder, source_windows
from codec.pipeline import peel as peeling
from codec.pipeline.chunks import DECODER_CONTEXT, ENCODER_CONTEXT, AnalysedChunk, Windower
from codec.pipeline.output import BLOCK, Overlap
from codec.pipeline.ranked_decoder import RankedDecoder, dequantize
from codec.pipeline.ranked_encoder import RankedEncoder
from codec.pipeline.workers import Engine
from codec.quantization.hyper_trellis import change_code_lengths
from codec.quantization.quantize import quantize_hyper
from codec.runtime import models
from codec.runtime.session import Sessions
from formats import Metadata, Picture, Reader
from formats.errors import UsageError
from formats.grid import (
    BANDS,
    CHUNK,
    COEFFICIENTS,
    HOP,
    HYPER_FRAMES,
    HYPER_MIN,
    SAMPLE_RATE,
    SEGMENT,
    WINDOW_UNITS,
    frame_count,
    segment_count,
)
from tests.support.codec import Array, Sink, decode_into, decoded, encode_into, encoded
from tests.support.pipeline_files import snr, unpacked
from training.data.songs import song

TIERS = (32, 64, 128, 256, 512, 1024)  # of the tiny model

pytestmark = pytest.mark.usefixtures("tiny")

TEN = 10 * SAMPLE_RATE


# Lengths, rates, channels


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("samples", [0, 1, 699, 700, 701, 44100, 88200, TEN - 700, TEN - 1, TEN, TEN + 1])
def test_every_sample_comes_back(samples: int, channels: int, music: Array) -> None:
    x = music[:channels, :samples]
    for coder in ("range", "zstd"):
        data = encoded(x, latent=32, coder=coder)
        y = decoded(data)
        assert y.shape == x.shape
        assert y.dtype == np.float32
        reader = Reader(io.BytesIO(data))
        assert (reader.samples, reader.header.channels) == (samples, channels)
        assert reader.frames == frame_count(samples)


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000])
def test_every_rate_comes_back(rate: int) -> None:
    wave = song(2 + 1 / rate, rate)
    for channels in (1, 2):
        for samples in (0, 1, 2 * rate + 1):
            x = wave[:channels, :samples]
            y = decoded(encoded(x, rate, latent=512, gain=160))
            assert y.shape == x.shape
            if samples > rate:
                assert snr(x, y) > 12
                late = max(snr(x[:, n:-n], y[:, n + d : y.shape[1] - n + d]) for n in (2,) for d in (-2, -1, 1, 2))
                assert late < snr(x, y)


def test_more_bits_come_closer(music: Array) -> None:
    """Not a measure of quality, but a wrong transform, order, sign or step would show."""
    x = music[:, : 3 * SAMPLE_RATE]
    steps = [(32, 0), (128, 32), (512, 160)]
    at = [snr(x, decoded(encoded(x, latent=latent, gain=gain))) for latent, gain in steps]
    assert at == sorted(at)
    assert at[0] > 2
    assert at[2] > 15


def test_two_equal_channels_stay_equal() -> None:
    for rate in (44100, 48000):
        mono = song(3.0, rate, 1)
        y = decoded(encoded(np.repeat(mono, 2, 0), rate))
        assert np.array_equal(y[0], y[1])
        assert y.any()
        assert np.array_equal(decoded(encoded(mono, rate))[0], y[0])


@pytest.mark.parametrize("latent", [32, 512])
@pytest.mark.parametrize("gain", [-512, 512])
@pytest.mark.parametrize("coder", ["range", "zstd"])
def test_loudest_noise_at_the_ends_of_gain(coder: str, gain: int, latent: int) -> None:
    x = np.random.default_rng(0).choice([-1, 1], (2, 90_000)).astype(np.float32)
    y = decoded(encoded(x, latent=latent, gain=gain, coder=coder, chunk_frames=SEGMENT))
    assert np.isfinite(y).all()


# Silence


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_silence_stays_silence(rate: int) -> None:
    for channels in (1, 2):
        x = np.zeros((channels, 3 * rate + 17), np.float32)
        data = encoded(x, rate)
        assert len(data) < 700
        assert np.array_equal(decoded(data), x)


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("chunk_frames", [SEGMENT, CHUNK])
def test_gaps_stay_gaps_to_the_sample(rate: int, chunk_frames: int) -> None:
    x = song(12.5, rate, seed=1).copy()
    gaps = [(0, 3000), (rate, rate + rate // 49), (2 * rate - 999, 2 * rate + 777), (9 * rate + 13, 10 * rate + 17)]
    gaps.append((x.shape[1] - 2500, x.shape[1]))
    for a, b in gaps:
        x[:, a:b] = 0
    x[0, 5 * rate : 6 * rate] = 0  # silence in one channel is no gap
    y = decoded(encoded(x, rate, chunk_frames=chunk_frames))
    for a, b in gaps:
        assert not y[:, a:b].any()
        for edge in (a - 1, b):
            if 0 <= edge < x.shape[1]:
                assert y[:, edge].any()
    assert y[:, 5 * rate : 6 * rate].any(0).mean() > 0.99


def test_one_silent_side_of_the_stereo_is_kept_by_the_integers(music: Array) -> None:
    """From a segment's beginning on: bands of a segment that is not all mid may be rotated."""
    x = music[:, : 4 * SAMPLE_RATE].copy()
    start = SEGMENT * HOP
    x[1, start - HOP :] = x[0, start - HOP :]  # nothing but mid from the segment's first frame on
    y = decoded(encoded(x))
    assert np.array_equal(y[0, start:], y[1, start:]) and y[0, start:].any()
    assert not np.array_equal(y[0, : start - 2100], y[1, : start - 2100])


# The same integers, whatever


def test_same_input_same_bytes(music: Array, files: dict[tuple[int, int], bytes]) -> None:
    assert encoded(music, latent=64) == files[44100, CHUNK]


@pytest.mark.parametrize("rate", [44100, 48000])
def test_blocks_of_the_source_change_nothing(rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = song(12.0, rate, seed=2)
    wanted = encoded(x, rate, latent=32)
    for size in (4097, 1 << 20):
        monkeypatch.setattr(source_windows, "BLOCK", size)
        assert encoded(x, rate, latent=32) == wanted


def test_the_length_of_what_the_encoders_network_sees_changes_nothing(
    music: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = music[:, : 7 * SAMPLE_RATE]
    wanted = encoded(x, latent=64)
    for part in (3, 126, CHUNK):
        monkeypatch.setattr(ranked_encoder, "PART", part)
        assert encoded(x, latent=64) == wanted


def test_chunk_length_changes_no_integer(held: Array) -> None:
    rate = 48000
    x = song(21.0, rate, seed=3)
    x[:, 11 * rate :] += held[:, : x.shape[1] - 11 * rate]
    x[:, 9 * rate : 11 * rate] = 0
    files = {frames: encoded(x, rate, latent=64, chunk_frames=frames) for frames in (126, 630, 1260)}
    counts = {frames: Reader(io.BytesIO(data)).chunk_count for frames, data in files.items()}
    assert counts == {126: 11, 630: 4, 1260: 4}
    wanted = unpacked(files[630])
    assert wanted.side_info.silence.tolist() == [[9 * rate, 2 * rate]]
    assert wanted.side_info.long_windows.any() and not wanted.side_info.long_windows.all()
    heard = decoded(files[630])
    for frames in (126, 1260):
        got = unpacked(files[frames])
        assert np.array_equal(got.hyper, wanted.hyper)
        assert np.array_equal(got.indices, wanted.indices)
        assert np.array_equal(got.side_info.silence, wanted.side_info.silence)
        assert np.array_equal(got.side_info.rotation, wanted.side_info.rotation)
        assert np.array_equal(got.side_info.long_windows, wanted.side_info.long_windows)
        np.testing.assert_allclose(decoded(files[frames]), heard, atol=1e-5)


@pytest.mark.parametrize("coder", ["range", "zstd"])
def test_peeling_keeps_the_first_ranks(coder: str, held: Array) -> None:
    """What encoding at that tier gives, but for a few magnitudes that were decided among other neighbours."""
    x = held[:, : 4 * SAMPLE_RATE]
    tags = Metadata({"TITLE": ("Ode",)}, (Picture(b"cover", "image/png"),))
    files = {}
    for latent in TIERS:
        out = io.BytesIO()
        source = ArraySource(x, SAMPLE_RATE, tags)
        encode_into(source, out, latent=latent, gain=20, coder=coder, chunk_frames=SEGMENT)
        files[latent] = out.getvalue()
    content = {latent: unpacked(data) for latent, data in files.items()}
    for large in TIERS:
        for small in TIERS:
            out = io.BytesIO()
            if small <= large:
                peeling.peel(io.BytesIO(files[large]), out, small)
                got, whole, direct = unpacked(out.getvalue()), content[large], content[small]
                assert np.array_equal(got.indices, whole.indices[:, : got.indices.shape[1]])
                assert np.array_equal(got.hyper, direct.hyper)
                for mine, theirs in zip(got.side_info, direct.side_info, strict=True):
                    assert np.array_equal(mine, theirs)
                assert got.side_info.long_windows.any()
                apart = np.abs(got.indices - direct.indices)
                assert apart.max() <= 1 and (apart > 0).mean() < 0.03
                assert len(out.getvalue()) < 1.03 * len(files[small])
                if small == large:
                    assert out.getvalue() == files[small]
            else:
                with pytest.raises(UsageError):
                    peeling.peel(io.BytesIO(files[large]), out, small)
    with pytest.raises(UsageError):
        peeling.peel(io.BytesIO(files[512]), io.BytesIO(), 100)


# Windows of a network


def padded(x: Array, context: int) -> Array:
    """A song between the zeros that windows of whole hyper vectors and `context` frames on both sides have."""
    frames = -(-frame_count(x.shape[1]) // HYPER_FRAMES) * HYPER_FRAMES
    out = np.zeros((2, (frames + 2 * context + 1) * HOP), np.float32)
    out[:, (context + 1) * HOP :][:, : x.shape[1]] = x
    return out


def analysed(mid_side: Array, encoder: RankedEncoder) -> list[AnalysedChunk]:
    """Mid and side in windows."""
    windower = Windower(ENCODER_CONTEXT)
    return [encoder(window) for window in (*windower.push(mid_side), *windower.finish(mid_side.shape[1]))]


@pytest.fixture
def unrotated(monkeypatch: pytest.MonkeyPatch) -> None:
    """No band is rotated: a window's context would be rotated like the window itself."""
    monkeypatch.setattr(stereo, "choose_angles", lambda x: np.zeros((segment_count(len(x)), BANDS), np.uint8))


@pytest.mark.usefixtures("unrotated")
def test_analysis_in_windows_is_analysis_of_the_whole(music: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nor has context long windows.
    monkeypatch.setattr(window_switching, "steady", lambda _: np.zeros(WINDOW_UNITS, np.bool_))
    mid_side = np.stack([music[0] + music[1], music[0] - music[1]]) / 2
    model = models.by_name()
    encoder = RankedEncoder(model, Sessions("cpu"))
    parts = analysed(mid_side, encoder)
    frames, context = frame_count(mid_side.shape[1]), ENCODER_CONTEXT
    coefficients = mdct.frames(padded(mid_side, context))
    hyper = encoder._network(coefficients=coefficients[None])["hyper"][0]
    core = coefficients[context : len(coefficients) - context]
    vectors = quantize_hyper(
        hyper[context // HYPER_FRAMES :][: len(core) // HYPER_FRAMES],
        core,
        change_code_lengths(model.ranked_tables.hyper),
    )
    got = np.concatenate([part.coefficients for part in parts])
    np.testing.assert_allclose(got, coefficients[context : context + frames], atol=1e-5)
    assert np.array_equal(np.concatenate([part.hyper for part in parts]), vectors)
    # The test could not fail if this network did not look at its neighbours.
    alone = encoder._network(coefficients=core[None, 300:330])["hyper"][0]
    assert np.abs(alone - hyper[(300 + context) // HYPER_FRAMES :][:10]).max() > 1e-4


@pytest.mark.usefixtures("unrotated")
def test_long_windows_of_chunks_are_those_of_the_whole(held: Array) -> None:
    mid_side = np.stack([held[0] + held[1], held[0] - held[1]]) / 2
    frames, context = frame_count(mid_side.shape[1]), ENCODER_CONTEXT
    values, long = window_switching.transform(padded(mid_side, context), context, frames)
    assert 0.5 < long.mean() < 1 and long[4, 6] and long[5, 0]  # on both sides of a chunk's end, too
    parts = analysed(mid_side, RankedEncoder(models.by_name(), Sessions("cpu")))
    assert np.array_equal(np.concatenate([part.side_info.long_windows for part in parts]), long)
    got = np.concatenate([part.coefficients for part in parts])
    np.testing.assert_allclose(got, values[context : context + frames], atol=1e-5)
    assert np.abs(got - mdct.frames(padded(mid_side, context))[context : context + frames]).max() > 0.1


def test_synthesis_in_chunks_is_synthesis_of_the_whole(held: Array) -> None:
    data, context = encoded(held, chunk_frames=SEGMENT, latent=64), DECODER_CONTEXT
    reader, model = Reader(io.BytesIO(data)), models.by_name()
    chunks = [dequantize(payload.unpack(reader.header, c, model), c.index, c.first_frame) for c in reader]
    rotation = np.concatenate([c.side_info.rotation for c in chunks])
    long = np.concatenate([c.side_info.long_windows for c in chunks])
    assert rotation.any() and long.any()
    decoder = RankedDecoder(model, model.decoder(), Sessions("cpu"), reader.header)
    overlap = Overlap()
    around = zip([None, *chunks], chunks, [*chunks[1:], None], strict=False)
    got = np.concatenate([overlap.add(decoder(job)) for job in around], 1)

    def whole(context: int) -> Array:
        pad = ((context, context), (0, 0))
        outside = {"quantized": 0, "position": 0, "hyper": HYPER_FRAMES * HYPER_MIN, "long_frames": 0}
        joined = {
            name: np.pad(np.concatenate([getattr(c, name) for c in chunks]), pad, constant_values=value)
            for name, value in outside.items()
        }
        frames = len(joined["hyper"]) - 2 * context
        sent = np.pad(np.ones((frames, 1), np.bool_), pad)
        noise = noise_filling.pattern_noise(model.decoder().noise, 0, joined["long_frames"][context:, 0])
        noise = np.concatenate([np.zeros((context, COEFFICIENTS), np.int8), noise])
        out = decoder._network(
            indices=joined["quantized"][None], position=joined["position"][None], sent=sent[None], noise=noise[None],
            hyper_by_frame=joined["hyper"][None], long=joined["long_frames"][None],
            gain=np.array([reader.header.gain], np.float32),
        )  # fmt: skip
        core = out["coefficients"][0, context : context + frames].reshape(frames, 2, HOP)
        core[np.concatenate([c.silent for c in chunks])] = 0
        mid_side = stereo.rotate_back(core.reshape(frames, -1), rotation)
        return window_switching.inverse_transform(mid_side, long)[:, :-HOP]

    np.testing.assert_allclose(got, whole(context), atol=1e-5)
    alone = Overlap()
    apart = np.concatenate([alone.add(decoder((None, c, None))) for c in chunks], 1)
    assert np.abs(apart - whole(context)).max() > 1e-4


# What cannot be


@pytest.mark.parametrize(
    "options",
    [
        {"latent": 100},
        {"latent": 0},
        {"gain": 513},
        {"gain": -513},
        {"bitrate": 5.9},
        {"bitrate": 128.1},
        {"bitrate": float("nan")},
        {"bitrate": 16, "gain": 0},
        {"coder": "zip"},
        {"chunk_frames": 127},
        {"chunk_frames": 0},
        {"chunk_frames": 2646},
        {"device": "tpu"},
    ],
)
def test_impossible_options_are_usage_errors_and_write_nothing(options: dict[str, Any], music: Array) -> None:
    out = io.BytesIO()
    with pytest.raises(UsageError) as error:
        encode_into(ArraySource(music[:, :100], SAMPLE_RATE), out, **options)
    assert "\n" not in str(error.value)
    assert not out.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {"start": -1.0},
        {"duration": -0.1},
        {"start": float("nan")},
        {"start": float("inf")},
        {"duration": float("nan")},
        {"device": "tpu"},
    ],
)
def test_impossible_times_are_usage_errors(options: dict[str, Any], music: Array) -> None:
    data = encoded(music[:, :1000])
    with pytest.raises(UsageError):
        decoded(data, **options)


# Memory


def test_little_of_a_song_is_under_way_at_a_time(music: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages that run at the same time divide the threads, and the end of decoding works in short blocks."""
    seen: list[int] = []
    through = Engine.map

    def seeing(self: Engine, work: Any, items: Any, stages: int = 1) -> Iterator[Any]:
        seen.append(stages)
        return through(self, work, items, stages)

    monkeypatch.setattr(Engine, "map", seeing)
    data, sink = encoded(music, latent=32), Sink()
    assert seen.count(2) == 2
    decode_into(data, sink)
    assert seen.count(2) == 4
    assert sum(block.shape[1] for block in sink.blocks) == music.shape[1]
    assert max(block.shape[1] for block in sink.blocks) < 1.5 * BLOCK
    seen.clear()
    encoded(music, bitrate=24.0)  # where all is analysed before anything is coded
    assert set(seen) == {1}
