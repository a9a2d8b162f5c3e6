"""The latent grid: sizes that every file of any format version has in common."""

SAMPLE_RATE = 44_100
"""Samples a second of the coded signal; a source of another rate is resampled on the way in and out."""

HOP = 700
"""Samples a frame: 63 frames a second."""

COEFFICIENTS = 2 * HOP
"""Coefficients a frame, mid then side, each by rising frequency."""

SEGMENT = 126
"""Frames in the 2 seconds that are the unit people see; a chunk holds a whole number of segments."""

CHUNK = 5 * SEGMENT
"""Frames in a chunk of the file: 10 seconds."""

HYPER_FRAMES = 3
"""Frames that share a hyper vector."""

BANDS = 24
"""Bands of the envelope in each of mid and side."""

BAND_EDGES = (
    0, 4, 8, 12, 16, 20, 24, 29, 35, 42, 51, 61, 74, 89, 108, 130, 157, 189, 228, 275, 331, 399, 481, 581, 700,
)  # fmt: skip
"""First coefficient of each band, and 700."""

WINDOW_UNIT = 18
"""Frames that have short blocks or long ones together."""

WINDOW_UNITS = SEGMENT // WINDOW_UNIT
"""Units in a segment."""

ROTATION_ANGLES = 8
"""Angles that a band of mid and side can be turned by, 22.5 degrees apart."""

GAIN_BLOCK = 50
"""Samples of the coded signal in the blocks that stretches before attacks are counted in."""

GAIN_EXPONENTS = 8
"""Levels that a stretch before an attack can be raised by, powers of two; 0 is not used."""

FAST_RISE, GAIN_RISE = 4, 60
"""Blocks in which a stretch rises to its level: in files up to version 3, and in longer stretches from version 4 on."""

HYPER_SIZE = 2 * BANDS
"""Hyper latents in a hyper vector."""

HYPER_PER_FRAME = HYPER_SIZE // HYPER_FRAMES
"""Latents of a frame that the hyper vector takes, on average; the rest are main latents."""

HYPER_MIN, HYPER_MAX = -32, 31
"""Range of a hyper latent, half octaves of band RMS; HYPER_MIN stands for digital silence."""

SCALES = 48
"""Levels of expected magnitude, a quarter octave apart."""

UNIT_SCALE = 20
"""The level at which a coefficient is expected to be as large as its step."""

TIERS = (32, 64, 128, 256, 512, 1024)
"""Latent sizes; every one is a prefix of the next."""


def frame_count(samples: int) -> int:
    """Frames of a song of `samples` samples at 44.1 kHz: none for none, else one more than it fills."""
    return -(-samples // HOP) + 1 if samples else 0


def hyper_count(frames: int) -> int:
    """Hyper vectors of `frames` frames."""
    return -(-frames // HYPER_FRAMES)


def segment_count(frames: int) -> int:
    """Segments of `frames` frames, the last one perhaps shorter."""
    return -(-frames // SEGMENT)


def main_count(latent: int) -> int:
    """Main latents a frame of a tier of `latent` latents."""
    return latent - HYPER_PER_FRAME


def nominal_kbps(latent: int) -> float:
    """Ceiling of a tier in units of 1024 bit/s: 4 bits a latent at 63 frames a second."""
    return latent * 63 * 4 / 1024
