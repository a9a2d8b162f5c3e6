"""What a user asked for, checked before any file is opened: how to encode, and how to decode."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Self

from codec.runtime import models
from codec.runtime.models import Model
from formats import Coder
from formats.errors import UsageError
from formats.grid import CHUNK, GAIN_LIMIT, MAX_CHUNK, SEGMENT

BITRATES = (6.0, 128.0)
"""Range of bit rates that can be asked for, 1000 bit/s."""

CODERS = {"auto": None, "range": Coder.RANGE, "zstd": Coder.ZSTD}
"""Payload coders by name; auto takes the smaller one."""

LONGEST = 1e9
"""Seconds that no song lasts."""


@dataclass(frozen=True)
class EncodePlan:
    """How to encode; made by `make`, which checks everything.

    Attributes:
        model: the model to encode with.
        latent: tier, latents a frame.
        gain: quantizer steps are d = 2**(-gain / 32); with a bit rate, the gain that its search starts at.
        bitrate: 1000 bit/s of the file without its cover; None: the gain decides.
        coder: of the payloads; None: whichever makes the first chunk smaller.
        chunk_frames: frames of a chunk of the file.
    """

    model: Model
    latent: int
    gain: int
    bitrate: float | None
    coder: Coder | None
    chunk_frames: int

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
    ) -> Self:
        """Check what was asked for, and fill in what was not.

        Args:
            latent: tier, one of the model's; by default the model's own default, or the best one at `bitrate`.
            gain: -512 to 512, 1/32 octaves, higher is finer; by default the tier's, from its model's measured frontier.
            bitrate: 6 to 128, 1000 bit/s; chooses tier and gain, so neither is given with it.
            model: an installed model's name or a model's folder; the default model if None.
            coder: auto, range or zstd.
            chunk_frames: 126, 252, ... 2520; a seek reads whole chunks.

        Raises:
            UsageError: a value is out of its range or no number, or two exclude each other; ModelError: no such model.
        """
        chosen = model if isinstance(model, Model) else models.by_name(model)
        if bitrate is not None and (latent is not None or gain is not None):
            raise UsageError("a bit rate chooses the tier and the gain itself: ask for it, or for those")
        if bitrate is not None:
            bitrate = number("the bit rate", bitrate)
            if not BITRATES[0] <= bitrate <= BITRATES[1]:
                raise UsageError(f"a bit rate lies between {BITRATES[0]:g} and {BITRATES[1]:g} kbit/s, not {bitrate:g}")
            latent = chosen.tier_for(bitrate)
        latent = chosen.default_latent if latent is None else whole("the tier", latent)
        if latent not in chosen.latents:
            known = ", ".join(map(str, chosen.latents))
            raise UsageError(f"model {chosen.name} has no tier of {latent} latents; it has {known}")
        gain = chosen.gain(latent) if gain is None else whole("the gain", gain)
        if abs(gain) > GAIN_LIMIT:
            raise UsageError(f"the gain lies between -{GAIN_LIMIT} and {GAIN_LIMIT}, not {gain}")
        if coder not in CODERS:
            raise UsageError(f"there is no coder {coder!r}; there are {', '.join(CODERS)}")
        chunk_frames = whole("the number of frames in a chunk", chunk_frames)
        if chunk_frames not in range(SEGMENT, MAX_CHUNK + 1, SEGMENT):
            raise UsageError(f"a chunk has 126, 252, ... {MAX_CHUNK} frames, not {chunk_frames}")
        return cls(chosen, latent, gain, bitrate, CODERS[coder], chunk_frames)

    @property
    def main_count(self) -> int:
        """Quantization indices a frame."""
        return self.model.main_count(self.latent)


@dataclass(frozen=True)
class DecodePlan:
    """Which part of a file to decode, and with what; made by `make`, which checks everything.

    Attributes:
        start, duration: seconds; what lies beyond the song's end is not there. duration None: to the end.
        model: name or folder of the model to use; None: the installed one that has the file's bitstream.
        decoder: name of one of the model's decoders; None: the default one.
        salvage: keep what a damaged file still has, with silence in place of what is lost.
    """

    start: float = 0.0
    duration: float | None = None
    model: str | None = None
    decoder: str | None = None
    salvage: bool = False

    @classmethod
    def make(
        cls,
        *,
        start: float = 0.0,
        duration: float | None = None,
        model: str | None = None,
        decoder: str | None = None,
        salvage: bool = False,
    ) -> Self:
        """Check what was asked for.

        Raises:
            UsageError: a time is negative, endless or no number.
        """
        start = number("the start", start)
        duration = None if duration is None else number("the duration", duration)
        if not (0 <= start < LONGEST and 0 <= (duration or 0) < LONGEST):
            raise UsageError("times are not negative, and no song lasts for ever")
        return cls(start, duration, model, decoder, bool(salvage))


def whole(what: str, value: object) -> int:
    """A whole number of any type, such as 128, 128.0 or numpy.int64(128), as an int.

    Raises:
        UsageError: it is none.
    """
    if isinstance(value, Integral | Real) and not isinstance(value, bool) and float(value).is_integer():
        return int(value) if isinstance(value, Integral) else int(float(value))
    raise UsageError(f"{what} is a whole number, not {value!r}")


def number(what: str, value: object) -> float:
    """A real number of any type as a float.

    Raises:
        UsageError: it is none, or not finite.
    """
    try:
        if not isinstance(value, str | bytes | bool) and math.isfinite(found := float(value)):  # type: ignore[arg-type]
            return found
    except (TypeError, ValueError, OverflowError):
        pass
    raise UsageError(f"{what} is a number, not {value!r}")
