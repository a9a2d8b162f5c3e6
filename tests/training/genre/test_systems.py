"""The compared systems learn what is there, and nothing that is not."""

import numpy as np
import pytest

from tests.support.genre_songs import CLASSES, songs
from training.genre import study, systems
from training.genre.data import Song
from training.genre.network import FitConfig
from training.genre.score import Judged

QUICK = FitConfig(epochs=6, members=2, width=16, crops=4, dropout=0.2, rate=5e-3)


def accuracy(made: list[Song], system: systems.System) -> float:
    logits = study.crossed(made, system, "artist", 3, 1)
    judged = Judged(logits, systems.labels(made), [song.artist for song in made])
    return float((judged.by_mean == judged.labels).mean())


SYSTEMS = {
    "latents": systems.latents(CLASSES, 1, QUICK),
    "tokens": systems.tokens(CLASSES, QUICK),
    "mfcc": systems.regression(CLASSES, systems.cepstra),
    "pooled": systems.regression(CLASSES, systems.pooled(0)),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_can_be_told_apart_is(system: str) -> None:
    assert accuracy(songs(np.random.default_rng(1)), SYSTEMS[system]) > 0.9


@pytest.mark.parametrize("system", SYSTEMS)
def test_nothing_is_learned_where_there_is_nothing(system: str) -> None:
    # 60 songs, a third right by chance: 0.6 is more than four standard deviations above it.
    assert accuracy(songs(np.random.default_rng(2), separation=0.0), SYSTEMS[system]) < 0.6


def test_the_majority_baseline_is_the_share_of_the_largest_class() -> None:
    made = songs(np.random.default_rng(0), 30)
    more = [*made, *(song for song in made if song.label == 1)]
    logits = systems.majority(CLASSES)(more, made, 0)
    assert (logits.argmax(2) == 1).all()
    np.testing.assert_allclose(np.exp(logits).sum(2), 1, atol=1e-6)
