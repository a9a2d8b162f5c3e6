"""Clips that codecs are compared on: the middle of every song of a collection, as 16-bit wav files at 44.1 kHz."""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from rich.console import Console

from codec.audio.open import open_source
from formats.errors import AudioError, UsageError
from training.data.collection import MANIFEST, collection, manifest, spread
from training.data.fma import largest
from training.data.shards import decoded, scaled
from training.data.tracks import SPLITS, Track
from training.metrics.clip import RATE


class Clip(NamedTuple):
    """A part of a song, as the wav file that every codec gets.

    Attributes:
        path: the wav file; its stem is the clip's name.
        digest: of its bytes.
        onsets: seconds of the clip at which transients begin, where they are known.
        voices: whether the manifest says that there are voices in the song.
        artist: "" where unknown.
    """

    path: Path
    digest: str
    onsets: tuple[float, ...]
    voices: bool = False
    artist: str = ""


class Songs(NamedTuple):
    """Songs to cut clips from.

    Attributes:
        tracks: by the name of their clip, sorted by path.
        note: a sentence where these songs are not held out from training, else "".
    """

    tracks: dict[str, Track]
    note: str

    def spread(self, count: int | None) -> "Songs":
        """At most `count` of them, spread over artists and genres."""
        chosen = {track.name for track in spread(list(self.tracks.values()), count)}
        return Songs({name: track for name, track in self.tracks.items() if track.name in chosen}, self.note)


def find_songs(music: Path, split: str | None) -> Songs:
    """Songs of one split of a collection (`training.data.collection`), or all of them.

    A folder that knows no splits gives all of its songs, with a note that says so, because training takes the same.

    Raises:
        UsageError: there are none.
    """
    tracks = collection(music, largest(music))
    names = clip_names(tracks)
    note = ""
    if split:
        wanted = SPLITS.get(split, split)
        if any(track.split for track in tracks):
            tracks = [track for track in tracks if track.split == wanted]
        else:
            note = (
                f"{music.name} is not divided: all of its songs are measured, and a model that was trained on this "
                "folder has heard them"
            )
    if not tracks:
        raise UsageError(f"no songs in {music}" + (f" for split {split}" if split else ""))
    return Songs({names[track.name]: track for track in sorted(tracks, key=lambda track: track.path)}, note)


def clip_names(tracks: Sequence[Track]) -> dict[str, str]:
    """Names of clips by the names of their tracks: that of the file, with its folders where two songs share one."""
    stems = {track.name: _plain(Path(track.name).name) for track in tracks}
    shared = Counter(stem.casefold() for stem in stems.values())
    names: dict[str, str] = {}
    taken: set[str] = set()
    for track in sorted(tracks, key=lambda track: track.name):
        stem = stems[track.name]
        name = base = stem if shared[stem.casefold()] == 1 else _plain(track.name)
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name.casefold())
        names[track.name] = name
    return names


def _plain(name: str) -> str:
    """A track's name as a file's: folders joined by dashes, at most 150 bytes."""
    return name.replace("/", "-").encode("utf-8", "surrogateescape")[-150:].decode("utf-8", "ignore") or "clip"


def find_onsets(music: Path) -> dict[str, tuple[float, ...]]:
    """Onsets in seconds by the path of the song, by the column `onsets` of the folder's manifest; empty without either.

    They are seconds from the start of the song, separated by spaces.

    Raises:
        UsageError: they are something else, or the manifest cannot be read.
    """
    found = {line["path"]: line.get("onsets", "").split() for line in _lines(music)}
    try:
        return {path: tuple(map(float, words)) for path, words in found.items() if words}
    except ValueError as error:
        raise UsageError(f"{music / MANIFEST}: onsets are seconds, separated by spaces: {error}") from None


def _lines(music: Path) -> list[dict[str, str]]:
    """The lines of a folder's manifest; none without one."""
    return manifest(music) if (music / MANIFEST).is_file() else []


def cut_clip(song: Path, seconds: float, target: Path) -> float:
    """Write the middle `seconds` of a song (all of a shorter one) as 16-bit stereo wav at 44.1 kHz.

    Returns:
        seconds of the song before the clip.

    Raises:
        UsageError: the song is not readable, or holds nothing or digital silence there, on which all codecs are alike.
    """
    stereo = _samples(song)
    if not len(stereo):
        raise UsageError(f"{song.name} is empty")
    count = min(len(stereo), round(seconds * RATE))
    start = (len(stereo) - count) // 2
    if not stereo[start : start + count].any():
        raise UsageError(f"{song.name} is silent")
    part = target.with_name(f".{target.stem}.{os.getpid()}.part.wav")
    soundfile.write(str(part), np.clip(stereo[start : start + count], -1, 1), RATE, subtype="PCM_16")
    part.replace(target)
    return start / RATE


def _samples(song: Path) -> npt.NDArray[np.float32]:
    """A song at 44.1 kHz: [N, 2]; by libsndfile where that can read it, else by ffmpeg.

    Raises:
        UsageError: training would leave it out as well: it holds no audio, or is cut.
    """
    try:
        open_source(song).close()
        try:
            x, rate = soundfile.read(str(song), dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, OSError):
            return scaled(np.concatenate([np.zeros((0, 2), np.int16), *decoded(song)]))
    except AudioError as e:
        raise UsageError(str(e).replace(str(song), song.name)) from None  # the page names no folders
    stereo = np.repeat(x, 2, axis=1) if x.shape[1] == 1 else x[:, :2]
    return np.asarray(soxr.resample(stereo, rate, RATE, "VHQ") if rate != RATE else stereo, np.float32)


def cut_all(
    music: Path,
    songs: Mapping[str, Track],
    seconds: float,
    cache: Path,
    console: Console,
    *,
    limit: int | None = None,
) -> list[Clip]:
    """Cut a clip of every readable song into `cache`; anew each time, because runs on other folders may share it.

    Args:
        music: folder whose manifest may state onsets.
        songs: by the names of their clips.
        seconds: length of a clip.
        cache: folder for the clips.
        console: told of the songs that are left out.
        limit: at most so many clips, spread over artists and genres; others take the place of unreadable songs.

    Raises:
        UsageError: none of the songs can be read.
    """
    folder = cache / f"clips-{seconds:g}s"
    folder.mkdir(parents=True, exist_ok=True)
    onsets = find_onsets(music)
    clips: dict[str, Clip] = {}
    left = Songs(dict(songs), "")
    # What cannot be read makes room for others, which leaves those that were chosen before among the chosen.
    while missing := [name for name in left.spread(limit).tracks if name not in clips]:
        for name in missing:
            song, target = songs[name], folder / f"{name}.wav"
            try:
                start = cut_clip(song.path, seconds, target)
            except UsageError as e:
                console.print(f"skipped: {e}", markup=False)
                del left.tracks[name]
                continue
            known = tuple(onset - start for onset in onsets.get(_inside(song.path, music), ()))
            here = tuple(onset for onset in known if 0 <= onset < seconds)
            digest = hashlib.sha256(target.read_bytes()).hexdigest()
            clips[name] = Clip(target, digest, here, song.vocals, song.artist)
    if not clips:
        raise UsageError("none of the songs could be read")
    return [clips[name] for name in songs if name in clips]


def _inside(path: Path, music: Path) -> str:
    return path.relative_to(music).as_posix() if path.is_relative_to(music) else ""
