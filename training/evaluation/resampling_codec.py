"""The founding study's baseline as a codec: resample to the rate whose raw size equals the bitrate, and back.

    python -m training resampling-codec encode IN.wav CODED KBPS
    python -m training resampling-codec decode CODED OUT.wav

Raw is 16-bit with as many channels as the source: a stereo clip at 8 kbit/s keeps 250 samples a second. The coded file
is a wav file whose header is paid for out of the same bits.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr

RATE = 44100
HEADER = 44  # bytes of a plain wav file


def raw_rate(kbps: float, samples: int, channels: int) -> int:
    """Samples a second with which a clip of `samples` at 44.1 kHz fills kbps in 16 bit, header included; 1 or more."""
    seconds = samples / RATE
    return max(1, min(RATE, int((kbps * 125 * seconds - HEADER) / (2 * channels * seconds))))


def encode(source: Path, coded: Path, kbps: float) -> None:
    """Write a wav file at 44.1 kHz as one of the size asked for."""
    x = soundfile.read(str(source), dtype="float64", always_2d=True)[0]
    rate = raw_rate(kbps, *x.shape)
    low = np.asarray(soxr.resample(x, RATE, rate, "VHQ"))
    soundfile.write(str(coded), np.clip(low, -1, 1), rate, subtype="PCM_16", format="WAV")


def decode(coded: Path, target: Path) -> None:
    """Bring such a file back to 44.1 kHz."""
    low, rate = soundfile.read(str(coded), dtype="float64", always_2d=True)
    x = np.asarray(soxr.resample(low, rate, RATE, "VHQ"))
    soundfile.write(str(target), np.clip(x, -1, 1), RATE, subtype="PCM_16", format="WAV")


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    match arguments:
        case ["encode", source, coded, kbps]:
            encode(Path(source), Path(coded), float(kbps))
        case ["decode", coded, target]:
            decode(Path(coded), Path(target))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
