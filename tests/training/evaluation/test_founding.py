"""The founding study's table."""

import csv
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text

from tests.support.rows import curve, tier
from training.evaluation import founding
from training.evaluation.compare import Row
from training.evaluation.founding_plot import study_figure
from training.palette import PAPER, SMALLEST


def test_study_table_and_csv(tmp_path: Path) -> None:
    lines = founding.tiers(
        [*tier(32, 5, 1.5), *tier(128, 14.112, 0.9), *tier(175, 60, 2.0, "aez:time"), *curve("aez", 0)]
    )
    assert [(t.system, t.latents) for t in lines] == [("aez", 128), ("aez", 32), ("aez:time", 175)]
    assert lines[0].ratio == pytest.approx(100)
    assert (lines[0].counted_kbps, lines[0].nominal_kbps) == (pytest.approx(31.5), 31.5)
    # 16 bits for each of L x 126 latents in 65,536 samples at 8 kHz, exactly; our nominal rates have the same figures.
    assert [founding.counted(x) for x in (512, 64, 32)] == [126, 15.75, 7.875]
    assert [founding.nominal(x) for x in (512, 64, 32)] == [126, 15.75, 7.875]
    text = founding.study_table(lines)
    linear, logarithms = text.split("## ")[1:]
    assert linear.startswith("The study's table, linear") and "inferred" in linear
    assert "| aez | 128 x 126 | 31.5 | 14.1 | 100 : 1 | 0.900 ± 0.000 | 0.900 ± 0.000 | - | 0.929 | 0.81 |" in linear
    assert "0.929" not in logarithms
    assert "| aez:time | 175 x 126 | 43.07 | 60.0 | 24 : 1 | 2.000 ± 0.000 | 2.000 ± 0.000 | - | - | - |" in linear
    founding.write_study(lines, tmp_path / "study.csv")
    with (tmp_path / "study.csv").open(newline="") as f:
        kept = list(csv.DictReader(f))
    assert [float(k["rmse_8k"]) for k in kept] == pytest.approx([0.9, 1.5, 2.0])
    assert kept[0]["founding"] == "0.929"
    assert kept[2]["founding"] == ""


def test_the_baseline_is_that_of_the_same_clips_at_the_counted_rate() -> None:
    base = curve("resample-8k", 0, (31.5, 63), rmse_8k_linear=1.25)
    other = [Row(**{**vars(base[0]), "clip": "another", "metrics": {"rmse_8k_linear": 99.0}})]
    rows = [*tier(128, 14, 0.9), *tier(512, 50, 0.1), *base, *other]
    assert [line.baseline for line in founding.tiers(rows)] == [None, 1.25]
    found = founding.under_baseline(rows, "aez", 128)
    assert (found.mean, found.clips, found.verdict) == (pytest.approx(0.35), 4, "ahead")
    assert founding.under_baseline(rows, "aez", 512).clips == 0


def test_the_plot_has_a_panel_for_each_unit_and_the_study_in_its_own_only() -> None:
    rows = [*tier(128, 14, 0.9), *tier(512, 50, 0.1), *curve("resample-8k", 0, (31.5, 63, 126))]
    figure = study_figure(rows, "aez")
    assert figure is not None and len(figure.axes) == 4
    has = [any("founding" in str(line.get_label()) for line in axes.get_lines()) for axes in figure.axes]
    assert has == [True, False, False, False]
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    printed = PAPER / max(PAPER, figure.get_size_inches()[0])
    assert min(text.get_fontsize() for text in texts) * printed >= SMALLEST - 1e-9
    plt.close(figure)
    assert study_figure(curve("aez", 0), "aez") is None
