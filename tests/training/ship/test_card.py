"""A card that cannot be finished is left as it was, and no song loses its attribution without a word."""

import shutil
from pathlib import Path

import pytest

from formats.errors import UsageError
from tests.support import ROOT
from training.ship import card

HEAD = "path,split,seconds,artist,title,licence,source_repo\n"
SONG = "a.wav,train,4,Al,One,CC0,repo\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "tests" / "models" / "tiny", tmp_path / "model"))


def folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "manifest.csv").write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,split\na.wav,train\n", "lacks the columns seconds, artist, title, licence, source_repo"),
        (HEAD, "lists no songs to train on"),
        (HEAD + SONG.replace("4", "long"), "a.wav has no length in seconds, but 'long'"),
        (HEAD + SONG.replace("4", "nan"), "a.wav has no length in seconds, but 'nan'"),
    ],
)
def test_a_manifest_that_says_too_little(text: str, said: str, model: Path, tmp_path: Path) -> None:
    before = (model / "model.json").read_bytes()
    with pytest.raises(UsageError, match=said):
        card.finish(model, folder(tmp_path / "music", text), "new")
    assert (model / "model.json").read_bytes() == before


def test_results_without_the_system(model: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.csv"
    results.write_text("a,b\n1,2\n")
    before = (model / "model.json").read_bytes()
    with pytest.raises(UsageError, match="has no tiers of aez"):
        card.finish(model, folder(tmp_path / "music", HEAD + SONG), "new", results=results)
    assert (model / "model.json").read_bytes() == before


def test_songs_that_lose_their_attribution_are_counted(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = folder(tmp_path / "first", HEAD + SONG)
    other = folder(tmp_path / "other", HEAD + SONG.replace("One", "Two"))
    for music, said in ((first, ""), (first, ""), (other, "no longer names 1 songs")):
        assert card.main(["--model", str(model), "--music", str(music), "--history", "new"]) == 0
        shown = capsys.readouterr().err
        assert said in shown and bool(shown) == bool(said)


def test_a_folder_without_a_model_gets_no_card(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"holds no model: it has no model.json"):
        card.finish(tmp_path / "empty", folder(tmp_path / "music", HEAD + SONG), "new")
    assert not list((tmp_path / "empty").iterdir())
