"""Separation of genres against plain loops and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples, silhouette_score

from tests.support.latent_points import clouds
from training.latents import projections, separation


def test_votes_are_counted_as_by_hand() -> None:
    points, labels, artists = clouds(1.0)
    far, mask = separation.distances(points), separation.strangers(artists)
    found = separation.votes(*separation.neighbours(far, mask), labels)
    for i in range(len(points)):
        others = [j for j in range(len(points)) if artists[j] != artists[i]]
        near = sorted(others, key=lambda j: far[i, j])[:5]
        count = [sum(labels[j] == genre for j in near) for genre in range(3)]
        best = [genre for genre in range(3) if count[genre] == max(count)]
        assert found[i] in best
        if len(best) == 1:
            assert found[i] == best[0]


def test_a_tie_goes_to_the_nearer_ones_and_nobody_near_is_no_vote() -> None:
    near, real = np.array([[1, 2, 3, 4], [0, 2, 3, 4], [0, 1, 3, 4]]), np.ones((3, 4), np.bool_)
    real[2] = False
    labels = np.array([0, 1, 0, 0, 1])
    assert separation.votes(near, real, labels).tolist() == [0, 0, -1]
    assert separation.votes(near[:, [0, 3, 1, 2]], real, labels).tolist() == [1, 0, -1]


def test_an_unknown_artist_is_nobody_else() -> None:
    assert separation.strangers(["a", "", "a", ""]).tolist() == [
        [False, True, False, True],
        [True, False, True, True],
        [False, True, False, True],
        [True, True, True, False],
    ]


@pytest.mark.parametrize("apart", [0.0, 1.0, 5.0])
def test_silhouette_is_scikit_learn_s(apart: float) -> None:
    points, labels, _ = clouds(apart)
    labels[7:] %= 2  # genres of different sizes
    far = separation.distances(points)
    others = ~np.eye(len(points), dtype=np.bool_)
    assert separation.silhouette(far, others, labels) == pytest.approx(silhouette_score(points, labels), abs=1e-5)


def test_silhouette_across_artists_leaves_their_own_songs_out() -> None:
    points, labels, artists = clouds(1.0)
    far, mask = separation.distances(points), separation.strangers(artists)
    expected = []
    for i in range(len(points)):
        kept = [i, *(j for j in range(len(points)) if artists[j] != artists[i])]
        expected.append(silhouette_samples(points[kept], labels[kept])[0])
    assert separation.silhouette(far, mask, labels) == pytest.approx(np.mean(expected), abs=1e-5)


def test_silhouette_of_a_song_without_company_is_0() -> None:
    far = separation.distances(np.array([[0.0], [1.0], [5.0]]))
    others = ~np.eye(3, dtype=np.bool_)
    found = separation.silhouette(far, others, np.array([0, 0, 1]))
    assert found == pytest.approx((4 / 5 + 3 / 4 + 0) / 3)
    assert separation.silhouette(far, ~others & others, np.array([0, 0, 1])) == 0


def measured(points: np.ndarray, labels: np.ndarray, artists: list[str]) -> separation.Separation:
    far, mask = separation.distances(points), separation.strangers(artists)
    space = separation.Space([separation.Block.whole(far, mask)])
    return separation.separation(lambda _: space, labels, artists, 50)


def test_separate_genres_are_found_and_equal_ones_are_chance() -> None:
    apart, none = measured(*clouds(8.0)), measured(*clouds(0.0))
    assert apart.knn == apart.balanced == 1
    assert apart.silhouette > 0.4
    assert apart.p < 0.05
    assert none.knn_low <= none.knn <= none.knn_high
    assert none.p > 0.05
    for found in (apart, none):
        assert found.chance_knn == pytest.approx(1 / 3, abs=0.12)
        assert found.chance_knn < found.chance_knn_high
        assert found.chance_silhouette < 0


def test_an_artist_s_sound_is_no_genre() -> None:
    """Every artist a cloud of its own, genres drawn at random: neighbours by the same artist would be right."""
    rng = np.random.default_rng(1)
    artist = np.repeat(np.arange(24), 5)
    points = rng.standard_normal((24, 6))[artist] * 10 + rng.standard_normal((120, 6))
    labels = (np.arange(24) % 2)[artist]
    found = measured(points, labels, [str(a) for a in artist])
    assert found.knn < 0.75
    everyone = ~np.eye(120, dtype=np.bool_)
    near = separation.neighbours(separation.distances(points), everyone)
    assert (separation.votes(*near, labels) == labels).mean() > 0.95


def test_lda_is_not_tested_on_labels_that_it_was_fitted_on() -> None:
    points, labels, artists = clouds(0.0, songs=72, size=60)
    fitted = projections.discriminants(points, labels)(points)
    drawn = separation.silhouette(separation.distances(fitted), ~np.eye(72, dtype=np.bool_), labels)

    def compare(given: np.ndarray) -> separation.Space:
        return separation.Space(separation.held_out(points, given, artists, projections.discriminants))

    found = separation.separation(compare, labels, artists, 10)
    assert drawn > 0.15  # as many numbers as songs: noise is parted, too
    assert found.knn < 0.55
    assert found.silhouette < 0.05


def test_folds_part_artists() -> None:
    points, labels, artists = clouds(6.0)
    blocks = separation.held_out(points, labels, artists, projections.discriminants)
    names = np.array(artists)
    assert sorted(np.concatenate([block.rows for block in blocks])) == list(range(len(points)))
    for block in blocks:
        assert not set(names[block.rows]) & set(names[block.columns])
        assert sorted([*block.rows, *block.columns]) == list(range(len(points)))
    assert separation.Space(blocks).judge(labels)[0].mean() > 0.95
    assert separation.held_out(points, labels, ["one"] * 60, projections.discriminants) == []


def test_blocks_are_judged_as_one_matrix_of_their_pairs() -> None:
    points, labels, artists = clouds(1.0)
    blocks = separation.held_out(points, labels, artists, projections.discriminants)
    far, mask = np.zeros((len(points),) * 2, np.float32), np.zeros((len(points),) * 2, np.bool_)
    for block in blocks:
        far[np.ix_(block.rows, block.columns)] = block.far
        mask[np.ix_(block.rows, block.columns)] = True
    found = separation.Space(blocks).judge(labels)
    wanted = separation.Space([separation.Block.whole(far, mask)]).judge(labels)
    np.testing.assert_array_equal(found[0], wanted[0])
    assert found[1:] == pytest.approx(wanted[1:], abs=1e-6)


def test_neighbours_are_found_once_for_all_shuffles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorting 8,000 songs anew for each of 100 shuffles would take an hour."""
    asked = []
    find = separation.neighbours
    monkeypatch.setattr(separation, "neighbours", lambda *given: asked.append(given) or find(*given))
    measured(*clouds(1.0))
    assert len(asked) == 1


def test_one_genre_has_no_numbers() -> None:
    points, labels, artists = clouds(1.0)
    assert all(np.isnan(value) for value in vars(measured(points, labels * 0, artists)).values())


def test_neighbours_are_those_of_a_whole_sort() -> None:
    rng = np.random.default_rng(0)
    far = rng.integers(0, 9, (40, 40)).astype(np.float32)  # with many equal distances
    mask = rng.random((40, 40)) < 0.3
    mask[0] = False
    near, real = separation.neighbours(far, mask)
    allowed = np.where(mask, far, np.inf)
    slow = np.argsort(allowed, axis=1, kind="stable")[:, : separation.K]
    np.testing.assert_array_equal(near, slow)
    np.testing.assert_array_equal(real, np.isfinite(np.take_along_axis(allowed, slow, 1)))
    assert not real[0].any()


def test_songs_left_out_for_a_picture_are_of_other_artists() -> None:
    points, labels, artists = clouds(6.0)
    apart = separation.left_out(labels, artists)
    names = np.array(artists)
    assert 0 < apart.sum() < len(labels) / 2 and not set(names[apart]) & set(names[~apart])
    moved = points.copy()
    moved[apart] += 100  # what is left out does not shape the projection
    kept = projections.project("lda", points, labels, without=apart)
    np.testing.assert_allclose(kept[~apart], projections.project("lda", moved, labels, without=apart)[~apart])
    assert not separation.left_out(labels, ["one"] * len(labels)).any()
    assert not separation.left_out(labels * 0, artists).any()
