"""Music, a folder of songs and a codec, for tests of comparisons."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE = 44100

# A codec that keeps the top bits of every sample. Clips of 0.4 s are too short for ViSQOL.
FAKE = """
import sys, numpy as np, soundfile
mode, source, target, rate = sys.argv[1:]
if mode == "encode":
    x = soundfile.read(source, dtype="int16")[0]
    keep = max(1, int(float(rate)))
    open(target, "wb").write(bytes([len(x) % 251]) * keep * 100 + (x >> (16 - keep) << (16 - keep)).tobytes())
else:
    data = open(source, "rb").read()
    count = 17640 * 2 * 2
    x = np.frombuffer(data[-count:], np.int16).reshape(-1, 2)
    soundfile.write(target, x, 44100, subtype="PCM_16")
"""


def music(seconds: float, seed: int = 0) -> npt.NDArray[np.float64]:
    """[N, 2]: decaying noise bursts over a chord, so that time and frequency both have a shape."""
    rng = np.random.default_rng(seed)
    n = np.arange(round(seconds * RATE))
    chord = np.sin(2 * np.pi * np.outer((220, 277, 330), n) / RATE).sum(axis=0) * 0.05
    bursts = rng.standard_normal((len(n), 2)) * 0.2 * np.exp(-(n % 11025) / 2000)[:, None]
    return np.asarray(bursts + chord[:, None])


def write_songs(folder: Path) -> Path:
    """A folder of three songs, two of them in a folder `test`."""
    (folder / "test").mkdir(parents=True)
    soundfile.write(folder / "test" / "a.wav", music(2.5), RATE)
    soundfile.write(folder / "test" / "b.flac", music(2, 1)[:, 0], RATE)
    soundfile.write(folder / "c.wav", music(2, 2), RATE)
    return folder
