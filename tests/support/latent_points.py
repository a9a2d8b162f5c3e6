"""Points of songs that are apart by genre, without audio."""

import numpy as np


def clouds(apart: float, songs: int = 60, size: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Three genres of artists with four songs each, `apart` standard deviations from each other."""
    rng = np.random.default_rng(seed)
    labels = np.arange(songs) % 3
    points = rng.standard_normal((songs, size))
    points[np.arange(songs), labels] += apart
    return points, labels, [f"{label} {number // 12}" for number, label in enumerate(labels)]
