"""Decoding to another sample rate: exact lengths, and the sound stays where it was."""

import aez
import numpy as np
import pytest

from codec.audio.resample import Resampler, resampled_length
from codec.pipeline.resampled import ResampledSink
from tests.support.audio_files import music
from tests.support.codec import Array, Sink, encoded


@pytest.mark.parametrize(
    ("old", "new"), [(44100, 48000), (48000, 44100), (96000, 8000), (8000, 192000), (44100, 44101)]
)
@pytest.mark.parametrize("samples", [0, 1, 2, 12_345])
def test_lengths_are_exact_however_blocks_are_cut(old, new, samples):
    audio = music(samples, 2, old)
    for parts in (1, 7):
        inner = Sink()
        sink = ResampledSink(inner, old, new, 2)
        for part in np.array_split(audio, parts, axis=1):
            sink.write(part)
        assert sink.finish() == sum(block.shape[1] for block in inner.blocks) == resampled_length(samples, old, new)


def test_blocks_stay_small_whatever_the_rates():
    inner = Sink()
    sink = ResampledSink(inner, 100, 768_000, 1)
    sink.write(np.zeros((1, 500), np.float32))
    assert sink.finish() == 5 * 768_000
    assert max(block.shape[1] for block in inner.blocks) < 1 << 22


def test_the_sound_stays_where_it_was():
    inner = Sink()
    sink = ResampledSink(inner, 44100, 48000, 2)
    sink.write(music(44_100, 2, 44100))
    sink.finish()
    wave = np.concatenate(inner.blocks, 1)
    np.testing.assert_allclose(wave[:, 500:-500], music(48_000, 2, 48000)[:, 500:-500], atol=1e-3)


@pytest.mark.usefixtures("tiny")
def test_decode_at_another_rate(music: Array):
    data = encoded(music[:, : 2 * 44100 + 7], latent=32)
    wave, rate = aez.decode(data, rate=8000)
    assert (wave.shape[1], rate) == (resampled_length(2 * 44100 + 7, 44100, 8000), 8000)
    part, _ = aez.decode(data, rate=8000, start=1, duration=0.5)
    np.testing.assert_allclose(part[:, 200:-200], wave[:, 8200:11_800], atol=0.02)
    for wrong in (999, 1e6, "fast", 44100.5):
        with pytest.raises(aez.AezError, match="sample rate"):
            aez.decode(data, rate=wrong)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("own", "rate", "times"),
    [(96000, 44100, 0), (48000, 44100, 0), (48000, 32000, 1), (44100, 8000, 1), (8000, 48000, 2)],
)
def test_it_is_resampled_once_unless_the_song_has_a_low_rate(music: Array, monkeypatch, own, rate, times):
    data = encoded(music[:, : own // 2 + 7], rate=own, latent=32)
    ratios = []

    class Counting(Resampler):
        def __init__(self, from_rate: int, to_rate: int, channels: int) -> None:
            ratios.extend([(from_rate, to_rate)] if from_rate != to_rate else [])
            super().__init__(from_rate, to_rate, channels)

    monkeypatch.setattr("codec.pipeline.output.Resampler", Counting)
    monkeypatch.setattr("codec.pipeline.resampled.Resampler", Counting)
    wave, _ = aez.decode(data, rate=rate)
    assert wave.shape[1] == resampled_length(own // 2 + 7, own, rate)
    assert len(ratios) == times
    if times == 2:
        power = np.abs(np.fft.rfft(wave[0, 1000:-1000] * np.hanning(wave.shape[1] - 2000))) ** 2
        assert power[len(power) // 4 :].sum() < 1e-6 * power.sum()  # nothing above what the song can hold


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("rate", [44100, 32000, 48000])
def test_silence_is_silent_at_another_rate(music: Array, rate):
    audio = music[:, :96_000].copy()
    audio[:, 20_000:50_000] = 0
    wave, _ = aez.decode(encoded(audio, rate=48000, latent=32), rate=rate)
    begin, end = -(-20_000 * rate // 48000), 50_000 * rate // 48000
    assert not wave[:, begin:end].any()
    assert wave[:, begin - 20 : begin].any() and wave[:, end : end + 20].any()


@pytest.mark.usefixtures("tiny")
def test_a_rate_that_the_format_cannot_hold_is_replaced_and_told(music: Array, tmp_path):
    source = tmp_path / "a.aez"
    source.write_bytes(encoded(music[:, :44100], rate=88200, latent=32))
    report = aez.decode_file(source, tmp_path / "a.mp3")
    assert report.resampling == "resampled to 44100 Hz, because mp3 cannot hold 88200 Hz"
    assert (report.sample_rate, report.samples) == (44100, 22050)
    report = aez.decode_file(source, tmp_path / "b.mp3", rate=48000)
    assert (report.sample_rate, report.resampling) == (48000, "")
    with pytest.raises(aez.AezError, match="it can hold 48000 Hz"):
        aez.decode_file(source, tmp_path / "c.mp3", rate=96000)
    assert not (tmp_path / "c.mp3").exists()
    assert aez.decode_file(source, tmp_path / "a.wav").sample_rate == 88200
