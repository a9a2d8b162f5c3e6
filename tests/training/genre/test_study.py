"""The genre study: folds, rare genres, and the whole of it."""

import csv
import json
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from codec.inspection import genre as runtime
from codec.runtime import models
from codec.runtime.classifiers import Classifier
from tests.support.codec import encoded
from tests.support.genre_songs import songs
from training.data.tracks import NOTHING_TO_DO, Track
from training.genre import study


def test_no_artist_is_on_both_sides() -> None:
    made = songs(np.random.default_rng(0))
    artists = np.array([song.artist for song in made])
    for learned, judged in study.folds(made, "artist", 3, 0):
        assert not set(artists[learned]) & set(artists[judged])
        assert sorted([*learned, *judged]) == list(range(len(made)))


def test_rare_genres_are_left_out() -> None:
    def tracks(name: str, count: int, artists: int) -> list[Track]:
        return [Track(Path("x"), f"{name}{k}", name, f"{name} {k % artists}", "") for k in range(count)]

    many = tracks("many", study.RARE_SONGS + 4, study.RARE_ARTISTS)
    few = tracks("few", study.RARE_SONGS - 1, study.RARE_ARTISTS)
    narrow = tracks("narrow", study.RARE_SONGS + 4, study.RARE_ARTISTS - 1)
    enough = tracks("enough", study.RARE_SONGS, study.RARE_ARTISTS)
    assert study.genres([*many, *few, *narrow, *enough, *tracks("", 30, 9)]) == ["many", "enough"]


def test_the_study_end_to_end(tiny: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Hiss against hum: everything is written, and the exported classifier tells them apart in real files."""
    rng, lines = np.random.default_rng(0), ["path,genre,artist,split,licence,title"]
    t = np.arange(4 * 44100) / 44100
    for number in range(24):
        kind = ("hiss", "hum")[number % 2]
        hum = sum(np.sin(2 * np.pi * 55 * k * t * rng.uniform(0.9, 1.1)) / k for k in range(1, 6))
        wave = rng.standard_normal(len(t)) if kind == "hiss" else hum
        soundfile.write(tmp_path / f"{number}.wav", 0.1 * wave, 44100)
        split = "train" if number < 18 else "test"
        lines.append(f"{number}.wav,{kind},artist {number // 2},{split},CC0,song {number}")
    lines.append("missing.wav,hum,nobody,train,CC0,gone")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    other = ["path,genre,artist,licence,title,source_repo"]
    for number, artist in enumerate(("artist 3", "stranger", "stranger & friend")):  # the first is in the collection
        other.append(f"../{2 * number}.wav,hiss,{artist},GPL,more {number},game:{number}")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.csv").write_text("\n".join(other) + "\n")
    out = tmp_path / "out"
    given = ["--data", str(tmp_path), "--out", str(out), "--quick", "--model", "tiny", "--jobs", "1"]
    given += ["--also", "tiny-time", "--other", str(tmp_path / "other")]
    assert study.main(given) == 0
    results = json.loads((out / "results.json").read_text())
    assert results["data"]["skipped"] == 1 and results["data"]["split"] == "own"
    assert [(found["name"], found["songs"]) for found in results["evaluations"]] == [
        ("cross-validation", 18),
        ("test part", 6),
    ]
    test = results["evaluations"][1]
    assert (
        len(test["systems"]) == 6
        and test["systems"][-1]["system"] == "latents of tiny-time, network"
        and test["files"]["accuracy"] == 1
    )
    told = (out / "table.md").read_text()
    assert told in capsys.readouterr().out and told.count("was chosen on these songs") == 1
    assert (out / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((out / "made.json").read_text())["command"].startswith("python -m training genre --data")
    assert (out / "confusion-vote.png").read_bytes().startswith(b"\x89PNG")
    with (out / "predictions.csv").open(newline="") as lines:
        rows = [r for r in csv.DictReader(lines) if r["system"] == study.NETWORK]
    # Every confusion matrix can be computed again from what is saved, by either way of deciding.
    for found in results["evaluations"]:
        own = next(s for s in found["systems"] if s["system"] == study.NETWORK)
        songs = [r for r in rows if r["evaluation"] == found["name"]]
        assert len(songs) == found["songs"]
        for key, column in (("confusion", "mean"), ("confusion_vote", "vote")):
            counted = [
                [sum((r["truth"], r[column]) == (a, b) for r in songs) for b in results["classes"]]
                for a in results["classes"]
            ]
            assert counted == own[key]
        for r in songs:
            logits = {name: float(r[f"logit {name}"]) for name in results["classes"]}
            assert r["mean"] == max(logits, key=logits.__getitem__)
            assert r["segments"].split(" | ").count(r["vote"]) >= 3
    card = Classifier(out / "model").card
    assert card["data"]["licences"] == {"CC0": 18} and card["bitstreams"] == [models.by_name("tiny").id.hex()]
    other_music = card["calibrated_also_on"]
    assert (other_music["songs"], other_music["artists"], results["calibrated_also_on"]) == (2, 1, 2)
    assert other_music["licences"] == {"GPL": 2} and other_music["sources"] == {"game:1": 1, "game:2": 1}
    assert 0 < card["certain_from"] <= 1 and set(card["bias"]) == {"hiss", "hum"}
    assert test["systems"][3]["answers"]["certain_from"] == pytest.approx(card["certain_from"], abs=1e-4)
    assert "song 3 by artist 1, CC0" in (out / "model" / "ATTRIBUTION.md").read_text()
    coded = encoded(0.05 * rng.standard_normal((2, 150_000)).astype(np.float32), latent=64)
    assert runtime.classify(BytesIO(coded), Classifier(out / "model")).genre == "hiss"


def test_a_collection_without_genres_gets_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(44100), 44100)
    assert study.main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == NOTHING_TO_DO
    assert capsys.readouterr().err == f"genre: {tmp_path} names no genres to learn\n"
