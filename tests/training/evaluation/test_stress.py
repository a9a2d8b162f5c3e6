"""Stress signals are what they claim."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.evaluation import clips, stress

RATE = 44100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("stress")
    assert stress.main([str(target)]) == 0
    return target


def read(folder: Path, name: str) -> np.ndarray:
    x, rate = soundfile.read(folder / f"{name}.wav", always_2d=True)
    assert rate == RATE
    return np.asarray(x.T)


def test_folder_has_a_manifest_and_every_signal(folder: Path) -> None:
    with (folder / "manifest.csv").open(newline="") as f:
        rows = list(csv.DictReader(f))
    assert [row["path"] for row in rows] == [f"{name}.wav" for name in stress.SIGNALS]
    assert {row["split"] for row in rows} == {"test"}
    for name in stress.SIGNALS:
        x = read(folder, name)
        assert x.shape == (2, stress.COUNT)
        assert np.abs(x).max() == pytest.approx(stress.PEAK, abs=1e-3)


def test_signals_are_the_same_every_time() -> None:
    for _, make in stress.SIGNALS.values():
        np.testing.assert_array_equal(make().samples, make().samples)


def test_transients_come_after_quiet_at_their_onsets(folder: Path) -> None:
    onsets = clips.find_onsets(folder)
    assert set(onsets) == {"castanets.wav", "drums.wav", "clicks.wav"}
    for path, seconds in onsets.items():
        x = read(folder, Path(path).stem)
        assert len(seconds) > 10
        for onset in seconds:
            start = round(onset * RATE)
            before = (x[:, start - round(0.025 * RATE) : start] ** 2).mean()
            after = (x[:, start : start + round(0.02 * RATE)] ** 2).mean()
            assert 10 * np.log10((before + 1e-15) / after) < -35, (path, onset)


def test_sweeps_pass_each_frequency_when_they_should() -> None:
    up, down = stress.sweeps().samples
    for seconds in (2.0, 5.0, 8.0):
        start = round(seconds * RATE)
        piece = up[start - 2048 : start + 2048] * np.hanning(4096)
        peak = np.argmax(np.abs(np.fft.rfft(piece))) * RATE / 4096
        assert peak == pytest.approx(40 * 450 ** (seconds / 10), rel=0.05)
    np.testing.assert_allclose(down[::-1], up, atol=1e-9)


def test_wide_stereo_is_wide_and_silence_silent() -> None:
    left, right = stress.wide_stereo().samples
    assert ((left - right) ** 2).sum() > ((left + right) ** 2).sum()
    assert (stress.clicks().samples == 0).mean() > 0.99
    clap = stress.applause().samples
    blocks = (clap[:, : 100 * 4410] ** 2).reshape(2, 100, 4410).mean(axis=2)
    assert blocks[:, :99].min() > 0.1 * blocks.mean()


def test_glockenspiel_rings_at_the_ratios_of_a_free_bar() -> None:
    x = stress.glockenspiel().samples.sum(axis=0)[round(0.5 * RATE) : round(1.2 * RATE)]
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 1 << 17))
    hertz = np.fft.rfftfreq(1 << 17, 1 / RATE)
    for ratio in (1, 2.756, 5.404):
        near = (hertz > 1046.5 * ratio * 0.97) & (hertz < 1046.5 * ratio * 1.03)
        assert hertz[near][np.argmax(spectrum[near])] == pytest.approx(1046.5 * ratio, rel=0.002)


def test_unwritable_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert stress.main([str(tmp_path / "file" / "out")]) == 2
    assert capsys.readouterr().err.startswith("stress: cannot write")
