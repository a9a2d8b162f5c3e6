"""The command that draws maps."""

import csv
import json
import re
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from sklearn.metrics import silhouette_score

from tests.support.latent_points import clouds
from training import palette
from training.data.songs import song
from training.data.tracks import NOTHING_TO_DO, Track
from training.latents import maps, pictures, pooling, projections

GENRES = ("Bright", "Dark", "Loud")


def write_collection(folder: Path, songs: int = 9) -> None:
    """Three genres of recordings that differ, by artists with one song each; two more songs without a genre."""
    with (folder / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "genre", "artist", "split"])
        for number in range(songs + 2):
            kind = number % 3
            x = song(4.0, seed=number).T * (1, 0.1, 1)[kind]
            if kind == 2:
                x = np.clip(4 * x, -0.9, 0.9)
            soundfile.write(folder / f"it's no. {number}.flac", x, 44100)
            rows.writerow([f"it's no. {number}.flac", GENRES[kind] if number < songs else "", f"a{number}", "train"])


@pytest.fixture(scope="module")
def made(tiny: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out") / "latents"
    write_collection(data)
    assert maps.main(["--data", str(data), "--out", str(out), "--quick", "--latent", "64"]) == 0
    return data, out


def test_everything_is_written(made: tuple[Path, Path]) -> None:
    told = json.loads((made[1] / "maps.json").read_text())
    assert list(told["maps"]) == list(projections.TITLES)
    assert told["genres"] == list(GENRES)
    assert len(told["songs"]) == 11
    assert [row["genre"] for row in told["songs"]].count("") == 2
    pictures = [
        "maps.png",
        *(row["picture"] for row in told["maps"].values()),
        *(p["picture"] for p in told["pictures"]),
    ]
    assert len(pictures) == 1 + 9 + 2
    for picture in pictures:
        assert (made[1] / picture).read_bytes().startswith(b"\x89PNG")
    for row in (told["full"], *told["maps"].values()):
        for name in maps.COLUMNS:
            assert isinstance(row[name], float)
        assert 0 <= row["knn_low"] <= row["knn"] <= row["knn_high"] <= 1
    for row in told["maps"].values():
        assert np.isfinite(np.array(row["points"])).all()
        assert np.shape(row["points"]) == (11, 2)
    assert told["majority"] == pytest.approx(1 / 3)


def test_numbers_are_those_of_the_points(made: tuple[Path, Path]) -> None:
    told = json.loads((made[1] / "maps.json").read_text())
    genres = np.array([row["genre"] for row in told["songs"]])
    known = genres != ""
    for name in ("pca", "umap"):
        points = np.array(told["maps"][name]["points"])[known]
        assert told["maps"][name]["drawn"] == pytest.approx(silhouette_score(points, genres[known]), abs=1e-3)


def test_the_table_says_what_the_numbers_say(made: tuple[Path, Path]) -> None:
    told, text = json.loads((made[1] / "maps.json").read_text()), (made[1] / "table.md").read_text()
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert set(rows) == {"space", "---", "all 192 numbers", *projections.TITLES.values()}
    for row in told["maps"].values():
        assert f"{100 * row['knn']:.1f} %" in rows[row["title"]]
        assert f"{row['silhouette']:+.3f}" in rows[row["title"]]


def test_a_second_run_encodes_nothing_and_says_the_same(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooling, "pool", None)
    monkeypatch.setattr(maps, "_draw_songs", lambda *_: [])
    monkeypatch.setattr(pictures, "_write", lambda *_: None)
    command = ["--data", str(made[0]), "--out", str(tmp_path), "--cache", str(made[1] / "cache"), "--quick"]
    assert maps.main([*command, "--latent", "64"]) == 0
    assert (tmp_path / "table.md").read_text() == (made[1] / "table.md").read_text()


def test_errors_are_one_line(made: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = ["--cache", str(made[1] / "cache"), "--quick"]
    few = tmp_path / "few"
    few.mkdir()
    for number in range(2):
        soundfile.write(few / f"{number}.wav", song(3.5, seed=number).T, 44100)
    for data, more, code, line in (
        (tmp_path / "nowhere", [], 1, "no directory"),
        (made[0], ["--split", "test"], 1, "no songs in split 'test'"),
        (made[0], ["--model", "nobody"], 1, "no model 'nobody'"),
        (made[0], ["--maps", "pca,nothing"], 1, "no map 'nothing'"),
        (few, [], NOTHING_TO_DO, "maps need 4 songs; there are 2"),
    ):
        capsys.readouterr()
        assert maps.main(["--data", str(data), "--out", str(tmp_path / "out"), *cache, *more]) == code
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("latents: ")
        assert line in error
    assert not list((tmp_path / "out").glob("*.*"))


def test_genres_that_cannot_be_measured_are_left_out() -> None:
    def track(number: int, genre: str, artist: str) -> Track:
        return Track(Path("x"), str(number), genre, artist, "")

    tracks = [track(n, "Pop", "one") for n in range(9)] + [track(9, "Folk", "a"), track(10, "Folk", "b")]
    tracks += [track(11 + n, "Rock", "") for n in range(3)] + [track(20, "", "c")]
    labels, genres = maps.classes(tracks)
    assert genres == ["Rock", "Folk"]
    assert labels.tolist() == [-1] * 9 + [1, 1, 0, 0, 0, -1]
    many = [track(n, f"g{n // 2:02}", f"{n}") for n in range(60)]
    labels, genres = maps.classes(many)
    assert len(genres) == palette.GENRES
    assert (labels < 0).sum() == 60 - 2 * palette.GENRES
    styles = [tuple(pictures.genre_style(number).items()) for number in range(palette.GENRES)]
    assert len(set(styles)) == len(styles)


def test_a_collection_without_genres_is_drawn_without_numbers(tmp_path: Path) -> None:
    points = {"pca": clouds(1.0, 12)[0][:, :2]}
    labels, nobody = np.full(12, -1), [""] * 12
    found, drawn = maps.measured(points, clouds(1.0, 12)[0], labels, nobody, 3)
    assert np.isnan(found["pca"].knn)
    told = {"model": "music", "latent": 128, "dimensions": 192, "full": asdict(found["full"])}
    text = maps.table(told, labels)
    assert text.startswith("# Maps of 12 songs") and "fewer than two genres" in text and "nan" not in text
    assert np.isnan(drawn["pca"])
    assert "lda" not in maps.drawable([])
    pictures.map_picture(tmp_path / "m.png", "pca", points["pca"], labels, [], found["pca"])
    assert re.match(rb"\x89PNG", (tmp_path / "m.png").read_bytes())


def test_many_songs_are_one_image_in_a_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points, labels = np.random.default_rng(1).normal(size=(60, 2)), np.arange(60) % 2
    found, _ = maps.measured({"pca": points}, points, labels, [f"{i}" for i in range(60)], 2)
    sizes = []
    for most, marks in ((100, 60), (50, 0)):
        monkeypatch.setattr(pictures, "VECTORS", most)
        pictures.map_picture(tmp_path / "m.png", "pca", points, labels, ["Rock", "Folk"], found["pca"])
        text = (tmp_path / "m.svg").read_text()
        sizes.append(text.count("<use "))
        assert ("<image" in text) == (marks == 0)
    assert sizes[0] - sizes[1] == 60


def test_pictures_of_songs_have_names_of_their_own() -> None:
    """Also where all that differs is no letter of English, or lies far beyond what a file may be called."""
    songs = ["音楽", "音樂", "a/b", "a b", "a?b", "\udcff/x", f"{'é' * 300}/1", f"{'é' * 300}/2", "../.."]
    taken: list[str] = []
    for name in songs:
        taken.append(maps.picture_name(name, taken))
    assert taken[:5] == ["song-音楽.png", "song-音樂.png", "song-a-b.png", "song-a-b-2.png", "song-a-b-3.png"]
    assert len(set(taken)) == len(songs) and max(len(name.encode()) for name in taken) < 200
    assert not any("/" in name for name in taken)
