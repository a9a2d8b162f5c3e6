"""Clips to listen to: settings, songs, audio, spectrograms."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import soundfile
from rich.console import Console

from training.data.songs import song
from training.data.tracks import Track
from training.evaluation import peers
from training.evaluation.clips import find_songs
from training.report import listening

RATE = 44100


def test_tiers_and_rates_worth_hearing(tiny: SimpleNamespace) -> None:
    tiers = json.loads((tiny.folder / "model.json").read_text())["tiers"]
    assert [str(s.latent) for s in listening.settings(peers.system("aez"), [12])] == list(tiers)
    assert [s.kbps for s in listening.settings(peers.system("vorbis"), [12, 48])] == [48]


def test_clips_are_spread_over_those_that_were_measured() -> None:
    tracks = {f"{i}": Track(Path(f"{i}.wav"), f"{i}", "", f"artist {i // 5}", "") for i in range(10)}
    assert {track.artist for track in listening.choose(tracks, 2, {}).values()} == {"artist 0", "artist 1"}
    assert listening.choose(tracks, 99, {}) == tracks
    kept = {(str(i), "aez", "8 kbit/s"): {"mel": 1.0} for i in (1, 5, 8)}
    assert list(listening.choose(tracks, 3, kept)) == ["1", "5", "8"]
    assert listening.choose(tracks, 10, {("other", "aez", ""): {}}) == tracks


def test_songs_and_versions_that_fail_are_named(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    soundfile.write(str(music / "good.wav"), song(2.0).T, RATE, subtype="PCM_16")
    (music / "bad.wav").write_bytes(b"no audio")
    broken = peers.System("broken", (sys.executable, "-S", "-c", "raise SystemExit(3)"), ("none",), ".x", (8,))
    clips, unread, failed = listening.prepare(
        find_songs(music, None).tracks,
        1.0,
        [(broken, [peers.Setting(8)])],
        {},
        tmp_path / "page",
        1,
        Console(stderr=True),
    )
    assert [(clip.name, [v.name for v in clip.versions]) for clip in clips] == [("good", ["Original"])]
    assert unread == ["left out: bad.wav holds no audio that libsndfile or ffmpeg can read"]
    assert len(failed) == 1
    assert failed[0].startswith("good: broken at 8 kbit/s: ")
