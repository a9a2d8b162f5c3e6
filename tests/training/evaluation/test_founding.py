"""The founding study's table."""

import csv
from pathlib import Path

import pytest

from tests.support.rows import curve, tier
from training.evaluation import founding


def test_study_table_and_csv(tmp_path: Path) -> None:
    lines = founding.tiers(
        [*tier(32, 5, 1.5), *tier(128, 14.112, 0.9), *tier(175, 60, 2.0, "aez:time"), *curve("aez", 0)]
    )
    assert [(t.system, t.latents) for t in lines] == [("aez", 128), ("aez", 32), ("aez:time", 175)]
    assert lines[0].ratio == pytest.approx(100)
    assert lines[0].nominal_kbps == 31.5
    assert [founding.nominal(x) for x in (512, 64, 32)] == [126, 15.75, 7.875]
    text = founding.study_table(lines)
    assert "| aez | 128 x 126 | 31.5 | 14.1 | 100 : 1 | 0.900 ± 0.000 | 0.929 |" in text
    assert "| 2.000 ± 0.000 | - |" in text
    founding.write_study(lines, tmp_path / "study.csv")
    with (tmp_path / "study.csv").open(newline="") as f:
        kept = list(csv.DictReader(f))
    assert [float(k["rmse_8k"]) for k in kept] == pytest.approx([0.9, 1.5, 2.0])
    assert kept[0]["founding"] == "0.929"
    assert kept[2]["founding"] == ""
