"""Clips: which songs, which part of them, which onsets."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from formats.errors import UsageError
from tests.support.comparison import RATE, music, write_songs
from training.data.tracks import Track
from training.evaluation import clips


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    return write_songs(tmp_path / "music")


def test_clips_are_the_middle(songs: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.wav"
    clips.cut_clip(songs / "test" / "a.wav", 1, clip)
    whole = soundfile.read(songs / "test" / "a.wav", dtype="int16")[0]
    start = (len(whole) - RATE) // 2
    np.testing.assert_array_equal(soundfile.read(clip, dtype="int16")[0], whole[start : start + RATE])
    clips.cut_clip(songs / "test" / "b.flac", 60, clip)
    mono = soundfile.read(clip)[0]
    assert mono.shape == (2 * RATE, 2)
    np.testing.assert_array_equal(mono[:, 0], mono[:, 1])
    soundfile.write(tmp_path / "high.wav", music(1), 48000)
    clips.cut_clip(tmp_path / "high.wav", 10, clip)
    assert soundfile.info(clip).samplerate == RATE
    assert soundfile.info(clip).frames == pytest.approx(RATE * RATE / 48000, abs=2)


def test_songs_come_by_manifest_or_by_folder(songs: Path) -> None:
    assert list(clips.find_songs(songs, "test").tracks) == ["a", "b"]
    assert list(clips.find_songs(songs, None).tracks) == ["c", "a", "b"]
    assert not clips.find_songs(songs, "test").note
    (songs / "manifest.csv").write_text("path,split\nc.wav,test\ntest/a.wav,train\n")
    assert list(clips.find_songs(songs, "test").tracks) == ["c"]
    with pytest.raises(UsageError, match=r"no songs in .* for split other"):
        clips.find_songs(songs, "other")


def test_a_folder_that_is_not_divided_says_that_training_has_heard_it(songs: Path) -> None:
    (songs / "test").rename(songs / "more")
    found = clips.find_songs(songs, "test")
    assert list(found.tracks) == ["c", "a", "b"]
    assert "not divided" in found.note and "has heard them" in found.note
    assert not clips.find_songs(songs, None).note


def test_voices_and_artists_are_those_of_the_manifest(songs: Path, tmp_path: Path) -> None:
    (songs / "manifest.csv").write_text("path,vocals,artist\nc.wav,no,Al\ntest/a.wav,yes,\ntest/b.flac,vocals,Bea\n")
    found = clips.cut_all(songs, clips.find_songs(songs, None).tracks, 0.5, tmp_path / "cache", Console(quiet=True))
    assert [(clip.path.stem, clip.voices, clip.artist) for clip in found] == [
        ("c", False, "Al"),
        ("a", True, ""),
        ("b", True, "Bea"),
    ]


def test_what_libsndfile_cannot_read_comes_through_ffmpeg(tmp_path: Path) -> None:
    if not shutil.which("ffmpeg"):
        pytest.skip("no ffmpeg")
    soundfile.write(tmp_path / "song.wav", music(1), RATE)
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", tmp_path / "song.wav", tmp_path / "song.m4a"]
    subprocess.run(command, check=True)
    clips.cut_clip(tmp_path / "song.m4a", 0.5, tmp_path / "clip.wav")
    assert soundfile.info(tmp_path / "clip.wav").frames == RATE // 2
    (tmp_path / "bad.m4a").write_bytes(b"no audio at all")
    with pytest.raises(UsageError, match=r"^bad\.m4a holds no audio"):
        clips.cut_clip(tmp_path / "bad.m4a", 0.5, tmp_path / "clip.wav")


def test_a_cut_song_is_left_out_as_training_leaves_it_out(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, music(1), RATE)
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(UsageError, match=r"^cut\.wav is cut: "):
        clips.cut_clip(path, 0.5, tmp_path / "clip.wav")
    assert not (tmp_path / "clip.wav").exists()


def test_a_silent_song_is_left_out(tmp_path: Path) -> None:
    """Its errors and rates of zero would lower every mean."""
    soundfile.write(tmp_path / "silent.wav", np.zeros((RATE, 2)), RATE)
    with pytest.raises(UsageError, match=r"^silent\.wav is silent$"):
        clips.cut_clip(tmp_path / "silent.wav", 0.5, tmp_path / "clip.wav")


def test_manifest_without_onsets_has_none(tmp_path: Path) -> None:
    assert clips.find_onsets(tmp_path) == {}
    (tmp_path / "manifest.csv").write_text("path,split\na.wav,test\n")
    assert clips.find_onsets(tmp_path) == {}
    (tmp_path / "manifest.csv").write_text("path,onsets\na.wav,0.5 1\nb.wav,\n")
    assert clips.find_onsets(tmp_path) == {"a.wav": (0.5, 1.0)}


def test_onsets_that_are_no_numbers_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("path,onsets\na.wav,soon\n")
    with pytest.raises(UsageError, match="onsets are seconds"):
        clips.find_onsets(tmp_path)


def test_a_song_that_cannot_be_read_makes_room_for_another(songs: Path, tmp_path: Path) -> None:
    tracks = clips.find_songs(songs, None).tracks
    for limit in (1, 2):
        for track in clips.Songs(tracks, "").spread(1).tracks.values():
            track.path.write_bytes(b"nothing of the kind")
        found = clips.cut_all(songs, tracks, 0.5, tmp_path / "cache", Console(quiet=True), limit=limit)
        assert len(found) == limit


def test_songs_of_one_name_become_two_clips_and_a_changed_song_a_new_clip(songs: Path, tmp_path: Path) -> None:
    (songs / "other").mkdir()
    soundfile.write(songs / "other" / "a.flac", music(2, 7), RATE)
    console = Console(quiet=True)
    chosen = {name: track for name, track in clips.find_songs(songs, None).tracks.items() if "a" in name}
    found = clips.cut_all(songs, chosen, 0.5, tmp_path / "cache", console)
    assert [clip.path.stem for clip in found] == ["other-a", "test-a"]
    assert len({clip.digest for clip in found}) == 2
    assert clips.cut_all(songs, chosen, 0.5, tmp_path / "cache", console) == found
    soundfile.write(songs / "other" / "a.flac", music(2, 8), RATE)
    assert clips.cut_all(songs, chosen, 0.5, tmp_path / "cache", console)[0].digest != found[0].digest


def test_names_of_clips_are_unique_whatever_tracks_are_called() -> None:
    tracks = [
        Track(Path("x"), name, "", "", "") for name in ("a/b", "c/b", "a-b", "A-B", "long" * 90, "long" * 90 + "/")
    ]
    names = clips.clip_names(tracks)
    assert len({name.casefold() for name in names.values()}) == len(tracks)
    assert all(len(name.encode()) <= 160 and "/" not in name for name in names.values())
