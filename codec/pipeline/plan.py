"""Plans: how to encode and how to decode, checked before any file is opened."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Self

from codec.audio.source import RATES
from codec.audio.tags.choice import ALL, USUAL, TagChoice
from codec.runtime import models
from codec.runtime.models import Model
from formats import Coder
from formats.errors import UsageError
from formats.grid import CHUNK, GAIN_LIMIT, MAX_CHUNK, SEGMENT

BITRATES = (6.0, 128.0)
"""Lowest and highest bit rate that can be asked for, in 1000 bit/s."""

CODERS = {"auto": None, "range": Coder.RANGE, "zstd": Coder.ZSTD}
"""Payload coders by name; auto chooses the one with the smaller payload."""

NARROW_RATE, NARROW_GAIN = 16000, -16
"""Sample rate in Hz below which default gains fall, and how far they would at 0 Hz (`EncodePlan.gain_for`)."""

LONGEST = 1e9
"""Upper bound on times in seconds, longer than any song."""


@dataclass(frozen=True)
class EncodePlan:
    """How to encode. `make` checks all values; the constructor does not.

    Attributes:
        model: the model to encode with.
        latent: tier, in latents per frame.
        gain: d = 2**(-gain / 32) scales the quantizer steps; with a bit rate, the gain at which its search starts.
        default_gain: whether the gain is the tier's own, which depends on the source.
        bitrate: rate in 1000 bit/s of the file without its pictures; None if the gain decides.
        coder: coder of the payloads; None for the one that makes the first ten seconds smaller.
        chunk_frames: frames of the longest chunks of the file; the first ones are shorter.
        tags: which tags and pictures go along.
    """

    model: Model
    latent: int
    gain: int
    default_gain: bool
    bitrate: float | None
    coder: Coder | None
    chunk_frames: int
    tags: TagChoice = USUAL

    @property
    def stages(self) -> int:
        """Stages that run at the same time: analysis and coding, unless a bit rate has all analysed before."""
        return 2 if self.bitrate is None else 1

    @classmethod
    def make(
        cls,
        *,
        latent: int | None = None,
        gain: int | None = None,
        bitrate: float | None = None,
        model: str | Model | None = None,
        coder: str = "auto",
        chunk_frames: int = CHUNK,
        tags: TagChoice | None = None,
    ) -> Self:
        """Check all values, and fill in defaults.

        Args:
            latent: one of the model's tiers; by default the model's default tier, or the best one at `bitrate`.
            gain: -512 to 512 in 1/32 octave, higher is finer; by default the tier's, from the measured frontier.
            bitrate: 6 to 128, in 1000 bit/s; it chooses tier and gain, so neither may be given with it.
            model: an installed model's name or a model's folder; the default model if None.
            coder: auto, range or zstd.
            chunk_frames: frames of the longest chunks, 126, 252, ... 2520; a seek decodes whole chunks.
            tags: which tags and pictures go along; `USUAL` if None.

        Raises:
            UsageError: a value is not a number, is out of its range, or excludes another; ModelError: there is no such
            model.
        """
        chosen = model if isinstance(model, Model) else models.by_name(model)
        if bitrate is not None and (latent is not None or gain is not None):
            raise UsageError("a bit rate chooses the tier and the gain: give the bit rate, or tier and gain, not both")
        if bitrate is not None:
            bitrate = number("the bit rate", bitrate)
            if not BITRATES[0] <= bitrate <= BITRATES[1]:
                raise UsageError(f"the bit rate must be {BITRATES[0]:g} to {BITRATES[1]:g} kbit/s, not {bitrate:g}")
            latent = chosen.tier_for(bitrate)
        latent = chosen.default_latent if latent is None else whole("the tier", latent)
        if latent not in chosen.latents:
            known = ", ".join(map(str, chosen.latents))
            raise UsageError(f"model {chosen.name} has no tier of {latent} latents; it has {known}")
        default_gain = gain is None
        gain = chosen.gain(latent) if gain is None else whole("the gain", gain)
        if abs(gain) > GAIN_LIMIT:
            raise UsageError(f"the gain must be -{GAIN_LIMIT} to {GAIN_LIMIT}, not {gain}")
        if not isinstance(coder, str) or coder not in CODERS:
            raise UsageError(f"there is no coder {coder!r}; there are {', '.join(CODERS)}")
        chunk_frames = whole("the number of frames in a chunk", chunk_frames)
        if chunk_frames not in range(SEGMENT, MAX_CHUNK + 1, SEGMENT):
            raise UsageError(f"a chunk must have {SEGMENT}, {2 * SEGMENT}, ... {MAX_CHUNK} frames, not {chunk_frames}")
        return cls(chosen, latent, gain, default_gain, bitrate, CODERS[coder], chunk_frames, tags or USUAL)

    @property
    def main_count(self) -> int:
        """Quantization indices per frame."""
        return self.model.main_count(self.latent)

    def gain_for(self, sample_rate: int) -> int:
        """The gain for a source of this sample rate in Hz.

        Steps follow a frame's mean level over all bands. Bands above the Nyquist frequency, where there is nothing,
        lower it, so that steps of a narrow source would be finer, and its file larger, than those of the same song in
        full band. A default gain makes up for that (training/LOG.md, "Rates that surprise").
        """
        if not self.default_gain or self.model.kind != "ranked":
            return self.gain
        missing = max(0.0, 1 - sample_rate / NARROW_RATE)
        return max(self.gain + round(NARROW_GAIN * missing), -GAIN_LIMIT)


@dataclass(frozen=True)
class DecodePlan:
    """Which part of a file to decode, and with which model. `make` checks all values; the constructor does not.

    Attributes:
        start, duration: seconds; a part that extends beyond the song's end is cut there. A duration of None means to
            the end.
        model: name or folder of the model to use; None for the installed one that has the file's bitstream.
        decoder: name of one of the model's decoders; None for the default one.
        salvage: whether to decode a damaged file, with silence in place of lost chunks.
        tags: which tags and pictures go along.
        rate: sample rate of the output in Hz; None for the song's.
    """

    start: float = 0.0
    duration: float | None = None
    model: str | None = None
    decoder: str | None = None
    salvage: bool = False
    rate: int | None = None
    tags: TagChoice = ALL

    @classmethod
    def make(
        cls,
        *,
        start: float = 0.0,
        duration: float | None = None,
        model: str | None = None,
        decoder: str | None = None,
        salvage: bool = False,
        rate: int | None = None,
        tags: TagChoice | None = None,
    ) -> Self:
        """Check all values.

        Raises:
            UsageError: a time is not a number, is negative, or is 1e9 seconds or more; the rate is not a whole number
            from 1000 to 768000.
        """
        start = number("the start", start)
        duration = None if duration is None else number("the duration", duration)
        if not (0 <= start < LONGEST and 0 <= (duration or 0) < LONGEST):
            raise UsageError(f"start and duration must be from 0 to less than {LONGEST:g} seconds")
        rate = None if rate is None else whole("the sample rate", rate)
        if rate is not None and not RATES[0] <= rate <= RATES[1]:
            raise UsageError(f"the sample rate must be {RATES[0]} to {RATES[1]} Hz, not {rate}")
        return cls(start, duration, model, decoder, bool(salvage), rate, tags or ALL)


def whole(what: str, value: object) -> int:
    """Convert a whole number of any type, such as 128, 128.0 or numpy.int64(128), to an int.

    Raises:
        UsageError: the value is not a whole number; the text calls it `what`.
    """
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, Real) and not isinstance(value, bool) and float(value).is_integer():
        return int(float(value))
    raise UsageError(f"{what} must be a whole number, not {value!r}")


def number(what: str, value: object) -> float:
    """Convert a real number of any type to a float.

    Raises:
        UsageError: the value is not a number, or not finite; the text calls it `what`.
    """
    try:
        if not isinstance(value, str | bytes | bool) and math.isfinite(found := float(value)):  # type: ignore[arg-type]
            return found
    except (TypeError, ValueError, OverflowError):
        pass
    raise UsageError(f"{what} must be a number, not {value!r}")
