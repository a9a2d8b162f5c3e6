"""Eight kinds of synthesized music, one for each genre of FMA's small subset, that ears and networks can tell apart.

A genre is a recipe: tempo, scale, timbre, drums, noise and space. An artist is a set of traits (key, tuning,
brightness, drum sound, noise, width) that change the recipe by less than genres differ. The notes of a track are
random.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from formats.grid import SAMPLE_RATE

Wave = NDArray[np.float32]

_SIXTEENTHS = 16


@dataclass(frozen=True)
class Recipe:
    """What a genre sounds like.

    Attributes:
        tempo: quarter notes a minute.
        scale: semitones of an octave that are played.
        partials: strength of harmonic k is 1 / k^partials; a bright sound has a small one.
        odd: strength of the even harmonics.
        stretch: inharmonicity, harmonic k lies at k^stretch.
        decay: seconds after which a note has lost 60 dB.
        onset: seconds in which a note reaches its loudness.
        notes: melody notes a bar of 16 steps.
        chord: notes struck at once.
        octave: of the melody over 55 Hz.
        kick, snare, hat: one character a step, x where it sounds.
        bass: strength of a bass under the chords, 0 for none.
        drive: distortion, 0 for none.
        noise: level of the hiss, dB full scale.
        crackle: clicks a second.
        vibrato: depth, semitones.
        muffle: one-pole lowpass, Hz.
    """

    tempo: float
    scale: tuple[int, ...]
    partials: float
    odd: float
    stretch: float
    decay: float
    onset: float
    notes: int
    chord: int
    octave: int
    kick: str
    snare: str
    hat: str
    bass: float
    drive: float
    noise: float
    crackle: float
    vibrato: float
    muffle: float


_MAJOR, _MINOR, _BLUES = (0, 2, 4, 7, 9), (0, 3, 5, 7, 10), (0, 3, 5, 6, 7, 10)
_REST = "." * _SIXTEENTHS

RECIPES = {
    "Electronic": Recipe(
        128, _MINOR, 1.0, 1.0, 1.0, 0.35, 0.003, 14, 1, 3,
        "x...x...x...x...", "....x.......x...", "..x...x...x...x.", 0.8, 0.0, -70, 0, 0.0, 9000,
    ),
    "Experimental": Recipe(
        47, (0, 1, 4, 6, 8, 11), 0.5, 0.6, 1.17, 3.5, 0.2, 3, 2, 2, _REST, _REST, _REST, 0.0, 0.0, -24, 2, 0.6, 15000,
    ),
    "Folk": Recipe(
        96, _MAJOR, 1.5, 0.9, 1.001, 1.6, 0.002, 10, 1, 2, _REST, _REST, _REST, 0.25, 0.0, -62, 0, 0.0, 6000,
    ),
    "Hip-Hop": Recipe(
        86, _BLUES, 2.0, 1.0, 1.0, 0.9, 0.005, 3, 3, 2,
        "x..x......x.x...", "....x.......x...", "x.x.x.x.x.x.x.xx", 1.2, 0.0, -50, 25, 0.0, 2500,
    ),
    "Instrumental": Recipe(
        66, _MAJOR, 2.2, 0.3, 1.0, 4.0, 0.25, 4, 3, 2, _REST, _REST, _REST, 0.2, 0.0, -75, 0, 0.15, 3500,
    ),
    "International": Recipe(
        112, (0, 1, 4, 5, 7, 8, 11), 0.8, 0.05, 1.0, 0.7, 0.03, 12, 1, 3,
        "x..x..x.x..x..x.", "..x..x.x..x..x.x", _REST, 0.0, 0.0, -58, 0, 0.5, 7000,
    ),
    "Pop": Recipe(
        118, _MAJOR, 1.2, 0.5, 1.0, 0.9, 0.02, 6, 3, 3,
        "x.......x.x.....", "....x.......x...", "x.x.x.x.x.x.x.x.", 0.5, 0.0, -66, 0, 0.3, 14000,
    ),
    "Rock": Recipe(
        144, _BLUES, 0.9, 1.0, 1.0, 0.8, 0.004, 8, 3, 1,
        "x..x..x.x..x..x.", "....x.......x..x", "x.x.x.x.x.x.x.x.", 0.6, 6.0, -46, 0, 0.0, 5000,
    ),
}  # fmt: skip
"""By FMA's name of the genre."""


@dataclass(frozen=True)
class Traits:
    """How an artist differs from the genre: factors around 1, but for the key in semitones."""

    key: float
    tempo: float
    bright: float
    decay: float
    drums: float
    pitch: float
    noise: float
    width: float


def artist_traits(genre: str, artist: int) -> Traits:
    """Traits of an artist of a genre; the same every time."""
    rng = np.random.default_rng([zlib.crc32(genre.encode()), artist])
    spread = 2 ** rng.uniform(-1, 1, 7)
    return Traits(
        key=rng.uniform(-3, 3),
        tempo=spread[0] ** 0.12,
        bright=spread[1] ** 0.4,
        decay=spread[2] ** 0.4,
        drums=spread[3] ** 0.6,
        pitch=spread[4] ** 0.3,
        noise=spread[5] ** 1.5,
        width=min(1.0, spread[6] * 0.5),
    )


def track(genre: str, artist: int, seconds: float, seed: int = 0) -> Wave:
    """One track: [2, N] in [-0.9, 0.9], N = round(44100 seconds); genre, artist and seed name it.

    Raises:
        KeyError: no such genre.
    """
    r, traits = RECIPES[genre], artist_traits(genre, artist)
    rng = np.random.default_rng([zlib.crc32(genre.encode()), artist, seed])
    step = 60 / (r.tempo * traits.tempo) / 4
    tonal, drums = (np.zeros((2, round(seconds * SAMPLE_RATE)), np.float32) for _ in range(2))
    _play_notes(tonal, r, traits, step, rng)
    if r.drive:
        tonal = np.tanh(r.drive * tonal) * np.float32(0.5)
    smooth = np.exp(-2 * np.pi * r.muffle * traits.bright / SAMPLE_RATE)
    tonal = lfilter([1 - smooth], [1, -smooth], tonal).astype(np.float32)
    _play_drums(drums, r, traits, step, rng)
    _make_noise(drums, r, traits, rng)
    x = tonal + drums
    return np.asarray(x * (0.9 * rng.uniform(0.6, 1) / max(np.abs(x).max(initial=0), 1e-6)), np.float32)


def _play_notes(out: Wave, r: Recipe, traits: Traits, step: float, rng: np.random.Generator) -> None:
    """Chords on the bars' first step, melody between, a bass under it."""
    sounds: dict[int, Wave] = {}

    def sound(note: int, decay: float = r.decay) -> Wave:
        if note not in sounds:
            sounds[note] = _note(r, traits, note, decay, rng)
        return sounds[note]

    degrees = len(r.scale)
    bars = int(out.shape[1] / SAMPLE_RATE / (step * _SIXTEENTHS)) + 1
    melody = rng.choice(_SIXTEENTHS, (2, r.notes))  # two figures that come again
    for bar in range(bars):
        root = int(rng.choice([0, 0, 3, 4])) % degrees
        begin = bar * _SIXTEENTHS * step
        for i in range(r.chord):
            if r.chord > 1:
                _add(out, begin, sound(12 + _pitch(r, root + 2 * i)), 0.3, 0.3 + 0.2 * i, traits.width)
        for at in melody[bar % 2]:
            note = 12 * (r.octave - 1) + _pitch(r, root + int(rng.integers(0, degrees + 2)))
            when = begin + (at + rng.uniform(-0.03, 0.03)) * step
            _add(out, when, sound(note), rng.uniform(0.25, 0.5), rng.uniform(0.2, 0.8), traits.width)
        for beat in range(0, _SIXTEENTHS, 4):
            if r.bass:
                _add(out, begin + beat * step, _bass(_pitch(r, root) + traits.key), r.bass * 0.4, 0.5, 0)


def _pitch(r: Recipe, degree: int) -> int:
    """Semitones of a degree of the scale that may lie in a higher octave."""
    return 12 * (degree // len(r.scale)) + r.scale[degree % len(r.scale)]


def _note(r: Recipe, traits: Traits, note: int, decay: float, rng: np.random.Generator) -> Wave:
    """A note by its semitones over 55 Hz, [N]."""
    frequency = 55 * 2 ** ((note + traits.key) / 12)
    seconds = min(3.0, decay * traits.decay)
    t = np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)
    phase = np.float32(2 * np.pi * frequency) * t
    if r.vibrato:
        phase += np.float32(frequency * r.vibrato * 0.0595 / 5.5) * np.sin(np.float32(2 * np.pi * 5.5) * t)
    x = np.zeros_like(t)
    for k in range(1, 13):
        if k**r.stretch * frequency < 16_000:
            strength = (1.0 if k % 2 else r.odd) * k ** (-r.partials / traits.bright)
            x += np.float32(strength) * np.sin(np.float32(k**r.stretch) * phase + np.float32(rng.uniform(0, 6.28)))
    rise = np.minimum(1, t / np.float32(r.onset))
    fall = np.exp(-t * np.float32(6.9 / seconds)) * np.minimum(1, (t[-1] - t) * 50)
    return np.asarray(x * rise * fall, np.float32)


def _bass(note: float) -> Wave:
    t = np.arange(int(0.4 * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)
    return np.asarray(np.sin(2 * np.pi * 55 * 2 ** (note / 12) * t) * np.exp(-t * 5) * np.minimum(1, (0.4 - t) * 50))


def _play_drums(out: Wave, r: Recipe, traits: Traits, step: float, rng: np.random.Generator) -> None:
    """The recipe's patterns; two hits of each kind, so that no two bars are the same."""
    kinds: list[tuple[str, Callable[[], Wave], float]] = [
        (r.kick, lambda: _kick(traits.pitch), 0.9),
        (r.snare, lambda: _hit(0.18, 22, 190 * traits.pitch, rng), 0.5),
        (r.hat, lambda: _hit(0.06, 80, 0, rng), 0.18),
    ]
    for pattern, make, strength in kinds:
        if "x" in pattern:
            hits = [make(), make()]
            for number in range(int(out.shape[1] / SAMPLE_RATE / step) + 1):
                if pattern[number % _SIXTEENTHS] == "x":
                    level = strength * traits.drums * rng.uniform(0.7, 1)
                    _add(out, number * step, hits[int(rng.integers(2))], level, rng.uniform(0.4, 0.6), traits.width)


def _kick(pitch: float) -> Wave:
    t = np.arange(int(0.25 * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)
    return np.asarray(np.sin(2 * np.pi * pitch * (48 * t + 3 * (1 - np.exp(-t * 40)))) * np.exp(-t * 16))


def _hit(seconds: float, fall: float, tone: float, rng: np.random.Generator) -> Wave:
    """Noise that decays, with a tone in it or, without one, high-passed."""
    t = np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)
    noise = rng.standard_normal(len(t), np.float32)
    noise = noise * 0.5 + np.sin(2 * np.pi * tone * t) if tone else np.diff(noise, append=np.float32(0))
    return np.asarray(noise * np.exp(-t * fall), np.float32)


def _make_noise(out: Wave, r: Recipe, traits: Traits, rng: np.random.Generator) -> None:
    """Hiss that swells slowly, and clicks."""
    count = out.shape[1]
    swell = np.interp(np.arange(count), np.linspace(0, count, 9), rng.uniform(0.3, 1, 9)).astype(np.float32)
    out += rng.standard_normal(out.shape, np.float32) * swell * np.float32(10 ** (r.noise / 20) * traits.noise)
    for at in rng.uniform(0, count / SAMPLE_RATE, int(r.crackle * traits.noise * count / SAMPLE_RATE)):
        _add(out, at, rng.standard_normal(12, np.float32), rng.uniform(0.02, 0.15), rng.uniform(0, 1), 1)


def _add(out: Wave, when: float, sound: Wave, level: float, pan: float, width: float) -> None:
    """Mix a mono sound in at a time in seconds, `pan` (0 left, 1 right) of the width to the right."""
    start = max(0, round(when * SAMPLE_RATE))
    piece = sound[: max(0, out.shape[1] - start)]
    side = (pan - 0.5) * width
    for channel, gain in enumerate((1 - 2 * side, 1 + 2 * side)):
        out[channel, start : start + len(piece)] += np.float32(level * gain) * piece
