"""Clips to listen to: settings, songs, audio, spectrograms."""

import json
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from rich.console import Console

from training.data.songs import song
from training.data.tracks import Track
from training.evaluation import peers
from training.evaluation.clips import find_songs
from training.report import listening, media

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


def test_flac_keeps_every_sample_and_stops_at_full_scale() -> None:
    every = np.arange(-32768, 32768, dtype=np.int16)
    x = np.stack([every, every[::-1]]).astype(np.float32) / np.float32(32768)
    data, rate = soundfile.read(BytesIO(media.flac(x)), dtype="int16")
    assert rate == RATE
    np.testing.assert_array_equal(data.T, [every, every[::-1]])
    loud, _ = soundfile.read(BytesIO(media.flac(np.array([[1.5, -1.5]], np.float32))), dtype="int16")
    np.testing.assert_array_equal(loud, [32767, -32768])


def test_spectrogram_puts_a_tone_at_its_frequency_and_time() -> None:
    n = np.arange(RATE)
    tone = np.where(n < RATE / 2, np.sin(2 * np.pi * 5512.5 * n / RATE), 0).astype(np.float32)
    picture = media.spectrogram(np.stack([tone, tone]))
    assert picture.shape == (240, 720)
    assert abs(int(picture[:, 100].argmax()) - 60) <= 1  # a quarter of the way up
    assert picture[60, 100] - picture[60, 600] > 90
    half = media.spectrogram(np.stack([tone, 0 * tone]))
    assert picture[60, 100] - half[60, 100] == pytest.approx(10 * np.log10(2), abs=0.01)
    assert np.isfinite(media.spectrogram(np.zeros((2, 10), np.float32))).all()


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
    assert unread == ["left out: cannot read bad.wav"]
    assert len(failed) == 1
    assert failed[0].startswith("good: broken at 8 kbit/s: ")
