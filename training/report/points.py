"""Maps of songs as the page reads them: names and genres once, places as 16-bit numbers, in a script of their own.

This takes about a fifth of the room of JSON, which counts where songs are a hundred thousand. The page runs the script
after everything else is there.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCRIPT = "points.js"
"""Name of the script in the page's folder."""

_STEPS = 65_535


def script(maps: dict[str, Any]) -> str:
    """A script that hands the maps of `training.report.saved.maps` to the page: `aezMaps(...)`.

    Places run from 0 to 65535 from left to right and from top to bottom, x and y in turn, little-endian and in base64;
    those of outliers are on the frame of the others, as in pictures.
    """
    drawn = [
        {
            "note": one["note"],
            "places": _coded(_places(one["points"], one["frame"]).astype("<u2")),
            "held": _coded(np.array(one["held"], np.uint8)) if any(one["held"]) else "",
        }
        for one in maps["maps"]
    ]
    found = {
        "labels": maps["labels"],
        "looks": maps["looks"],
        "songs": maps["songs"],
        "genres": _coded(np.array(maps["genres"], np.uint8)),
        "maps": drawn,
    }
    return f"aezMaps({json.dumps(found, allow_nan=False, separators=(',', ':'))});\n"


def _places(points: Sequence[Sequence[float]], frame: Sequence[Sequence[float]] | None) -> NDArray[np.int64]:
    """[N, 2] -> [N, 2], from 0 to 65535, downwards; `frame`: lowest and highest [x, y] but for outliers."""
    inside = np.array(points, np.float64)
    if frame is not None:
        inside = np.clip(inside, *np.array(frame, np.float64))
    low, high = inside.min(axis=0), inside.max(axis=0)
    shares = (inside - low) / np.where(high > low, high - low, 1)
    shares[:, 1] = 1 - shares[:, 1]
    steps: NDArray[np.int64] = np.rint(shares * _STEPS).astype(np.int64)
    return steps


def _coded(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode()
