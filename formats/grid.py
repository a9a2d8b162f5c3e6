"""The latent grid: sizes that all .aez files share."""

SAMPLE_RATE = 44_100
"""Samples per second of the coded signal; sources of other rates are resampled before coding and after decoding."""

HOP = 700
"""Samples per frame: 63 frames per second."""

COEFFICIENTS = 2 * HOP
"""Coefficients per frame: mid, then side, each by rising frequency."""

SEGMENT = 126
"""Frames in a segment of 2 seconds, the unit of coding decisions; a chunk holds a whole number of segments."""

CHUNK = 5 * SEGMENT
"""Frames in the longest chunks by default, 10 seconds. Encoder networks see windows of as many, whatever the chunks."""

MAX_CHUNK = 20 * SEGMENT
"""Most frames in a chunk: 40 seconds. It bounds the memory that decoding a stranger's file can take."""

HYPER_FRAMES = 3
"""Frames that share a hyper vector."""

BANDS = 24
"""Bands of the spectral envelope in each of mid and side."""

BAND_EDGES = (
    0, 4, 8, 12, 16, 20, 24, 29, 35, 42, 51, 61, 74, 89, 108, 130, 157, 189, 228, 275, 331, 399, 481, 581, 700,
)  # fmt: skip
"""First coefficient of each band, and 700."""

WINDOW_UNIT = 18
"""Frames in a window unit, all of which have the same window length, long or short."""

WINDOW_UNITS = SEGMENT // WINDOW_UNIT
"""Window units in a segment."""

ROTATION_ANGLES = 8
"""Angles of stereo rotation, 22.5 degrees apart."""

GAIN_BLOCK = 50
"""Samples of the coded signal per block of gain control."""

GAIN_EXPONENTS = 16
"""Gain exponents of a stretch under gain control, powers of the root of two: 1 to 15, as 0 is not used."""

GAIN_RISE = 60
"""Most blocks over which the gain of a stretch rises."""

GAIN_LOWPASS = 64
"""Samples over which the lowpass averages whose part gain control leaves as it is: up to 110 Hz."""

GAIN_LIMIT = 512
"""Largest magnitude of a file's gain: quantizer steps are scaled by 2**-16 to 2**16."""

HYPER_SIZE = 2 * BANDS
"""Hyper latents in a hyper vector."""

HYPER_PER_FRAME = HYPER_SIZE // HYPER_FRAMES
"""Latents of a frame that hyper vectors take on average; the rest are main latents."""

HYPER_MIN, HYPER_MAX = -32, 31
"""Range of a hyper latent, half octaves of band RMS; HYPER_MIN stands for digital silence."""

SCALES = 48
"""Scale indices: expected magnitudes in quantizer steps, a quarter octave apart."""

UNIT_SCALE = 20
"""The scale index at which a coefficient is expected to be as large as its quantizer step."""

TIERS = (32, 64, 128, 256, 512, 1024)
"""Latent sizes; every one is a prefix of the next."""


def frame_count(samples: int) -> int:
    """Frames of a song of `samples` samples at 44.1 kHz: ceil(samples / 700) + 1, and 0 for an empty song."""
    return -(-samples // HOP) + 1 if samples else 0


def hyper_count(frames: int) -> int:
    """Hyper vectors of `frames` frames."""
    return -(-frames // HYPER_FRAMES)


def segment_count(frames: int) -> int:
    """Segments of `frames` frames; the last one may be incomplete."""
    return -(-frames // SEGMENT)


def main_count(latent: int) -> int:
    """Main latents per frame of a tier of `latent` latents."""
    return latent - HYPER_PER_FRAME


def chunk_length(index: int, longest: int) -> int:
    """Frames of a chunk that is not the last one: 126, 252, 504 and so on, up to those of the longest chunks.

    So the first seconds of a song are soon there over a slow line, and only they take a few bits more for it.
    """
    return min(SEGMENT << min(index, _GROWING), longest)


def chunk_start(index: int, longest: int) -> int:
    """First frame of a chunk, in a file whose longest chunks have `longest` frames."""
    growing = min(index, _growing(longest))
    return SEGMENT * ((1 << growing) - 1) + (index - growing) * longest


def chunk_at(frame: int, longest: int) -> int:
    """Index of the chunk that holds a frame, in a file whose longest chunks have `longest` frames."""
    growing = _growing(longest)
    rest = frame - chunk_start(growing, longest)
    return growing + rest // longest if rest >= 0 else (frame // SEGMENT + 1).bit_length() - 1


def chunk_count(frames: int, longest: int) -> int:
    """Chunks of a file of `frames` frames, whose longest chunks have `longest`."""
    return chunk_at(frames - 1, longest) + 1 if frames else 0


_GROWING = 5
"""Bound of how many chunks are shorter than `MAX_CHUNK`."""


def _growing(longest: int) -> int:
    """How many chunks at the beginning are shorter than the longest."""
    return (longest // SEGMENT - 1).bit_length()


def nominal_kbps(latent: int) -> float:
    """Ceiling of a tier in units of 1024 bit/s: 4 bits per latent at 63 frames per second."""
    return latent * 63 * 4 / 1024
