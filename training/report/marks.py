"""Looks of systems and genres for the page's drawings: the same marks that figures have, as paths of SVG."""

from functools import lru_cache
from typing import Any

from matplotlib.markers import MarkerStyle
from matplotlib.path import Path

from training.palette import Look

_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}


def mark(look: Look) -> dict[str, Any]:
    """A look as JSON.

    Returns:
        color; path, the mark around (0, 0), one unit wide; filled, whether it has an inside; hollow, whether that is
        left white; dash, in widths of the line.
    """
    path, filled = _drawn(look.marker)
    return {"color": look.color, "path": path, "filled": filled, "hollow": look.hollow, "dash": list(look.dash)}


@lru_cache
def _drawn(marker: str) -> tuple[str, bool]:
    style = MarkerStyle(marker)
    found = []
    for points, code in style.get_path().transformed(style.get_transform()).iter_segments(simplify=False):
        letter = _LETTERS[code]
        pairs = zip(points[::2], -points[1::2], strict=True)  # pictures count downwards
        found.append(letter + ("" if letter == "Z" else " ".join(f"{x:.3f},{y:.3f}" for x, y in pairs)))
    return "".join(found), style.is_filled()
