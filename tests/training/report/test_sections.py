"""Sections of the page: what they take of folders of results, and in which order."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.support.study_results import png, saved_results
from training.evaluation import founding
from training.report import sections

TABLE = "| a | b |\n| --- | --- |\n| x | 1 |\n"


def read(results: Path, page: Path) -> dict[str, sections.Section]:
    return {one.id: one for one in sections.sections(results, page, Console(stderr=True))}


def titles(section: sections.Section) -> list[str]:
    return [part.title for part in section.parts]


def test_the_founding_table_is_taken_out_of_the_measurements_and_goals_stay_folded(tmp_path: Path) -> None:
    found = read(saved_results(tmp_path), tmp_path / "page")
    assert list(found) == ["founding", "evaluation", "losses", "genre", "maps"]
    assert titles(found["founding"]) == [founding.TITLES[0]] and not found["founding"].lead
    assert titles(found["evaluation"]) == ["Means", "aez against bits", "Goals"]
    assert (found["founding"].first, found["evaluation"].first) == (founding.TITLES[0], "Means")
    assert found["evaluation"].subject == "2 clips"
    assert [picture.caption for picture in found["founding"].pictures] == ["Error by rate"]
    assert found["founding"].made == found["evaluation"].made != []
    assert found["losses"].missing and not found["genre"].missing


def test_a_founding_run_of_its_own_goes_first(tmp_path: Path) -> None:
    results = saved_results(tmp_path)
    (results / "founding").mkdir()
    (results / "founding" / "study.md").write_text(f"**Training songs.**\n\n## {founding.TITLES[1]}\n\n{TABLE}")
    found = read(results, tmp_path / "page")
    assert titles(found["founding"]) == [founding.TITLES[1]]
    assert "Training songs" in found["founding"].lead
    assert found["founding"].made == []
    assert founding.TITLES[0] not in titles(found["evaluation"])


def test_pictures_are_named_by_their_titles_and_in_the_order_of_importance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "losses"
    for name in ("win-rate", "rate-mel", "rate-visqol", "my_own-plot"):
        png(folder / f"{name}.png")
    (folder / "cut.png").write_bytes((folder / "rate-mel.png").read_bytes()[:70])
    (folder / "text.png").write_text("no picture")
    found = read(tmp_path, tmp_path / "page")["losses"]
    assert [picture.caption for picture in found.pictures] == ["rate visqol", "rate mel", "win rate", "my own plot"]
    assert all((tmp_path / "page" / picture.path).is_file() for picture in found.pictures)
    told = capsys.readouterr().err
    assert "losses/cut.png" in told and "losses/text.png" in told


def test_a_picture_is_taken_from_its_svg_and_single_maps_from_the_drawing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "latents"
    for name in ("maps", "map-pca", "song-1"):
        png(folder / f"{name}.png", name)
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 20">{}</svg>'
    (folder / "maps.svg").write_text(drawing.format('<rect fill="white"/>'))
    (folder / "song-1.svg").write_text(drawing.format("<script/>"))
    told = {"overview": "maps.png", "maps": {"pca": {"picture": "map-pca.png"}}}
    (folder / "maps.json").write_text(json.dumps(told))
    found = read(tmp_path, tmp_path / "page")["maps"]
    assert [(p.source, Path(p.path).suffix) for p in found.pictures] == [("maps.png", ".svg"), ("song-1.png", ".png")]
    assert (found.pictures[0].width, found.pictures[0].height, found.pictures[0].caption) == (30, 20, "maps")
    assert "prefers-color-scheme" in (tmp_path / "page" / found.pictures[0].path).read_text()
    assert "latents/song-1.svg" in capsys.readouterr().err


def test_many_comparisons_fold_away_together(tmp_path: Path) -> None:
    (tmp_path / "losses").mkdir()
    parts = [f"## {title}\n\n{TABLE}" for title in ("Goals", "Study", "Means", *(f"a against {i}" for i in range(4)))]
    (tmp_path / "losses" / "table.md").write_text("# 1 clip\n\n" + "\n".join(parts) + "\n## Empty\n\n")
    found = read(tmp_path, tmp_path / "page")["losses"]
    assert found.first == "Means"
    assert [part.title for part in found.compared] == [f"a against {i}" for i in range(4)]
    assert "Empty" not in titles(found)


def test_maps_of_other_models_come_with_their_tables_and_overviews(tmp_path: Path) -> None:
    for model in ("", "-time"):
        folder = tmp_path / f"latents{model}"
        png(folder / "maps.png", "All maps")
        png(folder / "map-pca.png", "PCA")
        png(folder / "song-1.png")
        told = [{"name": "One & more", "genre": "Rock", "picture": "song-1.png"}, 3, {"picture": "map-pca.png"}]
        (folder / "maps.json").write_text(json.dumps({"pictures": told}))
        (folder / "table.md").write_text(f"# Maps of 7 songs\n\n{TABLE}")
        (folder / "made.json").write_text(json.dumps({"command": f"python -m training latents --out {folder}"}))
    found = read(tmp_path, tmp_path / "page")["maps"]
    song = "Latents over time: One & more (Rock)"
    assert [picture.caption for picture in found.pictures] == ["All maps", "PCA", song, "All maps, model time"]
    assert titles(found) == ["Model time: Maps of 7 songs"] and "<table" in found.parts[0].html
    assert [one.command.split()[-1] for one in found.made] == ["OUT/latents", "OUT/latents-time"]


def test_a_command_is_shown_without_folders_of_its_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    command = "python -m training genre --data /home/someone/fma --out my/out/genre --cache x/my/out --limit my/outer"
    shown = "python -m training genre --data ~/fma --out OUT/genre --cache x/my/out --limit my/outer"
    assert sections.shown(command, Path("my/out")) == shown
    assert sections.shown(command, Path()) == command.replace("/home/someone", "~")
    (tmp_path / "made.json").write_text('{"command": 3}')
    assert sections.made_by(tmp_path, tmp_path, Console(stderr=True)) == []


def test_figures_of_several_panels_get_the_whole_width() -> None:
    names = ("study.png", "maps.png", "rate-mel.png", "confusion.png", "song-one.png")
    kinds = [sections.Picture("", "", 860, 970, name).kind for name in names]
    assert kinds == ["large", "wide", "", "large", "wide"]
