"""`aez genre`: lines for people and for programs, folders, bad files, and models that are named."""

import json
from pathlib import Path

import pytest

from codec.cli.genre import as_line
from codec.inspection.genre import Genres
from tests.support.classifiers import CLASSES
from tests.support.cli_fakes import aez
from tests.support.codec import Array, encoded


@pytest.fixture
def songs(classifier: Path, music: Array, tmp_path: Path) -> list[str]:
    names = []
    for number in range(2):
        path = tmp_path / f"song{number}.aez"
        path.write_bytes(encoded(music[:, number * 90_000 :][:, :180_000], latent=64))
        names.append(str(path))
    return names


def test_one_line_a_file(songs, capsys):
    assert aez("genre", *songs, "--top", 2) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    for name, line in zip(songs, lines, strict=True):
        assert line.startswith(f"{name}: ") and line.count("%") == 2


def test_json_lines_that_programs_can_read(songs, capsys):
    assert aez("genre", "--json", *songs) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["file"] for row in rows] == songs
    for row in rows:
        assert set(row["probabilities"]) == set(CLASSES) and row["genre"] == next(iter(row["probabilities"]))
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        assert row["segments"] == 2 and row["classifier"] == "byhand" and row["model"] == "tiny"


def test_a_guess_that_is_more_likely_wrong_is_called_uncertain():
    for chance, doubt in ((0.59, "uncertain: "), (0.61, "")):
        found = Genres({"Rock": chance, "Pop": 1 - chance - 0.2, "Folk": 0.2}, 3, "c", "m", 0.6)
        assert as_line("a.aez", found, 1, as_json=False) == f"a.aez: {doubt}Rock {chance:.0%}"
        assert json.loads(as_line("a.aez", found, 1, as_json=True))["certain"] is (chance > 0.6)


def test_it_goes_on_after_a_bad_file(songs: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.aez"
    bad.write_bytes(b"no such thing")
    code = aez("genre", songs[0], bad, tmp_path / "missing.aez", songs[1])
    out, err = capfd.readouterr()
    assert code == 1 and len(out.splitlines()) == 2
    assert [line.split(":")[0] for line in err.splitlines()] == ["aez"] * 2 and "bad.aez" in err


@pytest.mark.parametrize("arguments", [["--classifier", "nobody"], ["--top", "0"], ["no-such-file"]])
def test_wrong_arguments_give_one_line(
    songs: list[str], capfd: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    wanted = arguments if arguments[0].startswith("no") else [*arguments, songs[0]]
    assert aez("genre", *wanted) in (1, 2)
    out, err = capfd.readouterr()
    assert not out and "Traceback" not in err and err


def test_folders_and_a_model_that_is_not_installed(songs, tiny, classifier, tmp_path, monkeypatch, capsys):
    from codec.runtime import models

    folder = Path(songs[0]).parent
    Path(songs[1]).rename(folder / "SONG1.AEZ")
    assert aez("genre", folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(folder / "SONG1.AEZ"), songs[0]]
    monkeypatch.setattr(models, "folders", lambda: [classifier.parent])
    assert aez("genre", songs[0]) == 1
    assert "--model NAME or FOLDER" in capsys.readouterr().err
    assert aez("genre", songs[0], "--model", tiny.folder) == 0
    assert capsys.readouterr().out.splitlines() == lines[1:]
