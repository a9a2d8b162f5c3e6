"""What the page reads of other commands."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from scipy import stats

from tests.support.study_results import rows
from training.evaluation.results import write_csv
from training.palette import SYSTEMS, genre_look
from training.report import saved
from training.report.methods import methods


@pytest.mark.parametrize(
    "text",
    ["[1]", "{", '{"genres": []}', '{"genres": [], "songs": [{"name": "a"}], "maps": {"p": {"points": []}}}',
     '{"genres": [], "songs": [{"name": "a"}], "maps": {"p": {"points": [[NaN, 1e999]]}}}'],
)  # fmt: skip
def test_maps_that_are_none_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (tmp_path / "latents").mkdir()
    (tmp_path / "latents" / "maps.json").write_text(text)
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
    assert {s["look"]["color"] for s in shown["series"] if s["name"] == "aez tiers"} == {SYSTEMS["aez"].color}
    half = stats.t.ppf(0.975, 1) * stats.sem([3.5, 2.5])
    assert bits["points"][0]["halves"]["visqol"] == pytest.approx(half)
    assert saved.rows(tmp_path / "none.csv", Console(stderr=True)) == []
    assert saved.rates([]) is None


def test_maps_of_other_models_are_named_after_them(tmp_path: Path) -> None:
    one = {
        "genres": ["Folk"],
        "songs": [{"name": "a", "genre": "Folk"}],
        "maps": {"pca": {"title": "PCA", "points": [[0, 1]]}},
    }
    for folder, text in (("latents", one), ("latents-time", one), ("latents-odd", {**one, "genres": []})):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "maps.json").write_text(json.dumps(text))
    found = saved.maps(tmp_path, Console(stderr=True))
    assert found is not None and [m["name"] for m in found["maps"]] == ["PCA", "PCA, model time"]
    assert [look["color"] for look in found["looks"]] == [genre_look("Folk", 0).color]
    assert [m["frame"] for m in found["maps"]] == [None, None] and found["songs"] and not any(found["maps"][0]["held"])


@pytest.mark.parametrize(
    "more", [{"frame": [[1, 2]]}, {"frame": 1}, {"frame": [[0, 0], [1, "x"]]}, {"left_out": [True]}]
)
def test_maps_that_are_not_as_expected_are_not_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: dict[str, Any]
) -> None:
    (tmp_path / "latents").mkdir()
    places: dict[str, Any] = {"points": [[0, 1], [1, 0]], "frame": [[0, 0], [1, 1]], "left_out": [True, False]}
    songs = [{"name": "a"}, {"name": "b"}]

    def read(one: dict[str, Any]) -> dict[str, Any] | None:
        (tmp_path / "latents" / "maps.json").write_text(
            json.dumps({"genres": [], "songs": songs, "maps": {"pca": one}})
        )
        return saved.maps(tmp_path, Console(stderr=True))

    good = read(places)
    assert good is not None and good["maps"][0]["held"] == [True, False] and "large marks" in good["maps"][0]["note"]
    assert read({**places, **more}) is None
    assert "not as expected" in capsys.readouterr().err


def test_methods_are_those_of_the_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert methods(tmp_path, Console(stderr=True)) is None
    model = {
        "name": "time",
        "kind": "plain",
        "loss": "mse",
        "steps": 2000,
        "seconds_of_audio": 7200.0,
        "training_seconds": 90.0,
        "id": "0badcafe",
    }
    text = {
        "command": f"python -m training study --out {tmp_path}",
        "aez": "0.1",
        "commit": "abc",
        "date": "2026-01-01",
        "machine": "2 cores",
        "quick": True,
        "synthesized": True,
        "models": [model],
        "notes": [f"step genre was left out: {tmp_path}/collection names no genres"],
        "data": {
            "name": "mine",
            "kind": "folder of audio",
            "split": "artist",
            "genres": 0,
            "skipped": 2,
            "parts": {
                "train": {"songs": 7, "artists": 3, "unnamed": 2, "hours": 0.5},
                "test": {"songs": 4, "artists": 4, "unnamed": 0, "hours": 0.1},
            },
        },
    }
    (tmp_path / "study.json").write_text(json.dumps(text))
    found = methods(tmp_path, Console(stderr=True))
    assert found is not None
    said = " ".join(fact.value for fact in found.facts)
    for part in (
        "study --out OUT",
        "mine (folder of audio)",
        "70/30 by artist",
        "train: 7 songs by 3 artists, 2 of them by unnamed ones, 0.5 h; test: 4 songs by 4 artists, 0.1 h",
        "commit abc",
        "2 cores",
    ):
        assert part in said
    assert found.models == [["time", "plain", "mse", "2,000", "2 h", "1.5 min", "0badcafe"]]
    assert len(found.warnings) == 2 and found.notes == ["step genre was left out: OUT/collection names no genres"]
    (tmp_path / "study.json").write_text(json.dumps({**text, "data": 1}))
    assert methods(tmp_path, Console(stderr=True)) is None
    assert "study.json" in capsys.readouterr().err
