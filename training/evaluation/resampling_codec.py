"""The founding study's baseline as a codec: resampling to the rate whose raw size is the bit rate, and back.

    python -m training resampling-codec encode IN.wav CODED KBPS [--founding]
    python -m training resampling-codec decode CODED OUT.wav

Raw means 16 bits and as many channels as the source: a stereo clip at 8 kbit/s has 250 samples a second. The coded file
is a wav file, whose header is part of the bit rate. With --founding the clip is first made mono at 8 kHz, as the study
had it, and the header is not counted: 63 kbit/s are 3938 samples a second, 126 are 7875.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr

from formats.errors import AudioError
from training.numbers import positive

RATE = 44100
STUDY_RATE = 8000  # of the founding study's music
HEADER = 44  # bytes of a plain wav file


def raw_rate(kbps: float, samples: int, channels: int) -> int:
    """Samples a second of a 16-bit file at `kbps`, header included, for a clip of `samples` at 44.1 kHz; 1 or more."""
    seconds = samples / RATE
    return max(1, min(RATE, int((kbps * 125 * seconds - HEADER) / (2 * channels * seconds))))


def encode(source: Path, coded: Path, kbps: float, *, founding: bool = False) -> None:
    """Resample a wav file at 44.1 kHz to one of the size that the rate allows; `founding`: as mono at 8 kHz.

    Raises:
        AudioError: the file is empty, or has another sample rate; LibsndfileError, OSError: it cannot be read, or the
            other one not be written.
    """
    x, found = soundfile.read(str(source), dtype="float64", always_2d=True)
    if found != RATE or not len(x):
        raise AudioError(f"{source} has {len(x)} samples at {found} Hz, and should have some at {RATE} Hz")
    if founding:
        x, start = np.asarray(soxr.resample(x.mean(1, keepdims=True), RATE, STUDY_RATE, "VHQ")), STUDY_RATE
        rate = max(1, min(STUDY_RATE, round(kbps * 1000 / 16)))
    else:
        start, rate = RATE, raw_rate(kbps, *x.shape)
    low = np.asarray(soxr.resample(x, start, rate, "VHQ"))
    soundfile.write(str(coded), np.clip(low, -1, 1), rate, subtype="PCM_16", format="WAV")


def decode(coded: Path, target: Path) -> None:
    """Resample such a file to 44.1 kHz.

    Raises:
        LibsndfileError, OSError: it cannot be read, or the other one not be written.
    """
    low, rate = soundfile.read(str(coded), dtype="float64", always_2d=True)
    x = np.asarray(soxr.resample(low, rate, RATE, "VHQ"))
    soundfile.write(str(target), np.clip(x, -1, 1), RATE, subtype="PCM_16", format="WAV")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training resampling-codec", description="The founding study's baseline as a codec."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    encoder = commands.add_parser("encode", help="wav file at 44.1 kHz -> coded file")
    encoder.add_argument("source", type=Path)
    encoder.add_argument("coded", type=Path)
    encoder.add_argument("kbps", type=positive)
    encoder.add_argument("--founding", action="store_true", help="mono at 8 kHz, as the study made it")
    decoder = commands.add_parser("decode", help="coded file -> wav file at 44.1 kHz")
    decoder.add_argument("coded", type=Path)
    decoder.add_argument("target", type=Path)
    given = parser.parse_args(arguments)
    try:
        if given.command == "encode":
            encode(given.source, given.coded, given.kbps, founding=given.founding)
        else:
            decode(given.coded, given.target)
    except (AudioError, OSError, soundfile.LibsndfileError) as error:
        print(f"resampling-codec: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
