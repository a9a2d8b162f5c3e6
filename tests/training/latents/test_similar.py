"""What is counted among the nearest songs."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from training.data.songs import song
from training.data.tracks import NOTHING_TO_DO, Track
from training.latents import similar


def test_shares_are_of_what_could_be_found() -> None:
    rng = np.random.default_rng(0)
    tracks = [Track(Path("x"), f"{n}", f"genre {n % 2}", f"artist {n % 8}", "") for n in range(40)]
    tracks.append(Track(Path("x"), "alone", "", "", ""))
    place = {f"artist {n}": rng.normal(15 * (n % 2), 1, 6) for n in range(8)}
    points = np.stack([place.get(t.artist, np.full(6, -99.0)) + rng.normal(0, 0.01, 6) for t in tracks]).astype(
        np.float32
    )
    found = similar.measured({"good": points, "noise": rng.normal(size=(41, 6)).astype(np.float32)}, tracks)
    # Four more songs by the artist, so that four of five can be right; the song of nobody is not asked.
    assert found["good"]["same artist"][0] == pytest.approx(0.8) and found["good"]["same artist"][3] == 40
    assert found["good"]["same genre, other artists"][0] == 1
    for name in ("noise", "chance"):
        assert found[name]["same artist"][0] == pytest.approx(0.1, abs=0.09)
        assert found[name]["same genre, other artists"][0] == pytest.approx(0.42, abs=0.15)
    text = similar.table(found, 41)
    assert "| good | 80.0 % [80.0, 80.0] of 40 | 100.0 %" in text


def test_the_command(tiny: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    given = ["--data", str(data), "--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "table.md")]
    soundfile.write(data / "0.wav", song(3.2).T, 44100)
    assert similar.main(given) == NOTHING_TO_DO
    assert "at least two songs" in capsys.readouterr().err
    for number in (1, 2):
        soundfile.write(data / f"{number}.wav", song(3.2, seed=number).T, 44100)
    (data / "manifest.csv").write_text("path,artist,genre\n0.wav,a,x\n1.wav,a,y\n2.wav,b,x\n")
    assert similar.main(given) == 0
    assert (tmp_path / "table.md").read_text() in capsys.readouterr().out


def test_songs_that_nothing_is_known_of_are_too_little(
    tiny: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        soundfile.write(tmp_path / f"{number}.wav", song(4.0, seed=number).T, 44100)
    assert similar.main(["--data", str(tmp_path), "--cache", str(tmp_path / "cache")]) == NOTHING_TO_DO
    assert capsys.readouterr().err.endswith("no two songs are known to have an artist or a genre in common\n")
