"""Stress signals, synthesized: `python -m training stress OUT` writes them as wav files with a manifest.

    python -m training stress OUT
    python -m training evaluate --music OUT --systems aez,opus,lame --kbps 16,32,64 --out runs/stress

Each is ten seconds of a sound that is difficult for codecs: pure tones (glockenspiel, violin, sweeps), transients
(castanets, drums), very wide stereo, dense random transients (applause), clicks in digital silence. The manifest lists
the onsets of transients after quiet, for the pre-echo of `training.metrics.pre_echo`.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile
from scipy import signal

from training.csv_table import write_csv
from training.data.synthetic import band

RATE = 44100
SECONDS = 10.0
COUNT = round(SECONDS * RATE)
PEAK = 0.7
ROOM = 1e-4  # RMS of the noise under drums and castanets: codecs write digital silence without any pre-echo
Doubles = npt.NDArray[np.float64]


class Stress(NamedTuple):
    """Audio, and the seconds at which transients begin after quiet."""

    samples: Doubles  # [2, N]
    onsets: tuple[float, ...]


def glockenspiel() -> Stress:
    """Struck bars: four partials of a free bar, 2.76, 5.40 and 8.93 times the first, each dying faster."""
    out, onsets = np.zeros((2, COUNT)), np.arange(0.5, 9.5, 0.75)
    for i, onset in enumerate(onsets):
        t = _time(2.0)
        pitch = 1046.5 * 2 ** ((0, 4, 7, 12, 9, 5, 2, 11)[i % 8] / 12)
        bar = sum(
            g * np.sin(2 * np.pi * pitch * r * t) * np.exp(-t * d)
            for r, g, d in ((1, 1, 3), (2.756, 0.4, 7), (5.404, 0.25, 14), (8.933, 0.1, 28))
            if pitch * r < 20000
        )
        _add(out, onset, np.asarray(bar) * _fade(t, 0.0003), 0.3 + 0.4 * (i % 2))
    return Stress(out, ())  # bars ring into each other: there is no quiet before their onsets


def violin() -> Stress:
    """Bowed notes: harmonics falling by 1 / k through two body resonances, vibrato of 6 Hz, slow onsets."""
    out = np.zeros((2, COUNT))
    for i, semitone in enumerate((0, 2, 4, 5, 7)):
        t = _time(1.9)
        pitch = 440 * 2 ** (semitone / 12)
        phase = 2 * np.pi * pitch * (t - 0.006 / (2 * np.pi * 6) * np.cos(2 * np.pi * 6 * t))
        body = {k: sum(np.exp(-((np.log2(k * pitch / f) / 0.7) ** 2)) for f in (480, 2800)) for k in range(1, 40)}
        tone = sum((0.15 + body[k]) / k * np.sin(k * phase) for k in body if k * pitch < 18000)
        _add(out, 0.2 + 1.9 * i, np.asarray(tone) * _fade(t, 0.08) * _fade(t[::-1], 0.1), 0.45)
    return Stress(out, ())


def sweeps() -> Stress:
    """Sines from 40 Hz to 18 kHz: up on the left, down on the right."""
    t = _time(SECONDS)
    up = signal.chirp(t, 40, SECONDS, 18000, method="logarithmic")
    return Stress(np.stack([up, up[::-1]]) * _fade(t, 0.01) * _fade(t[::-1], 0.01), ())


def castanets() -> Stress:
    """Pairs of wooden clacks in a quiet room: noise through two resonances, gone within 15 ms."""
    rng = np.random.default_rng(4)
    onsets = np.concatenate([np.arange(0.4, 9.5, 0.6), np.arange(0.52, 9.5, 0.6)])
    out = ROOM * rng.standard_normal((2, COUNT))
    for onset in onsets:
        t = _time(0.08)
        clack = sum(band(rng.standard_normal(len(t)), f, 1200) for f in (2300, 4900)) * np.exp(-t * 180)
        _add(out, onset, clack, rng.uniform(0.3, 0.7))
    return Stress(out, _sorted(onsets))


def drums() -> Stress:
    """Kick, snare and hi-hat, spaced so that each comes after near silence."""
    rng = np.random.default_rng(5)
    out, onsets = ROOM * rng.standard_normal((2, COUNT)), np.arange(0.4, 9.5, 0.4)
    for i, onset in enumerate(onsets):
        t = _time(0.35)
        noise = rng.standard_normal(len(t))
        kick = np.sin(2 * np.pi * (50 * t - 3 * np.exp(-t * 40))) * np.exp(-t * 22)
        snare = (0.6 * np.sin(2 * np.pi * 190 * t) + 0.5 * band(noise, 4000, 6000)) * np.exp(-t * 28)
        hat = 0.5 * band(noise, 11000, 8000) * np.exp(-t * 60)
        _add(out, onset, (kick, hat, snare, hat)[i % 4] * _fade(t, 0.0002), (0.5, 0.65, 0.45, 0.65)[i % 4])
    return Stress(out, _sorted(onsets))


def wide_stereo() -> Stress:
    """Chords with their sides in opposite phase and noise that shares nothing between the channels."""
    rng, t = np.random.default_rng(6), _time(SECONDS)
    out = 0.05 * rng.standard_normal((2, COUNT))
    for i, pitch in enumerate((110, 164.8, 220, 277.2, 329.6, 440, 659.3, 1318.5)):
        wave = np.sin(2 * np.pi * pitch * t + i) * (1 + 0.5 * np.sin(2 * np.pi * (0.3 + 0.1 * i) * t)) / (i + 2)
        out += np.stack([wave, -wave] if i % 2 else [wave, 0 * wave] if i % 4 else [0 * wave, wave])
    return Stress(out, ())


def applause() -> Stress:
    """Two hundred claps a second from everywhere."""
    rng, out = np.random.default_rng(7), np.zeros((2, COUNT))
    t = _time(0.03)
    for onset in np.sort(rng.uniform(0, SECONDS - 0.05, 2000)):
        clap = band(rng.standard_normal(len(t)), rng.uniform(800, 3000), 1500) * np.exp(-t * rng.uniform(150, 400))
        _add(out, float(onset), clap * rng.uniform(0.1, 1), rng.uniform(0, 1))
    return Stress(out, ())


def clicks() -> Stress:
    """Single samples and 1 ms ticks in digital silence."""
    out, onsets = np.zeros((2, COUNT)), np.arange(0.5, 9.6, 0.5)
    for i, onset in enumerate(onsets):
        tick = np.ones(1) if i % 2 else np.sin(2 * np.pi * 3000 * _time(0.001))
        _add(out, onset, tick, (0.5, 0.2, 0.8)[i % 3])
    return Stress(out, _sorted(onsets))


SIGNALS: dict[str, tuple[str, Callable[[], Stress]]] = {
    "glockenspiel": ("tonal", glockenspiel),
    "violin": ("tonal", violin),
    "sweeps": ("tonal", sweeps),
    "castanets": ("transients", castanets),
    "drums": ("transients", drums),
    "wide-stereo": ("stereo", wide_stereo),
    "applause": ("noise", applause),
    "clicks": ("silence", clicks),
}
"""Name -> kind and maker; every call of a maker gives the same samples."""


def write(folder: Path) -> None:
    """Write every signal as 16-bit stereo wav at 44.1 kHz, and manifest.csv: path, split, genre, artist, onsets."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, (kind, make) in SIGNALS.items():
        made = make()
        gain = PEAK / np.abs(made.samples).max()
        soundfile.write(str(folder / f"{name}.wav"), made.samples.T * gain, RATE, subtype="PCM_16")
        onsets = " ".join(f"{onset:.6g}" for onset in made.onsets)
        rows.append([f"{name}.wav", "test", f"{SECONDS:g}", kind, "synthesized", onsets])
    write_csv(folder / "manifest.csv", ["path", "split", "seconds", "genre", "artist", "onsets"], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training stress", description="Write the stress signals.")
    parser.add_argument("out", type=Path, help="folder for the wav files and manifest.csv")
    folder: Path = parser.parse_args(arguments).out
    try:
        write(folder)
    except OSError as e:
        print(f"stress: cannot write {folder}: {e.strerror}", file=sys.stderr)
        return 2
    print(f"{len(SIGNALS)} signals in {folder}")
    return 0


def _time(seconds: float) -> Doubles:
    return np.arange(round(seconds * RATE)) / RATE


def _fade(t: Doubles, seconds: float) -> Doubles:
    """Rise from 0 to 1 in `seconds` from the smallest of t's ends on; t reversed fades out."""
    return np.minimum(1.0, t / seconds)


def _add(out: Doubles, onset: float, sound: Doubles, pan: float) -> None:
    start = round(onset * RATE)
    piece = sound[: max(0, out.shape[1] - start)]
    out[:, start : start + len(piece)] += np.sqrt([[1 - pan], [pan]]) * piece


def _sorted(onsets: Doubles) -> tuple[float, ...]:
    return tuple(float(onset) for onset in np.sort(onsets))


if __name__ == "__main__":
    sys.exit(main())
