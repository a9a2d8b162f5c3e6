"""Whole songs through the tiny model: exact lengths, exact integers, seeking, peeling, rates, damage."""

import io
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import Array, decoded, encoded
from hypothesis import given, settings
from hypothesis import strategies as st

from codec import analysis, encoding, noise, pipeline, stereo, synthesis, weights
from codec.audio import ArraySource
from codec.chunks import Windower
from codec.info import describe
from codec.mdct import forward, inverse
from codec.quantize import round_hyper
from formats.coding import Latents
from formats.container import Chunk, Coder, Metadata, Reader, Writer
from formats.errors import AezError, DamagedError, FormatError, ModelError, UsageError
from formats.grid import BANDS, CHUNK, COEFFICIENTS, HOP, SAMPLE_RATE, SEGMENT, SHARE, frame_count
from formats.layout import HEADER_SIZE
from formats.lists import NO_ATTACKS
from training.synthesize import song

TIERS = (32, 64, 128, 256, 512)  # of the tiny model

pytestmark = pytest.mark.usefixtures("tiny")

TEN = 10 * SAMPLE_RATE


def unpacked(data: bytes) -> Latents:
    """All integers of a file; silence in samples of the song, stretches joined that a chunk's end parts."""
    reader = Reader(io.BytesIO(data))
    model = weights.by_id(reader.header.model)
    span = reader.header.chunk_frames * HOP * reader.header.sample_rate // SAMPLE_RATE
    parts, silence = [], []
    for chunk in reader:
        parts.append(pipeline.unpack(reader.header, chunk, model))
        for start, length in parts[-1].silence.tolist():
            if silence and sum(silence[-1]) == chunk.index * span + start:
                silence[-1][1] += length
            else:
                silence.append([chunk.index * span + start, length])
    return Latents(
        np.concatenate([part.hyper for part in parts]),
        np.concatenate([part.main for part in parts]),
        np.array(silence, np.int64).reshape(-1, 2),
    )


def rewritten(data: bytes, change: Callable[[Chunk], Chunk] = lambda chunk: chunk, **fields: Any) -> bytes:
    """A file with other header fields or chunks, and good checksums."""
    reader, out = Reader(io.BytesIO(data)), io.BytesIO()
    writer = Writer(out, replace(reader.header, **fields), reader.metadata)
    for chunk in reader:
        writer.write(change(chunk))
    writer.finish(reader.samples or 0)
    return out.getvalue()


def snr(wanted: Array, got: Array) -> float:
    """Signal to noise ratio in dB."""
    error = np.sum((wanted - got).astype(float) ** 2)
    return float(10 * np.log10(np.sum(wanted.astype(float) ** 2) / error))


class Pipe(io.RawIOBase):
    """A file object that can only be read, or only be written, front to back; and in small pieces."""

    def __init__(self, data: bytes = b"") -> None:
        self.data, self.at = bytearray(data), 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.data[self.at :][: min(len(buffer), 4099)]
        buffer[: len(piece)] = piece
        self.at += len(piece)
        return len(piece)

    def write(self, data: Any) -> int:
        self.data += bytes(data)[:4099]
        return min(len(data), 4099)


@pytest.fixture(scope="session")
def files(tiny: SimpleNamespace, music: Array) -> dict[tuple[int, int], bytes]:
    """25 s of music by rate and chunk length."""
    other = song(25.0, rate=48000, seed=3)
    return {
        (44100, SEGMENT): encoded(music, chunk_frames=SEGMENT, latent=64),
        (44100, CHUNK): encoded(music, latent=64),
        (48000, SEGMENT): encoded(other, 48000, chunk_frames=SEGMENT, latent=64),
    }


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
    at = [snr(x, decoded(encoded(x, latent=latent, gain=gain))) for latent, gain in [(32, 0), (128, 32), (512, 160)]]
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
    x = music[:, : 2 * SAMPLE_RATE].copy()
    x[1, SAMPLE_RATE:] = x[0, SAMPLE_RATE:]  # nothing but mid in the second half
    y = decoded(encoded(x))
    assert np.array_equal(y[0, SAMPLE_RATE + 2100 :], y[1, SAMPLE_RATE + 2100 :])
    assert not np.array_equal(y[0, : SAMPLE_RATE - 2100], y[1, : SAMPLE_RATE - 2100])


# The same integers, whatever


def test_same_input_same_bytes(music: Array, files: dict[tuple[int, int], bytes]) -> None:
    assert encoded(music, latent=64) == files[44100, CHUNK]


@pytest.mark.parametrize("rate", [44100, 48000])
def test_blocks_of_the_source_change_nothing(rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = song(12.0, rate, seed=2)
    wanted = encoded(x, rate, latent=32)
    for size in (4097, 1 << 20):
        monkeypatch.setattr(encoding, "BLOCK", size)
        assert encoded(x, rate, latent=32) == wanted


def test_chunk_length_changes_no_integer() -> None:
    rate = 48000
    x = song(21.0, rate, seed=3)
    x[:, 9 * rate : 11 * rate] = 0
    files = {frames: encoded(x, rate, latent=64, chunk_frames=frames) for frames in (126, 630, 1260)}
    counts = {frames: Reader(io.BytesIO(data)).chunk_count for frames, data in files.items()}
    assert counts == {126: 11, 630: 3, 1260: 2}
    wanted = unpacked(files[630])
    assert wanted.silence.tolist() == [[9 * rate, 2 * rate]]
    heard = decoded(files[630])
    for frames in (126, 1260):
        got = unpacked(files[frames])
        assert np.array_equal(got.hyper, wanted.hyper)
        assert np.array_equal(got.main, wanted.main)
        assert np.array_equal(got.silence, wanted.silence)
        np.testing.assert_allclose(decoded(files[frames]), heard, atol=1e-5)


@pytest.mark.parametrize("coder", ["range", "zstd"])
def test_peeling_is_encoding_at_that_tier(coder: str, music: Array) -> None:
    x = music[:, : 4 * SAMPLE_RATE]
    tags = Metadata({"title": "Ode"}, b"cover", "image/png")
    files = {}
    for latent in TIERS:
        out = io.BytesIO()
        source = ArraySource(x, SAMPLE_RATE, tags)
        pipeline.encode(source, out, latent=latent, gain=20, coder=coder, chunk_frames=SEGMENT)
        files[latent] = out.getvalue()
    for large in TIERS:
        for small in TIERS:
            out = io.BytesIO()
            if small <= large:
                pipeline.peel(io.BytesIO(files[large]), out, small)
                assert out.getvalue() == files[small]
            else:
                with pytest.raises(UsageError):
                    pipeline.peel(io.BytesIO(files[large]), out, small)
    with pytest.raises(UsageError):
        pipeline.peel(io.BytesIO(files[512]), io.BytesIO(), 100)


def test_both_coders_hold_the_same_integers_and_auto_takes_the_smaller(music: Array) -> None:
    x = music[:, :TEN]
    files = {coder: encoded(x, coder=coder) for coder in ("range", "zstd", "auto")}
    a, b = unpacked(files["range"]), unpacked(files["zstd"])
    assert np.array_equal(a.main, b.main)
    assert np.array_equal(a.hyper, b.hyper)
    assert np.array_equal(decoded(files["range"]), decoded(files["zstd"]))
    assert files["auto"] == min(files["range"], files["zstd"], key=len)


# Windows of a network


def whole_window(x: Array, reach: int) -> Array:
    """MDCT frames of a whole song with `reach` frames of zeros on both sides: [F + 2 reach, 1400]."""
    frames = -(-frame_count(x.shape[1]) // SHARE) * SHARE
    padded = np.zeros((2, (frames + 2 * reach + 1) * HOP), np.float32)
    padded[:, (reach + 1) * HOP :][:, : x.shape[1]] = x
    return forward(padded).transpose(2, 0, 1).reshape(-1, COEFFICIENTS)


def test_analysis_in_windows_is_analysis_of_the_whole(music: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.stereo.LEAST", np.inf)  # a window's context is turned like the window itself
    middle = np.stack([music[0] + music[1], music[0] - music[1]]) / 2
    analyser = analysis.Analyser(weights.by_name(), "cpu")
    windower = Windower(analysis.REACH)
    windows = [*windower.push(middle), *windower.finish(middle.shape[1])]
    parts = [analyser(window, np.zeros((0, 2), np.int64), NO_ATTACKS) for window in windows]
    frames = frame_count(middle.shape[1])

    coefficients, reach = whole_window(middle, analysis.REACH), analysis.REACH
    out = analyser._network(coefficients=coefficients[None])
    values = out["analysis"][0, reach : reach + frames]
    core = coefficients[reach : len(coefficients) - reach]
    vectors = round_hyper(out["hyper"][0, reach // SHARE :][: len(core) // SHARE], core)
    got = np.concatenate([part.analysis for part in parts])
    np.testing.assert_allclose(got, values, atol=1e-5)
    assert np.array_equal(np.concatenate([part.hyper for part in parts]), vectors)
    # The test could not fail if this network did not look at its neighbours.
    part = analyser._network(coefficients=core[None, 300:330])["analysis"][0]
    assert np.abs(part - values[300:330]).max() > 1e-4


def test_synthesis_in_chunks_is_synthesis_of_the_whole(files: dict[tuple[int, int], bytes]) -> None:
    data, reach = files[44100, SEGMENT], synthesis.REACH
    reader, model = Reader(io.BytesIO(data)), weights.by_name()
    gain = reader.header.gain
    chunks = [
        synthesis.dense(pipeline.unpack(reader.header, c, model), c.index, c.first_frame, gain, model.tables)
        for c in reader
    ]
    turns = np.concatenate([c.turns if len(c.turns) else np.zeros((1, BANDS), np.uint8) for c in chunks])
    assert turns.any()
    synthesizer = synthesis.Synthesizer(model, "cpu", gain, SEGMENT)
    overlap = synthesis.Overlap()
    around = zip([None, *chunks], chunks, [*chunks[1:], None], strict=False)
    got = np.concatenate([overlap.add(synthesizer(job)) for job in around], 1)

    def whole(reach: int) -> Array:
        pad = ((reach, reach), (0, 0))
        joined = {
            name: np.pad(np.concatenate([getattr(c, name) for c in chunks]), pad)
            for name in ("quantized", "sent", "log_sigma")
        }
        frames = len(joined["sent"]) - 2 * reach
        joined["log_sigma"][:reach] = joined["log_sigma"][frames + reach :] = synthesizer._floor
        random = np.concatenate([np.zeros((reach, COEFFICIENTS), np.float32), noise.frames(0, frames + reach)])
        out = synthesizer._network(
            noise=random[None],
            gain=np.array([gain], np.float32),
            **{name: value[None] for name, value in joined.items()},
        )
        core = out["coefficients"][0, reach : reach + frames].reshape(frames, 2, HOP)
        core[np.concatenate([c.silent for c in chunks])] = 0
        core = stereo.turn_back(core.reshape(frames, -1), turns)
        return inverse(core.reshape(frames, 2, HOP).transpose(1, 2, 0))[:, :-HOP]

    np.testing.assert_allclose(got, whole(reach), atol=1e-5)
    alone = synthesis.Overlap()
    apart = np.concatenate([alone.add(synthesizer((None, c, None))) for c in chunks], 1)
    assert np.abs(apart - whole(reach)).max() > 1e-4


# Seeking and pipes


@pytest.mark.parametrize(("rate", "frames"), [(44100, SEGMENT), (48000, SEGMENT), (44100, CHUNK)])
def test_a_seek_is_a_slice_of_the_whole(rate: int, frames: int, files: dict[tuple[int, int], bytes]) -> None:
    data = files[rate, frames]
    whole = decoded(data)
    seeks = [
        (0.0, 1.0),
        (0.0, 1.995),
        (1.999, 0.5),
        (2.0, 0.001),
        (3.21, None),
        (9.99, 10.5),
        (10.1, 0),
        (19.99, 100.0),
        (24.999, None),
        (25.0, 1.0),
        (1e6, None),
    ]
    for start, duration in seeks if frames == SEGMENT else seeks[5:7]:
        low = round(start * rate)
        high = None if duration is None else low + round(duration * rate)
        for source in (io.BytesIO(data), Pipe(data)) if frames == SEGMENT else (io.BytesIO(data),):
            got = decoded(source, start=start, duration=duration)
            assert got.shape == whole[:, low:high].shape, (start, duration)
            np.testing.assert_allclose(got, whole[:, low:high], atol=1e-6)


def test_a_seek_reads_only_what_it_needs(files: dict[tuple[int, int], bytes]) -> None:
    class Counting(io.BytesIO):
        count = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            self.count += len(data)
            return data

        def readinto(self, buffer: Any) -> int:
            count = super().readinto(buffer)
            self.count += count
            return count

    data = files[44100, SEGMENT]
    source = Counting(data)
    decoded(source, start=14.5, duration=1.0)
    assert source.count < len(data) / 2


@pytest.mark.parametrize("duration", [0.5, 1.9999, 2.0, 9.99, 24.9999])
def test_a_pipe_that_ends_behind_what_was_asked_for_is_enough(
    duration: float, files: dict[tuple[int, int], bytes]
) -> None:
    data = files[44100, SEGMENT]
    wanted = decoded(data, duration=duration)
    assert np.array_equal(decoded(Pipe(data), duration=duration), wanted)


def test_to_and_from_pipes(files: dict[tuple[int, int], bytes], music: Array) -> None:
    target = Pipe()
    pipeline.encode(ArraySource(music, SAMPLE_RATE), target, latent=64)  # type: ignore[arg-type]
    assert bytes(target.data) == files[44100, CHUNK]
    assert np.array_equal(decoded(Pipe(bytes(target.data))), decoded(files[44100, CHUNK]))


def test_a_source_of_unknown_length(music: Array, files: dict[tuple[int, int], bytes]) -> None:
    source, out = ArraySource(music, SAMPLE_RATE), io.BytesIO()
    source.samples = source.expected = None
    told: list[float | None] = []
    pipeline.encode(source, out, latent=64, progress=told.append)
    assert set(told) == {None}
    assert np.array_equal(decoded(out.getvalue()), decoded(files[44100, CHUNK]))


def test_progress_rises_to_the_end(music: Array, files: dict[tuple[int, int], bytes]) -> None:
    for run in (
        lambda told: pipeline.encode(ArraySource(music, SAMPLE_RATE), io.BytesIO(), latent=32, progress=told.append),
        lambda told: decoded(files[44100, SEGMENT], progress=told.append),
    ):
        told: list[float] = []
        run(told)
        assert told == sorted(told)
        assert told[-1] == 1
        assert len(told) > 5


# Rates


@pytest.mark.parametrize("bitrate", [8, 16, 32, 64, 128])
def test_bitrate_lands(bitrate: int, music: Array) -> None:
    data = encoded(music, bitrate=bitrate)
    assert len(data) * 8 / 25 / 1000 == pytest.approx(bitrate, rel=0.03)
    tiers = {8: 64, 16: 128, 32: 256, 64: 512, 128: 512}
    assert Reader(io.BytesIO(data)).header.latent == tiers[bitrate]


def test_bitrate_lands_at_a_tier_that_was_asked_for(music: Array) -> None:
    data = encoded(music, bitrate=24, latent=64)
    assert len(data) * 8 / 25 / 1000 == pytest.approx(24, rel=0.03)
    assert Reader(io.BytesIO(data)).header.latent == 64


def test_bitrate_of_next_to_nothing(music: Array) -> None:
    for samples in (0, 1, 5000):
        assert decoded(encoded(music[:, :samples], bitrate=16)).shape == (2, samples)


def test_more_gain_is_more_bytes(music: Array) -> None:
    sizes = [len(encoded(music[:, :TEN], gain=gain)) for gain in (-64, 0, 64)]
    assert sizes == sorted(set(sizes))


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
        pipeline.encode(ArraySource(music[:, :100], SAMPLE_RATE), out, **options)
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


# Damage


def test_a_truncated_file_is_damaged(music: Array) -> None:
    data = encoded(music[:, : 5 * SAMPLE_RATE], chunk_frames=SEGMENT)
    for length in (
        0,
        7,
        HEADER_SIZE - 1,
        HEADER_SIZE,
        HEADER_SIZE + 5,
        1000,
        len(data) // 2,
        len(data) - 9,
        len(data) - 1,
    ):
        for source in (io.BytesIO(data[:length]), Pipe(data[:length])):
            with pytest.raises(DamagedError if length >= HEADER_SIZE else FormatError):
                decoded(source)
        with pytest.raises(FormatError):
            pipeline.peel(io.BytesIO(data[:length]), io.BytesIO(), 32)


def everything(data: bytes) -> None:
    """All that can be done to a file: nothing but AezError may come of it, and nothing that is no number."""
    for job in (
        lambda: decoded(data),
        lambda: decoded(Pipe(data), start=0.4, duration=1.0),
        lambda: pipeline.peel(io.BytesIO(data), io.BytesIO(), 32),
        lambda: describe(io.BytesIO(data)),
    ):
        try:
            got = job()
        except AezError as error:
            assert "\n" not in str(error)
        else:
            if isinstance(got, np.ndarray):
                assert np.isfinite(got).all()


@pytest.fixture(scope="session")
def small(tiny: SimpleNamespace) -> dict[str, bytes]:
    """Short files in both coders."""
    x = song(2.3, 8000, seed=7)
    x[:, 5000:6000] = 0
    return {coder: encoded(x, 8000, latent=64, coder=coder, chunk_frames=SEGMENT) for coder in ("range", "zstd")}


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_flipped_bits_give_nothing_but_our_errors(small: dict[str, bytes], data: st.DataObject) -> None:
    damaged = bytearray(small[data.draw(st.sampled_from(sorted(small)))])
    for _ in range(data.draw(st.integers(1, 3))):
        bit = data.draw(st.integers(0, 8 * len(damaged) - 1) | st.integers(0, 8 * HEADER_SIZE))
        damaged[bit // 8] ^= 1 << bit % 8
    everything(bytes(damaged))


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_payloads_of_nonsense_under_good_checksums(small: dict[str, bytes], data: st.DataObject) -> None:
    """Checksums are no defence against somebody who writes them."""

    def change(chunk: Chunk) -> Chunk:
        payload = bytearray(chunk.payload)
        for _ in range(data.draw(st.integers(1, 5))):
            payload[data.draw(st.integers(0, len(payload) - 1) | st.integers(0, 12))] ^= data.draw(st.integers(1, 255))
        return replace(chunk, payload=bytes(payload[: data.draw(st.integers(1, len(payload)))]))

    fields = {
        "gain": st.integers(-512, 512),
        "coder": st.sampled_from(Coder),
        "channels": st.integers(1, 2),
        "latent": st.sampled_from(TIERS),
        "sample_rate": st.just(8000) | st.integers(4000, 16000),
    }
    chosen = {name: data.draw(values) for name, values in fields.items() if data.draw(st.booleans())}
    try:
        damaged = rewritten(small[data.draw(st.sampled_from(sorted(small)))], change, **chosen)
    except UsageError:  # lengths that even the writer would not write
        return
    everything(damaged)


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_no_file(small: dict[str, bytes], data: bytes) -> None:
    everything(data)
    everything(small["range"][: HEADER_SIZE + len(data) % 50] + data)


@pytest.mark.parametrize("fields", [{"gain": 513}, {"latent": 100}, {"chunk_frames": 2646}])
def test_headers_that_this_version_does_not_decode(fields: dict[str, int], music: Array) -> None:
    with pytest.raises(FormatError):
        decoded(rewritten(encoded(music[:, :0]), **fields))


# Models


def test_a_file_of_an_unknown_model(small: dict[str, bytes]) -> None:
    other = rewritten(small["range"], model=bytes(range(8)))
    for run in (lambda: decoded(other), lambda: pipeline.peel(io.BytesIO(other), io.BytesIO(), 32)):
        with pytest.raises(ModelError, match="0001020304050607"):
            run()
    with pytest.raises(UsageError):
        decoded(other, model="tiny")
    with pytest.raises(ModelError):
        encoded(np.zeros((1, 10), np.float32), model="no such model")
