"""Stress signals are what they claim, and pre-echo is measured where it is put."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.evaluation import stress
from training.evaluation.compare import Row
from training.metrics import pre_echo

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


def test_attacks_come_out_of_quiet_at_their_onsets(folder: Path) -> None:
    places = pre_echo.find_onsets(folder)
    assert set(places) == {"castanets.wav", "drums.wav", "clicks.wav"}
    for path, seconds in places.items():
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


# Pre-echo


@pytest.mark.parametrize("decibel", [-20.0, -50.0])
def test_pre_echo_of_known_energy(decibel: float) -> None:
    reference = np.zeros((2, RATE), np.float32)
    reference[:, RATE // 2 : RATE // 2 + 2000] = 0.5
    decoded = reference.copy()
    decoded[:, RATE // 2 - 2000 : RATE // 2] = 0.5 * 10 ** (decibel / 20)
    assert pre_echo.pre_echo(reference, decoded, [0.5]) == pytest.approx(decibel, abs=1e-4)
    assert pre_echo.pre_echo(reference, reference, [0.5]) == pre_echo.FLOOR
    one_side = reference.copy()
    one_side[0] = decoded[0]
    assert pre_echo.pre_echo(reference, one_side, [0.5]) == pytest.approx(decibel - 10 * np.log10(2), abs=1e-4)


def test_pre_echo_averages_ratios_and_skips_what_it_cannot_judge() -> None:
    reference = np.zeros((1, RATE))
    reference[:, [10000, 30000]] = 1
    decoded = reference.copy()
    decoded[0, 10000 - 500] = 0.1
    # One attack of two has an echo of a hundredth of its energy, in 24 ms against the 20 of the attack.
    span = round((10000 / RATE - 0.001) * RATE) - round((10000 / RATE - 0.025) * RATE)
    expected = 10 * np.log10(0.01 * 882 / span / 2)
    places = [10000 / RATE, 30000 / RATE]
    assert pre_echo.pre_echo(reference, decoded, places) == pytest.approx(expected, abs=1e-6)
    # Too near an end, or nothing after it: not counted.
    assert pre_echo.pre_echo(reference, decoded, [0.01, 0.995, 0.5, *places]) == pytest.approx(expected, abs=1e-6)
    assert np.isnan(pre_echo.pre_echo(reference, decoded, [0.01, 0.5]))


def test_manifest_without_onsets_has_none(tmp_path: Path) -> None:
    assert pre_echo.find_onsets(tmp_path) == {}
    (tmp_path / "manifest.csv").write_text("path,split\na.wav,test\n")
    assert pre_echo.find_onsets(tmp_path) == {}
    (tmp_path / "manifest.csv").write_text("path,onsets\na.wav,0.5 1\nb.wav,\n")
    assert pre_echo.find_onsets(tmp_path) == {"a.wav": (0.5, 1.0)}


def test_tables_show_pre_echo_and_each_signal() -> None:
    def measured(system: str, level: float, nmr: float) -> list[Row]:
        values = {"pre_echo_db": level, "pre_echo_original_db": -90.0, "nmr": nmr}
        return [
            Row(clip, system, f"{rate} kbit/s", float(rate), 10, 1, 1, 1, 0, {**values, "pre_echo_db": level - i})
            for i, clip in enumerate("ab")
            for rate in (16, 32)
        ]

    rows = [*measured("aez", -60, -5), *measured("opus", -50, -4)]
    text = pre_echo.pre_echo_table(rows, "aez", ["opus"])
    assert "| original |  |  | -90.0 ± 0.0 |" in text
    assert "| aez | 16 kbit/s | 16.00 | -60.5 ± 6.4 | +10.0 ± 0.0 ahead |" in text
    assert "| opus | 32 kbit/s | 32.00 | -50.5 ± 6.4 |  |" in text
    signals = pre_echo.signal_tables([*rows, *measured("lame", -40, -6)[:1]], "aez", ["opus", "lame"])
    assert "| b | opus | -5.0 (+1.0) | -5.0 (+1.0) |" in signals
    assert "| b | opus | -61.0 (+10.0) | -61.0 (+10.0) |" in signals
    assert "| a | lame | -5.0 (-1.0) | -5.0 (-) |" in signals
    plain = [Row("a", "aez", "16 kbit/s", 16.0, 10, 1, 1, 1, 0, {"nmr": 1.0})]
    assert pre_echo.pre_echo_table(plain, "aez", []) == ""
