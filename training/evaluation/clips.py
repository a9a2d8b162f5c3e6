"""Clips that codecs are compared on: the middle of every song of a folder, as a 16-bit wav file at 44.1 kHz."""

import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from rich.console import Console

from formats.errors import UsageError
from training.data.collection import MANIFEST, has_voices, manifest
from training.metrics.clip import RATE

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif"}


class Clip(NamedTuple):
    """A part of a song, as the wav file that every codec gets.

    Attributes:
        path: the wav file.
        digest: of its bytes.
        onsets: seconds of the clip at which transients begin, where they are known.
        voices: whether the manifest says that there are voices in the song.
    """

    path: Path
    digest: str
    onsets: tuple[float, ...]
    voices: bool = False


def find_songs(music: Path, split: str | None) -> list[Path]:
    """Songs of a folder, sorted: those of its manifest.csv (columns path, split) if it has one, else its audio files.

    Without a manifest, a split is the folder of that name, or everything if there is no such folder.

    Raises:
        UsageError: there are none.
    """
    if (music / MANIFEST).is_file():
        songs = [music / line["path"] for line in manifest(music) if not split or line.get("split") == split]
    else:
        folder = music / split if split and (music / split).is_dir() else music
        songs = [p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES]
    if not songs:
        raise UsageError(f"no songs in {music}" + (f" for split {split}" if split else ""))
    return sorted(songs)


def find_voices(music: Path) -> set[str]:
    """Paths of the songs with voices, by the column `vocals` of the folder's manifest; empty without either."""
    return {line["path"] for line in _lines(music) if has_voices(line)}


def find_onsets(music: Path) -> dict[str, tuple[float, ...]]:
    """Onsets in seconds by the path of the song, by the column `onsets` of the folder's manifest; empty without either.

    They are seconds from the start of the song, separated by spaces.
    """
    found = {line["path"]: line.get("onsets", "").split() for line in _lines(music)}
    return {path: tuple(map(float, words)) for path, words in found.items() if words}


def _lines(music: Path) -> list[dict[str, str]]:
    """The lines of a folder's manifest; none without one."""
    return manifest(music) if (music / MANIFEST).is_file() else []


def cut_clip(song: Path, seconds: float, target: Path) -> float:
    """Write the middle `seconds` of a song (all of a shorter one) as 16-bit stereo wav at 44.1 kHz.

    Returns:
        seconds of the song before the clip.

    Raises:
        UsageError: the song is not readable, or empty.
    """
    try:
        x, rate = soundfile.read(str(song), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as e:
        raise UsageError(f"cannot read {song.name}") from e
    if not len(x):
        raise UsageError(f"{song.name} is empty")
    stereo = np.repeat(x, 2, axis=1) if x.shape[1] == 1 else x[:, :2]
    if rate != RATE:
        stereo = soxr.resample(stereo, rate, RATE, "VHQ")
    count = min(len(stereo), round(seconds * RATE))
    start = (len(stereo) - count) // 2
    part = target.with_suffix(f".{os.getpid()}.part.wav")
    soundfile.write(str(part), np.clip(stereo[start : start + count], -1, 1), RATE, subtype="PCM_16")
    part.replace(target)
    return start / RATE


def cut_all(music: Path, songs: Sequence[Path], seconds: float, cache: Path, console: Console) -> list[Clip]:
    """Cut a clip of every readable song into `cache`; anew each time, because runs on other folders may share it.

    Raises:
        UsageError: none of the songs can be read.
    """
    folder = cache / f"clips-{seconds:g}s"
    folder.mkdir(parents=True, exist_ok=True)
    onsets, voices = find_onsets(music), find_voices(music)
    clips: dict[str, Clip] = {}
    for song in songs:
        name = next(n for n in _names(song.stem) if n not in clips)
        target = folder / f"{name}.wav"
        try:
            start = cut_clip(song, seconds, target)
        except UsageError as e:
            console.print(f"skipped: {e}", markup=False)
            continue
        path = song.relative_to(music).as_posix()
        known = tuple(onset - start for onset in onsets.get(path, ()))
        here = tuple(onset for onset in known if 0 <= onset < seconds)
        clips[name] = Clip(target, hashlib.sha256(target.read_bytes()).hexdigest(), here, path in voices)
    if not clips:
        raise UsageError("none of the songs could be read")
    return list(clips.values())


def _names(stem: str) -> Iterator[str]:
    yield stem
    yield from (f"{stem}-{number}" for number in itertools.count(2))
