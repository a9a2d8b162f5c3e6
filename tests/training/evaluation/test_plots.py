"""Plots are written, and show the means and intervals that they claim."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from scipy import stats

from training import palette
from training.evaluation import plots
from training.evaluation.compare import Row


def printed(svg: str, inches: float) -> float:
    """Points of the smallest text of a figure of matplotlib that is printed so wide."""
    (width,) = re.findall(r'viewBox="0 0 ([0-9.]+) ', svg)[:1]
    sizes = [100 * float(scale) for scale in re.findall(r"scale\(([0-9.]+) -[0-9.]+\)", svg)]
    return min(sizes) * 72 * inches / float(width)


def rows(system: str, shift: float, settings: tuple[str, ...] = ("8 kbit/s", "32 kbit/s", "96 kbit/s")) -> list[Row]:
    found = []
    for i, clip in enumerate("abc"):
        for setting in settings:
            rate = float(setting.split()[0]) if "kbit" in setting else float(setting.split()[1]) / 8
            good = np.log2(rate) + shift + i / 10
            low = dict.fromkeys(("mel", "stft", "rmse_44k", "rmse_8k", "nmr"), float(10 - good))
            values = {"visqol": float(good), "width_error_db": float((-1) ** i), **low}
            found.append(Row(clip, system, setting, rate, 10, 1, 1, 1, 0, values))
    return found


def test_every_plot_is_written_as_png_and_svg(tmp_path: Path) -> None:
    tiers = rows("aez", 1, ("latent 32", "latent 128"))
    given = [*rows("aez", 1), *tiers, *rows("opus", 0), *rows("resample", -2), *rows("aez:other", 0.5)]
    written = plots.draw_all(given, "aez", tmp_path)
    stems = {"rate-visqol", "rate-mel", "rate-stft", "rate-rmse-44k", "rate-rmse-8k", "rate-nmr", "rate-width-error-db"}
    assert {path.stem for path in written} == stems | {"win-rate", "study"}
    for path in written:
        image = imread(path)
        assert min(image.shape[:2]) > 600
        assert image[..., :3].std() > 0.02
        drawn = path.with_suffix(".svg").read_text()
        assert "<svg" in drawn[:1000]
        room = palette.PAPER - 0.5 if path.stem == "study" else palette.COLUMN_ON_PAPER
        assert printed(drawn, room) >= 7, path.stem


def test_without_a_system_of_ours_only_rates_are_plotted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "QUALITIES", {"mel": "mel"})
    written = plots.draw_all(rows("opus", 0), None, tmp_path)
    assert {path.stem for path in written} == {"rate-mel"}


def test_a_perfect_copy_can_be_plotted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "QUALITIES", {"mel": "mel"})
    perfect = [Row(**{**vars(row), "metrics": {"mel": 0.0}}) for row in rows("opus", 0)]
    assert len(plots.draw_all(perfect, None, tmp_path)) == 1
    one = [*perfect, *rows("lame", 0)]
    assert len(plots.draw_all(one, None, tmp_path)) == 1


def test_without_peers_or_tiers_there_is_no_win_rate_and_no_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "QUALITIES", {})
    assert plots.draw_all(rows("aez", 0), "aez", tmp_path) == []


def test_band_is_mean_and_students_interval() -> None:
    given = rows("opus", 0)
    found = plots.band(given[::-1], "visqol")
    np.testing.assert_allclose(found.kbps, [8, 32, 96])
    values = [3.0, 3.1, 3.2]
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert found.mean[0] == pytest.approx(np.mean(values))
    assert (found.mean[0] - found.half[0], found.mean[0] + found.half[0]) == pytest.approx((low, high))
    np.testing.assert_allclose(plots.band(given, "width_error_db").mean, 1)
    assert len(plots.band(given, "pre_echo_db").kbps) == 0
    single = plots.band(given[:1], "visqol")
    assert single.half[0] == 0


def test_wilson() -> None:
    low, high = plots.wilson(np.array([0.0, 0.5, 1.0]), np.array([10.0, 40.0, 10.0]))
    for share, count, a, b in zip((0.0, 0.5, 1.0), (10, 40, 10), low, high, strict=True):
        expected = stats.binomtest(round(share * count), count).proportion_ci(0.95, "wilson")
        assert (a, b) == pytest.approx((expected.low, expected.high), abs=1e-6)
