"""Synthesized genres can be told apart across artists."""

import numpy as np
from numpy.typing import NDArray

from training.data.recipes import RECIPES, artist_traits, track

SMALL = {"Electronic", "Experimental", "Folk", "Hip-Hop", "Instrumental", "International", "Pop", "Rock"}


def spectrum(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean and spread of the levels of 24 bands over time."""
    blocks = x.mean(0)[: x.shape[1] // 2048 * 2048].reshape(-1, 2048) * np.hanning(2048)
    power = np.abs(np.fft.rfft(blocks)) ** 2
    bands = np.log(np.add.reduceat(power, np.unique(np.geomspace(2, 900, 24).astype(int)), axis=1) + 1e-4)
    return np.concatenate([bands.mean(0), bands.std(0)])


def test_genres_can_be_learned_from_other_artists() -> None:
    known = {(genre, artist): spectrum(track(genre, artist, 4.0)) for genre in RECIPES for artist in range(3)}
    scale = np.std(list(known.values()), axis=0)
    hits = 0
    for genre in RECIPES:
        found = spectrum(track(genre, 7, 4.0, seed=1))
        hits += min(known, key=lambda kind: np.square((known[kind] - found) / scale).sum())[0] == genre
    assert hits >= 5  # of eight, by the nearest neighbour; chance is one
    assert set(RECIPES) == SMALL


def test_tracks_are_themselves() -> None:
    x = track("Pop", 0, 2.0)
    assert x.shape == (2, 88200) and x.dtype == np.float32
    assert 0.5 < np.abs(x).max() <= 0.9
    assert np.array_equal(x, track("Pop", 0, 2.0))
    others = [track("Pop", 0, 2.0, seed=1), track("Pop", 1, 2.0), track("Rock", 0, 2.0)]
    assert not any(np.array_equal(x, other) for other in others)
    assert artist_traits("Pop", 0) != artist_traits("Pop", 1) != artist_traits("Rock", 1)
    assert artist_traits("Pop", 0) == artist_traits("Pop", 0)
