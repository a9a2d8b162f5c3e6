"""The page's own arithmetic, in Node, next to NumPy's and SciPy's."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from tests.support import node

RATE = 44100
Floats = npt.NDArray[np.float64]


def test_fourier_transform_is_numpys() -> None:
    generator = np.random.default_rng(1)
    z = generator.normal(size=64) + 1j * generator.normal(size=64)
    run = "([re, im]) => { aez.fourier(64)(re, im); return [re, im]; }"
    re, im = node.call(["spectrum.js"], run, [z.real.tolist(), z.imag.tolist()])
    np.testing.assert_allclose(np.array(re) + 1j * np.array(im), np.fft.fft(z), atol=1e-12)


SPECTROGRAM = """({ channels, ...rest }) => {
  const arrays = channels.map((c) => Float32Array.from(c));
  const bands = aez.bands(rest.height, rest.size, 44100, rest.logarithmic);
  const work = aez.spectrogram({ ...rest, channels: arrays, bands });
  return aez.slices(work, () => false, 1).then((found) => [bands, found]);
}"""


def expected(x: Floats, start: float, end: float, columns: int, size: int, bands: list[list[int]]) -> Floats:
    """Mean power of channels and bands in dB, [columns, rows], by NumPy."""
    padded = np.pad(x, ((0, 0), (size, size)), mode="reflect")
    window = signal.get_window("hann", size)
    centres = np.floor(start + (np.arange(columns) + 0.5) * (end - start) / columns + 0.5).astype(int)
    frames = np.stack([padded[:, c + size - size // 2 : c + size + size // 2] for c in centres], axis=1)
    power = (np.abs(np.fft.rfft(frames * window) / (window.sum() / 2)) ** 2).mean(axis=0)
    rows = [power[:, first:stop].mean(axis=1) for first, stop in bands]
    return np.asarray(10 * np.log10(np.stack(rows, axis=1) + 1e-12))


@pytest.mark.parametrize("size, logarithmic, channels", [(512, False, 2), (2048, True, 1)])
def test_spectrogram_is_numpys(size: int, logarithmic: bool, channels: int) -> None:
    x = 0.1 * np.random.default_rng(2).normal(size=(channels, 6000))
    x[0] += np.sin(2 * np.pi * 3000 * np.arange(6000) / RATE)
    x = x.astype(np.float32).astype(np.float64)
    window = {"from": 100, "to": 6000, "columns": 31, "size": size, "height": 40, "logarithmic": logarithmic}
    bands, found = node.call(["spectrum.js"], SPECTROGRAM, {"channels": x.tolist(), **window})
    assert bands[-1][1] == size // 2
    assert all(first < stop for first, stop in bands)
    np.testing.assert_allclose(np.reshape(found, (31, 40)), expected(x, 100, 6000, 31, size, bands), atol=1e-3)


def test_a_sine_of_full_scale_has_0_db_and_silence_the_floor() -> None:
    sine = np.sin(2 * np.pi * 32 * np.arange(2048) / 512)
    window = {"from": 0, "to": 2048, "columns": 3, "size": 512, "height": 256, "logarithmic": False}
    _, found = node.call(["spectrum.js"], SPECTROGRAM, {"channels": [sine.tolist()], **window})
    middle = np.reshape(found, (3, 256))[1]
    assert middle[32] == pytest.approx(0, abs=1e-4)
    assert middle[100] == pytest.approx(-120, abs=1)


def test_difference_is_in_db_and_nothing_below_the_floor() -> None:
    original, other = [-20.0, -50.0, -110.0, -115.0, -30.0], [-23.0, -44.0, -118.0, -60.0, -130.0]
    run = "([a, b]) => aez.difference(Float32Array.from(a), Float32Array.from(b), -2, -100)"
    found = node.call(["spectrum.js"], run, [original, other])
    assert found == pytest.approx([-1.0, 8.0, 0.0, 42.0, -70.0])


def test_colours_and_pixels_run_from_the_lower_left() -> None:
    run = """() => {
      const colours = aez.colours(["000000", "ff0000", "ffffff"]);
      const values = Float32Array.from([-90, 0, 5, -95]);
      return [colours[0], colours[255], colours.length, aez.pixels(values, 2, -90, 0, colours)];
    }"""
    first, last, count, pixels = node.call(["spectrum.js"], run)
    assert (first, last, count) == ([0, 0, 0], [255, 255, 255], 256)
    black, white = [0, 0, 0, 255], [255, 255, 255, 255]
    assert pixels == [*white, *black, *black, *white]  # the upper row: second value of each column


def test_slices_give_way_and_stop_when_cancelled() -> None:
    run = """async () => {
      let [rounds, ticks] = [0, 0];
      const busy = function* () {
        for (;; rounds++) {
          const end = performance.now() + 1;
          while (performance.now() < end);
          yield;
        }
      };
      const timer = setInterval(() => ticks++, 1);
      const found = await aez.slices(busy(), () => ticks > 3, 2);
      clearInterval(timer);
      return [found ?? "cancelled", ticks > 3, rounds < 500];
    }"""
    assert node.call(["spectrum.js"], run) == ["cancelled", True, True]


# Time


def test_view_zooms_around_a_place_and_stays_inside() -> None:
    run = """() => {
      let changes = 0;
      const view = new aez.View(() => changes++);
      view.reset(10);
      const at = (act) => (act(), [view.from, view.to]);
      return [
        at(() => view.zoom(2, 0.25)), at(() => view.pan(-9)), at(() => view.pan(9)), at(() => view.zoom(1e9)),
        at(() => view.zoom(1e-9)), at(() => view.show(8, 1)), at(() => view.follow(3)), at(() => view.follow(3.5)),
        changes,
      ];
    }"""
    *windows, changes = node.call(["view.js"], run)
    spans = [to - start for start, to in windows]
    assert windows[:3] == [[1.25, 6.25], [0, 5], [5, 10]]
    assert spans[3] == pytest.approx(0.02)
    assert windows[3][0] == pytest.approx(7.49)
    assert windows[4:6] == [[0, 10], [8, 9]]
    assert windows[6] == pytest.approx([2.98, 3.98])
    assert windows[7] == windows[6]
    assert changes == 7


def test_waveform_extremes_are_those_of_the_samples() -> None:
    x = np.random.default_rng(3).normal(size=(2, 1000)).astype(np.float32)
    run = "(channels) => aez.slices(aez.extremes(channels, 100, 900, 8))"
    found = np.reshape(node.call(["spectrum.js", "wave.js"], run, x.tolist()), (8, 2))
    parts = x[:, 100:900].reshape(2, 8, 100)
    np.testing.assert_allclose(found, np.stack([parts.min((0, 2)), parts.max((0, 2))], axis=1), rtol=1e-6)
    run = "() => aez.slices(aez.extremes([[1, 2]], 5, 6, 2))"
    assert node.call(["spectrum.js", "wave.js"], run) == [0, 0, 0, 0]


def test_loudness_is_matched_without_raising_anything() -> None:
    run = "(levels) => { const all = levels.map((level) => ({ level })); return all.map((v) => aez.matched(v, all)); }"
    gains: list[Any] = node.call(["audio.js"], run, [0, 2.0, -1.5])
    assert 20 * np.log10(gains) == pytest.approx([-1.5, -3.5, 0])


@pytest.mark.parametrize("hertz", [3500, 7000])
def test_anchors_pass_and_stop_what_the_standard_says(hertz: int) -> None:
    taps = np.array(node.call(["anchors.js"], "(hertz) => aez.lowpass(44100, hertz)", hertz))
    ours = signal.firwin(len(taps), hertz + 250, window=("kaiser", 0.1102 * (60 - 8.7)), fs=RATE)
    np.testing.assert_allclose(taps, ours, atol=1e-12)
    frequencies, response = signal.freqz(taps, worN=8192, fs=RATE)
    decibels = 20 * np.log10(np.abs(response) + 1e-12)
    assert np.abs(decibels[frequencies <= hertz]).max() < 0.1
    assert decibels[frequencies >= hertz + 500].max() < -50  # 25 dB are asked for there, 50 dB from 1 kHz above
