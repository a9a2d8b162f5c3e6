"""What the page stores of a version of a clip: FLAC in a script, a picture of its spectrum, its loudness.

A page opened from a file may load scripts but not fetch files, so audio travels as the text of a script. The text is
UTF-16 with 15 bits in each character, which takes 1.07 bytes for a byte of audio where base64 takes 1.33.
"""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from training.metrics import clip

PICTURE = (720, 240)  # pixels of a spectrogram
DECIBELS = 90  # range of its colours, down from the original's peak
_WINDOW = 2048
_FIRST = 0x3400  # 32,768 characters from here on are no surrogates, no quotes and no ends of lines


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


def write_picture(decibels: npt.NDArray[np.float64], top: float, target: Path) -> None:
    """Write a spectrogram as a WebP picture; colours run over `DECIBELS` up to `top`."""
    from matplotlib import colormaps
    from PIL import Image

    shares = np.clip((decibels[::-1] - top) / DECIBELS + 1, 0, 1)
    pixels = np.rint(colormaps["magma"](shares)[..., :3] * 255).astype(np.uint8)
    Image.fromarray(pixels).save(target, quality=85, method=6)


def flac(x: npt.NDArray[np.float32]) -> bytes:
    """Samples [C, N] in [-1, 1] as a 16-bit FLAC file at 44.1 kHz, level 8; volume unchanged, clipped at full scale."""
    out = BytesIO()
    # Scaled here, because libsndfile scales floats by 32767 on writing and by 1/32768 on reading.
    samples = np.clip(np.rint(x.T * 32768.0), -32768, 32767).astype(np.int16)
    soundfile.write(out, samples, clip.RATE, format="FLAC", subtype="PCM_16", compression_level=1.0)
    return out.getvalue()


def script(name: str, data: bytes) -> bytes:
    """A script in UTF-16 that hands bytes to the page: `aezAudio(name, number of bytes, text)`."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    groups = np.pad(bits, (0, -len(bits) % 15)).reshape(-1, 15)
    text = groups @ (1 << np.arange(14, -1, -1)) + _FIRST
    head = f'aezAudio({json.dumps(name)},{len(data)},"'
    return b"\xff\xfe" + head.encode("utf-16-le") + text.astype("<u2").tobytes() + '");\n'.encode("utf-16-le")


def loudness(x: npt.NDArray[np.float32]) -> float:
    """Loudness of [C, N] at 44.1 kHz in LKFS: K-weighted as in ITU-R BS.1770 but ungated; -inf for silence."""
    from scipy.signal import freqz

    hz = np.fft.rfftfreq(x.shape[1], 1 / clip.RATE)
    shelf = freqz([1.53512485958697, -2.69169618940638, 1.19839281085285], [1, -1.69065929318241, 0.73248077421585],
                  hz, fs=48000)[1]  # fmt: skip
    high_pass = freqz([1, -2, 1], [1, -1.99004745483398, 0.99007225036621], hz, fs=48000)[1]
    power = np.abs(np.fft.rfft(x.astype(np.float64)) * shelf * high_pass) ** 2
    power[:, 1 : (x.shape[1] + 1) // 2] *= 2  # the bins of negative frequencies
    with np.errstate(divide="ignore"):
        return float(-0.691 + 10 * np.log10(power.sum() / x.shape[1] ** 2))
