"""More than two channels to stereo, by the coefficients of ITU-R BS.775.

    left  = FL + 0.71 FC + 0.71 BL + 0.71 SL + 0.5 BC      and the same for the right, then both divided by the larger
                                                           sum of coefficients, so that nothing can clip

The low-frequency channel (LFE) is left out, as the recommendation does. A channel counts by where its loudspeaker
stands. The source says where, or else the number of channels does, in the order of wav and flac files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_HALF_POWER = math.sqrt(0.5)

_GAINS = {
    "FL": (1.0, 0.0), "FR": (0.0, 1.0), "FC": (_HALF_POWER, _HALF_POWER), "LFE": (0.0, 0.0),
    "BL": (_HALF_POWER, 0.0), "BR": (0.0, _HALF_POWER), "BC": (0.5, 0.5),
    "SL": (_HALF_POWER, 0.0), "SR": (0.0, _HALF_POWER), "FLC": (1.0, 0.0), "FRC": (0.0, 1.0),
    "TC": (0.5, 0.5), "TFL": (_HALF_POWER, 0.0), "TFC": (0.5, 0.5), "TFR": (0.0, _HALF_POWER),
    "TBL": (_HALF_POWER, 0.0), "TBC": (0.5, 0.5), "TBR": (0.0, _HALF_POWER),
}  # fmt: skip
"""Gains into left and right by the names that wav files give to places."""

_LAYOUTS = {
    "2.1": "FL FR LFE",
    "3.0": "FL FR FC",
    "3.0(back)": "FL FR BC",
    "3.1": "FL FR FC LFE",
    "quad": "FL FR BL BR",
    "quad(side)": "FL FR SL SR",
    "4.0": "FL FR FC BC",
    "4.1": "FL FR FC LFE BC",
    "5.0": "FL FR FC BL BR",
    "5.0(side)": "FL FR FC SL SR",
    "5.1": "FL FR FC LFE BL BR",
    "5.1(side)": "FL FR FC LFE SL SR",
    "6.0": "FL FR FC BC SL SR",
    "6.0(front)": "FL FR FLC FRC SL SR",
    "hexagonal": "FL FR FC BL BR BC",
    "6.1": "FL FR FC LFE BC SL SR",
    "6.1(back)": "FL FR FC LFE BL BR BC",
    "6.1(front)": "FL FR LFE FLC FRC SL SR",
    "7.0": "FL FR FC BL BR SL SR",
    "7.0(front)": "FL FR FC FLC FRC SL SR",
    "7.1": "FL FR FC LFE BL BR SL SR",
    "7.1(wide)": "FL FR FC LFE BL BR FLC FRC",
    "7.1(wide-side)": "FL FR FC LFE FLC FRC SL SR",
    "octagonal": "FL FR FC BL BR BC SL SR",
}
"""Places by ffmpeg's names of layouts."""

_BY_COUNT = {3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}

_VORBIS = {
    3: "FL FC FR",
    4: "FL FR BL BR",
    5: "FL FC FR BL BR",
    6: "FL FC FR BL BR LFE",
    7: "FL FC FR SL SR BC LFE",
    8: "FL FC FR SL SR BL BR LFE",
}
"""Places in Vorbis and Opus files."""

_LIBSNDFILE = (
    None, "FC", "FL", "FR", "FC", "FL", "FR", "FC", "BC", "BL", "BR", "LFE", "FLC", "FRC", "SL", "SR",
    "TC", "TFL", "TFR", "TFC", "TBL", "TBR", "TBC",
)  # fmt: skip
"""Places by libsndfile's numbers of them."""

Places = tuple[str, ...]
"""Where each channel's loudspeaker stands, by the names in _GAINS; nothing if that is not known."""


def places_by_count(channels: int) -> Places:
    """The places of 3 to 8 channels of which nothing but the number is known."""
    return places_of_layout(_BY_COUNT.get(channels, ""))


def places_of_layout(name: str) -> Places:
    """The places of one of ffmpeg's layouts."""
    return tuple(_LAYOUTS.get(name, "").split())


def places_of_vorbis(channels: int) -> Places:
    """The places of a Vorbis or Opus file's channels."""
    return tuple(_VORBIS.get(channels, "").split())


def places_of_map(numbers: Sequence[int]) -> Places:
    """The places in libsndfile's channel map; nothing if it has others than these."""
    found = [_LIBSNDFILE[number] if 0 < number < len(_LIBSNDFILE) else None for number in numbers]
    return tuple(place for place in found if place) if all(found) else ()


class Downmix:
    """Mixes blocks to stereo.

    Args:
        places: of the channels that come in.
    """

    def __init__(self, places: Places) -> None:
        gains = np.array([_GAINS[place] for place in places])
        loudest = gains.sum(axis=0).max()
        self._attenuation = 20 * math.log10(loudest)
        self._gains = (gains / loudest).astype(np.float32)
        self._leaves_out = "LFE" in places

    def __str__(self) -> str:
        without = ", without the low-frequency channel" if self._leaves_out else ""
        return f"{self._attenuation:.1f} dB lower, so that nothing clips{without} (ITU-R BS.775)"

    def __call__(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Samples [N, C] -> left and right [N, 2]."""
        mixed: NDArray[np.float32] = block @ self._gains
        return mixed
