"""A classifier measured on songs that are not its own."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from tests.support import classifiers
from training.data.songs import song
from training.data.tracks import NOTHING_TO_DO
from training.genre import measure

LINES = [
    "path,genre,genre_basis,artist,source_repo,split",
    "0.wav,Death Metal,tag,Ann,debian:x,train",
    "1.wav,Ambient,tag,Bob & Ann,debian:y,train",
    "2.wav,folk,credits,Cat,debian:y,test",
    "3.wav,Rock,guess,Dee,debian:z,train",
    "4.wav,Rock,tag,heard,debian:z,train",
    "5.wav,Rock,tag,game-data,debian:game-data,train",
    "6.wav,Pop Rock,tag,Eve,debian:z,train",
    "7.wav,Game,tag,Fay,debian:w,train",
]


def written(folder: Path) -> Path:
    """A collection of these lines, and beside it the music that a classifier has heard."""
    data, heard = folder / "data", folder / "heard"
    for one, lines in ((data, LINES), (heard, ["path,artist", "a.wav,Someone (Heard)"])):
        one.mkdir()
        (one / "manifest.csv").write_text("\n".join(lines) + "\n")
    return data


def numbers(chosen: measure.Chosen) -> dict[str, list[str]]:
    """Names of the songs of each part."""
    return {name: [track.name for track in part] for name, part in chosen.parts.items()}


def test_what_is_measured_is_known_and_new(tmp_path: Path) -> None:
    data, heard = written(tmp_path), [tmp_path / "heard"]
    chosen = measure.choose(data, ["Rock", "Ambient", "Folk", "Instrumental"], heard, guessed=True)
    assert numbers(chosen) == {measure.STATED: ["0", "1", "2"], measure.SOUNDTRACK: ["7"], measure.GUESSED: ["3"]}
    assert [track.genre for track in chosen.tracks] == ["Rock", "Ambient", "Folk", "Instrumental", "Rock"]
    assert (chosen.known, chosen.unknown, dict(chosen.left_out)) == (1, 1, {"Pop Rock": 1})
    one, other, *_ = chosen.parts[measure.STATED]
    assert one.artist == other.artist  # they share a name
    assert numbers(measure.choose(data, classifiers.CLASSES, split="test")) == {measure.STATED: ["2"]}


def test_halves_share_no_artist_and_no_source(tmp_path: Path) -> None:
    data = written(tmp_path)
    classes = ["Rock", "Ambient", "Folk", "Instrumental"]
    sides = [
        {name for part in numbers(measure.choose(data, classes, half=half)).values() for name in part}
        for half in ("first", "second")
    ]
    assert sides[0] and sides[1] and not sides[0] & sides[1] and len(sides[0] | sides[1]) == 5
    assert any({"0", "1", "2"} <= side for side in sides)  # one artist in two sources, two artists in one


def test_the_command(tiny: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = written(tmp_path)
    for number in range(3):
        soundfile.write(data / f"{number}.wav", song(3.2, seed=number).T, 44100)
    classifier = classifiers.make(tmp_path / "mine", "tiny")
    given = ["--data", str(data), "--out", str(tmp_path / "out"), "--model", "tiny", "--classifier", str(classifier)]
    assert measure.main([*given, "--not-by", str(tmp_path / "heard"), "--jobs", "1"]) == 0
    assert (tmp_path / "out" / "table.md").read_text() in capsys.readouterr().out
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    (stated,) = results["parts"]
    assert (stated["songs"], stated["artists"], results["by_known_artists"]) == (3, 2, 1)
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    chances = np.array([[float(row[name]) for name in classifiers.CLASSES] for row in rows])
    truth = [classifiers.CLASSES.index(row["truth"]) for row in rows]
    assert truth == [0, 1, 2]
    assert stated["mean"]["accuracy"] == pytest.approx((chances.argmax(1) == truth).mean())
    assert stated["calibration"]["stated"] == pytest.approx(chances.max(1).mean(), abs=1e-4)
    assert stated["log_loss"] == pytest.approx(-np.log(chances[np.arange(3), truth]).mean(), abs=1e-3)


def test_nothing_to_measure_gets_one_line(
    tiny: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classifier = classifiers.make(tmp_path / "mine", "tiny")
    (tmp_path / "manifest.csv").write_text("path,genre,artist\n0.wav,Reggae,Ann\n")
    given = [
        "--data",
        str(tmp_path),
        "--out",
        str(tmp_path / "out"),
        "--model",
        "tiny",
        "--classifier",
        str(classifier),
    ]
    assert measure.main(given) == NOTHING_TO_DO
    assert "no song of a genre" in capsys.readouterr().err
