"""Clips to listen to: the original and every codec's version of it, with spectrograms on one scale.

Audio is stored in scripts that hold a FLAC file in base64, because a page opened from a file may load scripts but not
fetch files. Players decode it, and switch versions with the accuracy of a sample, without a server.
"""

import base64
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from io import BytesIO
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

PICTURE = (720, 240)  # pixels of a spectrogram
DECIBELS = 90  # range of its colours, down from the original's peak
_WINDOW = 2048
_PCM_KBPS = clip.RATE * 32 / 1000

Measured = dict[tuple[str, str, str], dict[str, float]]
"""Saved metrics by clip, system and setting."""


@dataclass(frozen=True)
class Version:
    """A clip as decoded by one codec; the field names are those of the page's data."""

    key: str  # names the version in the page
    name: str
    rate: str
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


def spectrogram(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Power over time and frequency for a picture, in dB, mean of the channels.

    Shape:
        - x: [C, N] -> [240, 720], rows from 0 Hz up to half the rate, columns over the whole of x.
    """
    width, height = PICTURE
    padded = np.pad(x, ((0, 0), (_WINDOW // 2, _WINDOW)))
    starts = np.linspace(0, max(0, x.shape[1] - 1), width).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW, axis=1)[:, starts]
    power = (np.abs(np.fft.rfft(frames * np.hanning(_WINDOW))) ** 2).mean(axis=0).T[1:]  # [1024, 720]
    edges = np.linspace(0, len(power), height + 1).astype(int)
    pooled = np.add.reduceat(power, edges[:-1], axis=0) / np.diff(edges)[:, None]
    return np.asarray(10 * np.log10(pooled + 1e-12))


def flac(x: npt.NDArray[np.float32]) -> bytes:
    """Samples [C, N] in [-1, 1] as a 16-bit FLAC file at 44.1 kHz; level unchanged, clipped at full scale."""
    out = BytesIO()
    # Scaled here, because libsndfile scales floats by 32767 on writing and by 1/32768 on reading.
    samples = np.clip(np.rint(x.T * 32768.0), -32768, 32767).astype(np.int16)
    soundfile.write(out, samples, clip.RATE, format="FLAC", subtype="PCM_16")
    return out.getvalue()


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
    picture = spectrogram(original)
    top = float(picture.max())

    def version(
        number: int, name: str, x: npt.NDArray[np.float32], kbps: float, size: int, values: dict[str, float]
    ) -> Version:
        key = f"c{index}v{number}"
        script = f"audio/{key}.js"
        data = base64.b64encode(flac(x)).decode("ascii")
        (folder / script).write_text(f"aezAudio({json.dumps(key)},{json.dumps(data)});\n", encoding="ascii")
        _picture(spectrogram(x), top, folder / f"images/{key}.png")
        rate = f"{kbps:.1f} kbit/s" if number else f"{kbps:.0f} kbit/s"
        file = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{source.stem}-{name}").strip("-.")
        more = [f"{size / 1000:.1f} kB" if size < 1e5 else f"{size / 1e6:.2f} MB", *_shown(values)]
        about = f"{name}: {rate}, {_PCM_KBPS / kbps:.0f} : 1" if number else f"{name}: 16-bit PCM, {rate}"
        return Version(key, name, rate, " · ".join(more), about, file, script, f"images/{key}.png")

    size = original.shape[1] * 4
    versions = [version(0, "Original", original, size * 8 / seconds / 1000, size, {})]
    for number, (job, trip) in enumerate(trips.items(), 1):
        values = measured.get((source.stem, job.codec.name, str(job.setting)), {})
        kbps = trip.coded_bytes * 8 / seconds / 1000
        asked = f"{job.setting.kbps:g}" if job.setting.latent is None else str(job.setting)
        versions.append(version(number, f"{job.codec.name} {asked}", trip.decoded, kbps, trip.coded_bytes, values))
    return Clip(source.stem, f"{seconds:.1f} s", versions)


def _shown(values: dict[str, float]) -> list[str]:
    shown = {"visqol": "ViSQOL", "mel": "mel"}
    return [f"{text} {values[name]:.2f}" for name, text in shown.items() if np.isfinite(values.get(name, np.nan))]


def _picture(decibels: npt.NDArray[np.float64], top: float, target: Path) -> None:
    from matplotlib.image import imsave  # draws without a backend

    imsave(str(target), decibels, vmin=top - DECIBELS, vmax=top, cmap="magma", origin="lower", format="png")
