"""What the page stores: FLAC, its scripts, pictures, loudness."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.support import node
from tests.support.report_pages import unpacked
from training.report import media

RATE = 44100


def test_flac_keeps_every_sample_and_stops_at_full_scale() -> None:
    every = np.arange(-32768, 32768, dtype=np.int16)
    x = np.stack([every, every[::-1]]).astype(np.float32) / np.float32(32768)
    data, rate = soundfile.read(BytesIO(media.flac(x)), dtype="int16")
    assert rate == RATE
    np.testing.assert_array_equal(data.T, [every, every[::-1]])
    loud, _ = soundfile.read(BytesIO(media.flac(np.array([[1.5, -1.5]], np.float32))), dtype="int16")
    np.testing.assert_array_equal(loud, [32767, -32768])


def test_the_page_gets_every_byte_back_from_a_script() -> None:
    generator = np.random.default_rng(5)
    cases = [generator.bytes(size) for size in (0, 1, 2, 14, 15, 16, 29, 30, 31, 4000)] + [b"\0" * 40, b"\xff" * 40]
    scripts = [media.script(f"c{i}", data) for i, data in enumerate(cases)]
    assert [unpacked(script) for script in scripts] == [(f"c{i}", data) for i, data in enumerate(cases)]
    assert len(scripts[9]) < 1.08 * 4000
    texts = [script.decode("utf-16") for script in scripts]
    run = """(texts) => {
      const found = [];
      window.aezAudio = (name, size, text) => found.push(aez.unpack(size, text));
      texts.forEach((text) => (0, eval)(text));
      return found;
    }"""
    found = node.call(["audio.js"], run, texts)
    assert [bytes(numbers) for numbers in found] == cases
    assert json.dumps("c0") in texts[0]


def test_spectrogram_puts_a_tone_at_its_frequency_and_time(tmp_path: Path) -> None:
    n = np.arange(RATE)
    tone = np.where(n < RATE / 2, np.sin(2 * np.pi * 5512.5 * n / RATE), 0).astype(np.float32)
    picture = media.spectrogram(np.stack([tone, tone]))
    assert picture.shape == (240, 720)
    assert abs(int(picture[:, 100].argmax()) - 60) <= 1  # a quarter of the way up
    assert picture[60, 100] - picture[60, 600] > 90
    half = media.spectrogram(np.stack([tone, 0 * tone]))
    assert picture[60, 100] - half[60, 100] == pytest.approx(10 * np.log10(2), abs=0.01)
    assert np.isfinite(media.spectrogram(np.zeros((2, 10), np.float32))).all()
    media.write_picture(picture, float(picture.max()), tmp_path / "a.webp")
    pixels = np.asarray(Image.open(tmp_path / "a.webp").convert("L")).astype(int)
    assert pixels.shape == (240, 720)
    assert pixels[240 - 60, 100] > pixels[240 - 60, 600] + 100


def test_loudness_is_that_of_the_standard() -> None:
    tone = np.sin(2 * np.pi * 997 * np.arange(RATE) / RATE).astype(np.float32)
    assert media.loudness(np.stack([tone, 0 * tone])) == pytest.approx(-3.01, abs=0.02)  # BS.1770: by definition
    low = np.sin(2 * np.pi * 20 * np.arange(RATE) / RATE).astype(np.float32)
    assert media.loudness(low[None]) < -10  # little of it is heard
    both = np.stack([tone, tone])
    assert media.loudness(both) - media.loudness(both / 2) == pytest.approx(6.02, abs=0.01)
    assert media.loudness(np.zeros((2, 99), np.float32)) == -np.inf
