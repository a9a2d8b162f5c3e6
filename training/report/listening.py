"""Clips to listen to: the original and every codec's version of it, with spectrograms on one scale.

Every version is stored without loss, as 16-bit FLAC; versions that are equal to the sample share one file.
"""

import re
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile
from rich.console import Console
from rich.progress import Progress

from codec.runtime import models
from formats.errors import UsageError
from training.data.tracks import Track
from training.evaluation import peers
from training.evaluation.clips import Songs, cut_clip
from training.metrics import clip
from training.report import media

_PCM_KBPS = clip.RATE * 32 / 1000

Measured = dict[tuple[str, str, str], dict[str, float]]
"""Saved metrics by clip, system and setting."""


@dataclass(frozen=True)
class Version:
    """A clip as decoded by one codec; the field names are those of the page's data."""

    key: str  # names the version in the page
    name: str
    system: str  # the codec; empty for the original
    kbps: float  # measured
    rate: str
    level: float  # loudness against the original, dB; 0 where one of them is silent
    more: str  # file size, metrics
    about: str  # one line for the status of the player
    file: str  # name to save under, without suffix
    audio: str  # paths in the page's folder
    image: str


@dataclass(frozen=True)
class Clip:
    """A clip and its versions, the original first."""

    name: str
    about: str
    versions: list[Version]


class _Job(NamedTuple):
    clip: int
    codec: peers.System
    setting: peers.Setting


def settings(codec: peers.System, kbps: Sequence[float]) -> list[peers.Setting]:
    """The settings of a system to listen to: the rates that a peer can reach; every tier of the model aez.

    Of further models these are the default tier and the largest one.

    Raises:
        ModelError: no such model, or its card cannot be read.
    """
    if codec.ours:
        tiers = codec.tiers()
        if codec.model:
            tiers = tuple(sorted({models.by_name(codec.model).default_latent, tiers[-1]}))
        return [peers.Setting(latent=tier) for tier in tiers]
    return [peers.Setting(rate) for rate in kbps if rate >= min(codec.ladder, default=0)]


def choose(songs: Mapping[str, Track], count: int, measured: Measured) -> dict[str, Track]:
    """Up to `count` songs, spread over artists and genres; those that were measured, if any of them were."""
    clips = {clip for clip, _, _ in measured}
    pool = {name: song for name, song in songs.items() if name in clips} or dict(songs)
    return Songs(pool, "").spread(count).tracks


def prepare(
    songs: Mapping[str, Track],
    seconds: float,
    systems: Sequence[tuple[peers.System, list[peers.Setting]]],
    measured: Measured,
    folder: Path,
    jobs: int,
    console: Console,
) -> tuple[list[Clip], list[str], list[str]]:
    """Write the audio and images of the songs' middles into `folder`.

    Args:
        songs: to cut from, by the names of their clips.
        seconds: length cut from the middle of each.
        systems: the codecs, each with what to ask of it.
        measured: metrics to show next to the versions.
        folder: the page's folder; `audio` and `images` in it are made.
        jobs: round trips at once.
        console: where the progress bar goes.

    Returns:
        The clips, a line for each song that could not be read, and a line for each version that failed.
    """
    for name in ("audio", "images"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    unread: list[str] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="aez-report-") as scratch:
        sources = _cut(songs, seconds, Path(scratch), unread)
        tasks = [_Job(i, codec, s) for i in range(len(sources)) for codec, asked in systems for s in asked]
        trips: dict[_Job, peers.Trip] = {}
        with Progress(console=console, transient=True) as progress, ThreadPoolExecutor(jobs) as pool:
            bar = progress.add_task("coding clips", total=len(tasks))
            futures = {pool.submit(_trip, sources[job.clip], job, Path(scratch)): job for job in tasks}
            for future in as_completed(futures):
                job = futures[future]
                try:
                    trips[job] = future.result()
                except (peers.PeerError, UsageError) as e:
                    failed.append(f"{sources[job.clip].stem}: {job.codec.name} at {job.setting}: {e}")
                progress.advance(bar)
        clips = [
            _write(i, source, {job: trips[job] for job in tasks if job.clip == i and job in trips}, measured, folder)
            for i, source in enumerate(sources)
        ]
    return clips, unread, sorted(failed)


def _cut(songs: Mapping[str, Track], seconds: float, scratch: Path, unread: list[str]) -> list[Path]:
    sources = []
    for name, song in songs.items():
        source = scratch / f"{name}.wav"
        try:
            cut_clip(song.path, seconds, source)
            sources.append(source)
        except UsageError as e:
            unread.append(f"left out: {e}")
    return sources


def _trip(source: Path, job: _Job, scratch: Path) -> peers.Trip:
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        return peers.round_trip(job.codec, source, job.setting, Path(folder))


def _write(index: int, source: Path, trips: dict[_Job, peers.Trip], measured: Measured, folder: Path) -> Clip:
    original = soundfile.read(str(source), dtype="float32", always_2d=True)[0].T
    seconds = original.shape[1] / clip.RATE
    top = float(media.spectrogram(original).max())
    size = original.shape[1] * 4
    kbps = size * 8 / seconds / 1000
    stem = f"c{index}v"
    about = f"Original: 16-bit PCM, {kbps:.0f} kbit/s"
    files = _store(original, top, f"{stem}0", folder)
    versions = [
        Version(f"{stem}0", "Original", "", kbps, f"{kbps:.0f} kbit/s", 0.0, _sized(size), about,
                _file_name(source.stem, "Original"), *files)
    ]  # fmt: skip
    for number, (job, trip) in enumerate(trips.items(), 1):
        key = f"{stem}{number}"
        values = measured.get((source.stem, job.codec.name, str(job.setting)), {})
        kbps = trip.coded_bytes * 8 / seconds / 1000
        asked = f"{job.setting.kbps:g}" if job.setting.latent is None else str(job.setting)
        name = f"{job.codec.name} {asked}"
        level = media.loudness(trip.decoded) - media.loudness(original)
        level = round(level, 3) if np.isfinite(level) else 0.0
        more = " · ".join([_sized(trip.coded_bytes), *_shown(values)])
        about = f"{name}: {kbps:.1f} kbit/s, {_PCM_KBPS / kbps:.0f} : 1"
        if abs(level) >= 0.05:
            about += f", {level:+.1f} dB in loudness".replace("-", "\N{MINUS SIGN}")
        files = _store(trip.decoded, top, key, folder)
        versions.append(
            Version(key, name, job.codec.name, round(kbps, 3), f"{kbps:.1f} kbit/s", level, more, about,
                    _file_name(source.stem, name), *files)
        )  # fmt: skip
    return Clip(source.stem, f"{seconds:.1f} s", versions)


def _store(x: npt.NDArray[np.float32], top: float, key: str, folder: Path) -> tuple[str, str]:
    # Audio is named by what it holds, so that equal versions share a file and a page of other audio has other names.
    data = media.flac(x)
    name = sha256(data).hexdigest()[:20]
    audio, image = f"audio/{name}.js", f"images/{key}.webp"
    if not (folder / audio).exists():
        (folder / audio).write_bytes(media.script(name, data))
    media.write_picture(media.spectrogram(x), top, folder / image)
    return audio, image


def _sized(size: int) -> str:
    return f"{size / 1000:.1f} kB" if size < 1e5 else f"{size / 1e6:.2f} MB"


def _file_name(clip_name: str, version: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{clip_name}-{version}").strip("-.")


def _shown(values: dict[str, float]) -> list[str]:
    shown = {"visqol": "ViSQOL", "mel": "mel"}
    return [f"{text} {values[name]:.2f}" for name, text in shown.items() if np.isfinite(values.get(name, np.nan))]
