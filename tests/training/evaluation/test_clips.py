"""Clips: which songs, which part of them, which onsets."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from formats.errors import UsageError
from tests.support.comparison import RATE, music, write_songs
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
    assert [p.name for p in clips.find_songs(songs, "test")] == ["a.wav", "b.flac"]
    assert [p.name for p in clips.find_songs(songs, None)] == ["c.wav", "a.wav", "b.flac"]
    assert len(clips.find_songs(songs, "elsewhere")) == 3
    (songs / "manifest.csv").write_text("path,split\nc.wav,test\ntest/a.wav,train\n")
    assert [p.name for p in clips.find_songs(songs, "test")] == ["c.wav"]
    with pytest.raises(UsageError):
        clips.find_songs(songs, "other")


def test_voices_are_those_of_the_manifest(songs: Path, tmp_path: Path) -> None:
    assert clips.find_voices(songs) == set()
    (songs / "manifest.csv").write_text("path,split\nc.wav,test\n")
    assert clips.find_voices(songs) == set()
    (songs / "manifest.csv").write_text("path,vocals\nc.wav,no\ntest/a.wav,yes\ntest/b.flac,vocals\n")
    assert clips.find_voices(songs) == {"test/a.wav", "test/b.flac"}
    both = [songs / "c.wav", songs / "test" / "a.wav"]
    found = clips.cut_all(songs, both, 0.5, tmp_path / "cache", Console(quiet=True))
    assert [clip.voices for clip in found] == [False, True]


def test_manifest_without_onsets_has_none(tmp_path: Path) -> None:
    assert clips.find_onsets(tmp_path) == {}
    (tmp_path / "manifest.csv").write_text("path,split\na.wav,test\n")
    assert clips.find_onsets(tmp_path) == {}
    (tmp_path / "manifest.csv").write_text("path,onsets\na.wav,0.5 1\nb.wav,\n")
    assert clips.find_onsets(tmp_path) == {"a.wav": (0.5, 1.0)}


def test_songs_of_one_name_become_two_clips_and_a_changed_song_a_new_clip(songs: Path, tmp_path: Path) -> None:
    (songs / "other").mkdir()
    soundfile.write(songs / "other" / "a.wav", music(2, 7), RATE)
    console = Console(quiet=True)
    both = [songs / "test" / "a.wav", songs / "other" / "a.wav"]
    found = clips.cut_all(songs, both, 0.5, tmp_path / "cache", console)
    assert [clip.path.stem for clip in found] == ["a", "a-2"]
    assert len({clip.digest for clip in found}) == 2
    again = clips.cut_all(songs, both, 0.5, tmp_path / "cache", console)
    assert again == found
    swapped = clips.cut_all(songs, both[::-1], 0.5, tmp_path / "cache", console)
    assert [clip.digest for clip in swapped] == [clip.digest for clip in found][::-1]
