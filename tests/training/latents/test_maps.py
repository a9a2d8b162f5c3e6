"""Maps of the latent space: pooling and scores against plain loops and scikit-learn's own, and the whole command."""

import csv
import json
import re
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import silhouette_samples, silhouette_score

from codec.pipeline.payload import unpack
from codec.runtime import models
from formats import Reader
from formats.errors import UsageError
from formats.grid import HOP, HYPER_MIN
from formats.model.scales import predict_scales, ranks, scale_indices
from formats.payload.chunk import Latents
from training.data.collection import Track
from training.data.songs import song
from training.latents import maps, pictures, pooling, projections, separation
from training.ranked.start import EDGES

GENRES = ("Bright", "Dark", "Loud")


def clouds(apart: float, songs: int = 60, size: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Three genres of artists with four songs each, `apart` standard deviations from each other."""
    rng = np.random.default_rng(seed)
    labels = np.arange(songs) % 3
    points = rng.standard_normal((songs, size))
    points[np.arange(songs), labels] += apart
    return points, labels, [f"{label} {number // 12}" for number, label in enumerate(labels)]


# Separation


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


def judged(points: np.ndarray, labels: np.ndarray, artists: list[str]) -> separation.Separation:
    far, mask = separation.distances(points), separation.strangers(artists)
    return separation.separation(lambda _: (far, mask), labels, artists, 50)


def test_what_is_apart_is_found_and_what_is_not_is_chance() -> None:
    apart, mixed = judged(*clouds(8.0)), judged(*clouds(0.0))
    assert apart.knn == apart.balanced == 1
    assert apart.silhouette > 0.4
    assert apart.p < 0.05
    assert mixed.knn_low <= mixed.knn <= mixed.knn_high
    assert mixed.p > 0.05
    for found in (apart, mixed):
        assert found.chance_knn == pytest.approx(1 / 3, abs=0.12)
        assert found.chance_knn < found.chance_knn_high
        assert found.chance_silhouette < 0


def test_an_artist_s_sound_is_no_genre() -> None:
    """Every artist a cloud of its own, genres drawn at random: neighbours by the same artist would be right."""
    rng = np.random.default_rng(1)
    artist = np.repeat(np.arange(24), 5)
    points = rng.standard_normal((24, 6))[artist] * 10 + rng.standard_normal((120, 6))
    labels = (np.arange(24) % 2)[artist]
    found = judged(points, labels, [str(a) for a in artist])
    assert found.knn < 0.75
    everyone = ~np.eye(120, dtype=np.bool_)
    near = separation.neighbours(separation.distances(points), everyone)
    assert (separation.votes(*near, labels) == labels).mean() > 0.95


def test_labels_that_lda_saw_do_not_count_for_it() -> None:
    points, labels, artists = clouds(0.0, songs=72, size=60)
    fitted = projections.discriminants(points, labels)(points)
    drawn = separation.silhouette(separation.distances(fitted), ~np.eye(72, dtype=np.bool_), labels)
    found = separation.separation(
        lambda given: separation.held_out(points, given, artists, projections.discriminants), labels, artists, 10
    )
    assert drawn > 0.15  # as many numbers as songs: noise is parted, too
    assert found.knn < 0.55
    assert found.silhouette < 0.05


def test_folds_part_artists() -> None:
    points, labels, artists = clouds(6.0)
    far, mask = separation.held_out(points, labels, artists, projections.discriminants)
    assert not (mask & ~separation.strangers(artists)).any()
    assert mask.any(1).all()
    assert (separation.votes(*separation.neighbours(far, mask), labels) == labels).mean() > 0.95
    assert not separation.held_out(points, labels, ["one"] * 60, projections.discriminants)[1].any()


def test_one_genre_has_no_numbers() -> None:
    points, labels, artists = clouds(1.0)
    assert all(np.isnan(value) for value in vars(judged(points, labels * 0, artists)).values())


# Projections


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


# Pooling


def noise(seconds: float, level: float = 0.1) -> np.ndarray:
    return (np.random.default_rng(0).uniform(-level, level, (2, round(44100 * seconds))) * 32767).astype(np.int16)


def test_a_pooled_vector_is_what_its_parts_are(tiny: SimpleNamespace) -> None:
    model = models.by_name("tiny")
    data = pooling.coded((song(12.5, seed=5) * 32767).astype(np.int16), model, 64)
    found = pooling.pool(data, model)
    reader = Reader(BytesIO(data))
    gain, tables = reader.header.gain, model.tables
    hyper, bands = [], []
    for chunk in reader:
        parts = unpack(reader.header, chunk, model)
        hyper.append(parts.hyper)
        index = ranks(scale_indices(predict_scales(parts.hyper, len(parts.main), tables), gain, tables), parts.main.shape[1])
        for values, places in zip(parts.main, index, strict=True):
            frame = np.zeros(1400)
            frame[places] = np.log2(1 + np.abs(values))
            both = (frame[:HOP], frame[HOP:])
            bands.append([side[a:b].mean() for side in both for a, b in pairwise(EDGES)])
    envelope = np.concatenate(hyper).astype(np.float64)
    assert (envelope > HYPER_MIN).any(1).all()
    expected = np.concatenate([envelope.mean(0), envelope.std(0), np.mean(bands, 0), np.std(bands, 0)])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_silence_is_left_out_of_a_mean(tiny: SimpleNamespace) -> None:
    model = models.by_name("tiny")
    loud = noise(4.0)
    quiet = np.concatenate([loud, np.zeros_like(loud)], 1)
    found, alone = (pooling.pool(pooling.coded(x, model, 32), model) for x in (quiet, loud))
    np.testing.assert_allclose(found[:48], alone[:48], atol=0.6)
    silent = pooling.pool(pooling.coded(np.zeros_like(loud), model, 32), model)
    assert (silent[:48] == HYPER_MIN).all()
    assert not silent[48:].any()


def test_a_model_without_hyper_latents_is_pooled_too() -> None:
    main = np.random.default_rng(0).integers(-9, 9, (10, 100)).astype(np.int32)
    empty = Latents(np.zeros((0, 48), np.int8), main, np.zeros((0, 2), np.int64))
    found = pooling._bands(empty, 0, None)
    assert found.shape == (10, 48)
    np.testing.assert_allclose(found[:, 0], np.log2(1 + np.abs(main[:, :2])).mean(1), rtol=1e-5)
    assert np.isfinite(pooling._bands(empty.peeled(20), 0, None)).all()


def test_excerpts_come_from_the_middle() -> None:
    x = np.arange(2 * 44100 * 10, dtype=np.int64).reshape(2, -1)
    assert pooling.excerpt(x, 20).shape == x.shape
    part = pooling.excerpt(x, 2)
    assert part.shape == (2, 88200)
    assert part[0, 0] == 4 * 44100


# The command


def write_collection(folder: Path, songs: int = 9) -> None:
    """Three genres of recordings that differ, by artists with one song each; two more songs without a genre."""
    with (folder / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "genre", "artist", "split"])
        for number in range(songs + 2):
            kind = number % 3
            x = song(4.0, seed=number).T * (1, 0.1, 1)[kind]
            if kind == 2:
                x = np.clip(4 * x, -0.9, 0.9)
            soundfile.write(folder / f"it's no. {number}.flac", x, 44100)
            rows.writerow([f"it's no. {number}.flac", GENRES[kind] if number < songs else "", f"a{number}", "train"])


@pytest.fixture(scope="module")
def made(tiny: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out") / "latents"
    write_collection(data)
    assert maps.main(["--data", str(data), "--out", str(out), "--quick", "--latent", "64"]) == 0
    return data, out


def test_everything_is_written(made: tuple[Path, Path]) -> None:
    told = json.loads((made[1] / "maps.json").read_text())
    assert list(told["maps"]) == list(projections.TITLES)
    assert told["genres"] == list(GENRES)
    assert len(told["songs"]) == 11
    assert [row["genre"] for row in told["songs"]].count("") == 2
    pictures = [
        "maps.png",
        *(row["picture"] for row in told["maps"].values()),
        *(p["picture"] for p in told["pictures"]),
    ]
    assert len(pictures) == 1 + 9 + 2
    for picture in pictures:
        assert (made[1] / picture).read_bytes().startswith(b"\x89PNG")
    for row in (told["full"], *told["maps"].values()):
        for name in maps.COLUMNS:
            assert isinstance(row[name], float)
        assert 0 <= row["knn_low"] <= row["knn"] <= row["knn_high"] <= 1
    for row in told["maps"].values():
        assert np.isfinite(np.array(row["points"])).all()
        assert np.shape(row["points"]) == (11, 2)
    assert told["majority"] == pytest.approx(1 / 3)


def test_numbers_are_those_of_the_points(made: tuple[Path, Path]) -> None:
    told = json.loads((made[1] / "maps.json").read_text())
    genres = np.array([row["genre"] for row in told["songs"]])
    known = genres != ""
    for name in ("pca", "umap"):
        points = np.array(told["maps"][name]["points"])[known]
        assert told["maps"][name]["drawn"] == pytest.approx(silhouette_score(points, genres[known]), abs=1e-3)


def test_the_table_says_what_the_numbers_say(made: tuple[Path, Path]) -> None:
    told, text = json.loads((made[1] / "maps.json").read_text()), (made[1] / "table.md").read_text()
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert set(rows) == {"space", "---", "all 192 numbers", *projections.TITLES.values()}
    for row in told["maps"].values():
        assert f"{100 * row['knn']:.1f} %" in rows[row["title"]]
        assert f"{row['silhouette']:+.3f}" in rows[row["title"]]


def test_a_second_run_encodes_nothing_and_says_the_same(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooling, "pool", None)
    monkeypatch.setattr(maps, "_draw_songs", lambda *_: [])
    monkeypatch.setattr(pictures, "_write", lambda *_: None)
    command = ["--data", str(made[0]), "--out", str(tmp_path), "--cache", str(made[1] / "cache"), "--quick"]
    assert maps.main([*command, "--latent", "64"]) == 0
    assert (tmp_path / "table.md").read_text() == (made[1] / "table.md").read_text()


def test_errors_are_one_line(made: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = ["--cache", str(made[1] / "cache"), "--quick"]
    few = tmp_path / "few"
    few.mkdir()
    for number in range(2):
        soundfile.write(few / f"{number}.wav", song(3.5, seed=number).T, 44100)
    for data, more, line in (
        (tmp_path / "nowhere", [], "no directory"),
        (made[0], ["--split", "test"], "no songs in split 'test'"),
        (made[0], ["--model", "nobody"], "no model 'nobody'"),
        (few, [], "maps need 4 songs; there are 2"),
    ):
        capsys.readouterr()
        assert maps.main(["--data", str(data), "--out", str(tmp_path / "out"), *cache, *more]) == 1
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("error: ")
        assert line in error
    assert not list((tmp_path / "out").glob("*.*"))


def test_genres_that_cannot_be_judged_are_left_out() -> None:
    def track(number: int, genre: str, artist: str) -> Track:
        return Track(Path("x"), str(number), genre, artist, "")

    tracks = [track(n, "Pop", "one") for n in range(9)] + [track(9, "Folk", "a"), track(10, "Folk", "b")]
    tracks += [track(11 + n, "Rock", "") for n in range(3)] + [track(20, "", "c")]
    labels, genres = maps.classes(tracks)
    assert genres == ["Rock", "Folk"]
    assert labels.tolist() == [-1] * 9 + [1, 1, 0, 0, 0, -1]
    many = [track(n, f"g{n // 2:02}", f"{n}") for n in range(60)]
    labels, genres = maps.classes(many)
    assert len(genres) == pictures.STYLES
    assert (labels < 0).sum() == 60 - 2 * pictures.STYLES
    styles = [tuple(pictures.genre_style(number).items()) for number in range(pictures.STYLES)]
    assert len(set(styles)) == len(styles)


def test_a_collection_without_genres_is_drawn_without_numbers(tmp_path: Path) -> None:
    points = {"pca": clouds(1.0, 12)[0][:, :2]}
    labels, nobody = np.full(12, -1), [""] * 12
    found, drawn = maps.judged(points, clouds(1.0, 12)[0], labels, nobody, 3)
    assert np.isnan(found["pca"].knn)
    assert np.isnan(drawn["pca"])
    assert "lda" not in maps.drawable([])
    pictures.map_picture(tmp_path / "m.png", "pca", points["pca"], labels, [], found["pca"])
    assert re.match(rb"\x89PNG", (tmp_path / "m.png").read_bytes())
