"""What the page reads of other commands."""

from pathlib import Path

import pytest
from rich.console import Console

from tests.support.study_results import rows
from training.evaluation.results import write_csv
from training.report import saved


@pytest.mark.parametrize(
    "text", ["[1]", "{", '{"genres": []}', '{"genres": [], "songs": [{"name": "a"}], "maps": {"p": {"points": []}}}']
)
def test_maps_that_are_none_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (tmp_path / "maps.json").write_text(text)
    assert saved.maps(tmp_path, Console(stderr=True)) is None
    assert "maps.json" in capsys.readouterr().err


def test_lines_that_are_no_rows_are_counted_and_means_are_over_clips(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    path = tmp_path / "results.csv"
    write_csv(rows(), path)
    with path.open("a") as f:
        f.write("half,a,line\n")
    found = saved.rows(path, Console(stderr=True))
    assert len(found) == 8
    assert "1 lines left out" in capsys.readouterr().err
    found[0]["visqol"] = 3.5
    shown = saved.rates(found)
    assert shown is not None
    bits = next(s for s in shown["series"] if s["name"] == "bits")
    assert [(p["kbps"], p["values"]["visqol"]) for p in bits["points"]] == [(70, 3.0), (200, 4.5)]
    assert {s["name"] for s in shown["series"] if not s["line"]} == {"aez tiers"}
    assert saved.rows(tmp_path / "none.csv", Console(stderr=True)) == []
    assert saved.rates([]) is None
