"""Projections: every method on small collections, LDA against scikit-learn."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from formats.errors import UsageError
from tests.support.latent_points import clouds
from training.latents import projections


@pytest.mark.parametrize("name", [name for name in projections.TITLES if name != "umap"])
@pytest.mark.parametrize("songs", [4, 5, 12, 30])
def test_every_method_maps_small_collections(name: str, songs: int) -> None:
    points = projections.standardized(clouds(3.0, songs)[0].astype(np.float32))
    labels = np.arange(songs) % 2
    placed = projections.project(name, points, labels, quick=True)
    assert placed.shape == (songs, 2)
    assert np.isfinite(placed).all()
    np.testing.assert_array_equal(projections.project(name, points, labels, quick=True), placed)


def test_umap_maps_small_collections_too() -> None:
    for songs in (4, 5, 12):
        points = projections.standardized(clouds(3.0, songs)[0].astype(np.float32))
        placed = projections.project("umap", points, np.zeros(songs, np.int64), quick=True)
        assert placed.shape == (songs, 2)
        assert np.isfinite(placed).all()


def test_discriminants_are_scikit_learn_s_where_songs_abound() -> None:
    points, labels, _ = clouds(2.0, songs=3000)
    ours = projections.discriminants(points, labels)(points)
    theirs = LinearDiscriminantAnalysis(n_components=2).fit(points, labels).transform(points)
    for one, other in ((ours, theirs), (theirs, ours)):
        fit = np.linalg.lstsq(one - one.mean(0), other - other.mean(0))[1]
        assert (fit / np.square(other - other.mean(0)).sum(0) < 1e-3).all()


def test_songs_without_a_genre_do_not_shape_lda() -> None:
    points, labels, _ = clouds(3.0)
    moved = points.copy()
    moved[-1] += 100
    without = np.append(labels[:-1], -1)
    np.testing.assert_allclose(
        projections.project("lda", points, without)[:-1], projections.project("lda", moved, without)[:-1]
    )


def test_standardizing() -> None:
    vectors = np.random.default_rng(0).normal(3, 5, (20, 4)).astype(np.float32)
    vectors[:, 2] = 7
    found = projections.standardized(vectors)
    assert found.shape == (20, 3)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(0), 1, atol=1e-6)
    with pytest.raises(UsageError, match="need 4 songs"):
        projections.standardized(vectors[:3])
    with pytest.raises(UsageError, match="alike"):
        projections.standardized(vectors[[0] * 9])
