"""Kinds of audio files that can be written, by the extension of their names: what each can hold, and who writes it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from formats.errors import AudioError

if TYPE_CHECKING:
    from os import PathLike

Rates = range | tuple[int, ...]

_FULL_BAND = 44100
"""A rate, in Hz, from which on a lower one costs nothing that can be heard."""


@dataclass(frozen=True)
class Kind:
    """A kind of audio file.

    Attributes:
        name: its extension without the dot.
        container: libsndfile's name of the format; ffmpeg's name of the muxer where ffmpeg writes it.
        subtypes: our names of its subtypes, with libsndfile's; the first is the default. A codec that has only one has
            no name of ours: "".
        rates: sample rates in Hz, in ascending order.
        is_lossy: whether a bit rate can be chosen.
        needs_samples: whether a file without samples cannot be.
        codec: ffmpeg's name of the encoder; empty where libsndfile writes the kind.
    """

    name: str
    container: str
    subtypes: Mapping[str, str] = field(default_factory=lambda: {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"})
    rates: Rates = range(1, 1 << 31)
    is_lossy: bool = False
    needs_samples: bool = False
    codec: str = ""

    def rate_for(self, rate: int) -> int:
        """The rate that the kind can hold in place of `rate` Hz: the next higher one, or else a full-band lower one."""
        if rate in self.rates:
            return rate
        if rate < self.rates[-1]:
            return self.rates[bisect_left(self.rates, rate)]
        parts = (rate // divisor for divisor in range(2, 16) if rate % divisor == 0)
        return next((part for part in parts if part in self.rates and part >= _FULL_BAND), self.rates[-1])

    def check_rate(self, rate: int) -> None:
        """Refuse a sample rate in Hz that the kind cannot hold.

        Raises:
            AudioError: the text names the rate that it can hold.
        """
        if rate not in self.rates:
            raise AudioError(
                f"{self.name} cannot hold a sample rate of {rate} Hz; it can hold {self.rate_for(rate)} Hz, and wav can"
                " hold any"
            )


KINDS = {
    kind.name: kind
    for kind in (
        Kind("wav", "WAV"),
        Kind("flac", "FLAC", {"16": "PCM_16", "24": "PCM_24"}, range(1, 655_351), needs_samples=True),
        # libvorbis crashes the process above 200 kHz.
        Kind("ogg", "OGG", {"": "VORBIS"}, range(1000, 192_001), is_lossy=True),
        Kind(
            "mp3", "MP3", {"": "MPEG_LAYER_III"}, (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
            is_lossy=True, needs_samples=True,
        ),
        Kind("opus", "OGG", {"": "OPUS"}, (8000, 12000, 16000, 24000, 48000), is_lossy=True, needs_samples=True),
        Kind(
            "m4a", "ipod", {"": ""},
            (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000),
            is_lossy=True, needs_samples=True, codec="aac",
        ),
        Kind("aiff", "AIFF"),
        Kind("caf", "CAF"),
    )
}  # fmt: skip
"""Every kind by its name."""

_ALIASES = {"aif": "aiff", "oga": "ogg"}

EXTENSIONS = frozenset(f".{name}" for name in (*KINDS, *_ALIASES))
"""Extensions of files that can be written."""


def kind_of(path: str | PathLike[str]) -> Kind | None:
    """The kind of a file by the extension of its name; None if it is not one that can be written."""
    extension = Path(path).suffix.lower().removeprefix(".")
    return KINDS.get(_ALIASES.get(extension, extension))


_ELSEWHERE = {"aac": "m4a", "mp4": "m4a", "m4b": "m4a", "wma": "m4a"}
"""What to write in place of kinds that are not written; a bare .aac has no place for the exact length and for tags."""


@dataclass(frozen=True)
class Encoding:
    """How an audio file is to be written.

    Attributes:
        kind: see `Kind`.
        subtype: libsndfile's name of the subtype.
        bitrate: about how many 1000 bit/s; None for the kind's default, and where it is not lossy.
    """

    kind: Kind
    subtype: str
    bitrate: float | None = None

    @classmethod
    def of(cls, path: str | PathLike[str], subtype: str | None = None, bitrate: float | None = None) -> Encoding:
        """The encoding of a file by the extension of its name.

        Args:
            path: a name that ends in one of EXTENSIONS.
            subtype: "16", "24" or "float"; None takes the kind's default.
            bitrate: 1000 bit/s, for both channels together; None takes the kind's default.

        Raises:
            AudioError: another extension, a subtype that the kind does not have, or a bit rate for a kind that has
            none.
        """
        kind = kind_of(path)
        if kind is None:
            extension = Path(path).suffix.lower().removeprefix(".")
            advice = f"; for {extension}, write .{_ELSEWHERE[extension]}" if extension in _ELSEWHERE else ""
            raise AudioError(f"{path}: the extension must be one of .{', .'.join(KINDS)}{advice}")
        if subtype is not None and (not isinstance(subtype, str) or subtype not in filter(None, kind.subtypes)):
            choices = " or ".join(repr(name) for name in kind.subtypes if name)  # quoted: they are texts, also '16'
            has = f"it has {choices}" if choices else "it is lossy, and has none to choose from"
            raise AudioError(f"{kind.name} has no subtype {subtype!r}; {has}")
        if bitrate is not None and not kind.is_lossy:
            lossy = ", ".join(kind.name for kind in KINDS.values() if kind.is_lossy)
            raise AudioError(f"{kind.name} has no bit rate to choose; these have one: {lossy}")
        chosen = next(iter(kind.subtypes.values())) if subtype is None else kind.subtypes[subtype]
        return cls(kind, chosen, bitrate)
