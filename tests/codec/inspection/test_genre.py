"""Features of a file's integers, the classifier's answer against arithmetic by hand, and which classifier answers."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from codec.inspection import genre
from codec.runtime import classifiers, models
from codec.runtime.session import Sessions
from formats import Reader
from formats.errors import AudioError, DamagedError, ModelError
from formats.grid import HYPER_SIZE, SEGMENT
from formats.model.scales import SEGMENT_VECTORS, rank_frames
from formats.model.tables import Tables
from formats.payload.chunk import ChunkLatents
from formats.payload.side_info import SideInfo
from tests.support.classifiers import CLASSES, MATRIX
from tests.support.codec import Array, encoded
from tests.support.model_folders import change_card


def change(folder: Path, **values: object) -> None:
    change_card(folder, lambda card: card.update(values), "genre.json")


def vectors(data: bytes) -> Array:
    """Segments of a file, [S, 42, D]."""
    return np.concatenate(list(genre.file_segments(Reader(BytesIO(data)), models.by_name("tiny"))))


# Features


def test_a_song_has_a_segment_every_two_seconds(tiny: SimpleNamespace, music: Array) -> None:
    found = vectors(encoded(music, latent=64))
    assert found.shape == (12, SEGMENT_VECTORS, genre.SIZE)
    assert np.isfinite(found).all()


def test_chunk_length_changes_no_feature(tiny: SimpleNamespace, music: Array) -> None:
    whole = vectors(encoded(music, latent=64))
    np.testing.assert_array_equal(vectors(encoded(music, latent=64, chunk_frames=SEGMENT)), whole)


def test_louder_music_has_greater_powers_and_nothing_else(tiny: SimpleNamespace, music: Array) -> None:
    difference = vectors(encoded(music, latent=512)) - vectors(encoded(music / 4, latent=512))
    median = np.median(difference, (0, 1))
    assert median[:HYPER_SIZE].mean() == pytest.approx(4, abs=0.1)  # two octaves of amplitude are four half octaves
    assert median[HYPER_SIZE : genre.POWERS].mean() == pytest.approx(4, abs=0.5)
    assert np.abs(median[genre.POWERS :]).mean() < 0.3


def test_tones_peak_and_noise_does_not(tiny: SimpleNamespace) -> None:
    t = np.arange(4 * 44100) / 44100
    tone = 0.3 * np.sin(2 * np.pi * 3000 * t).astype(np.float32)[None]
    hiss = (0.1 * np.random.default_rng(0).standard_normal(len(t))).astype(np.float32)[None]
    band = int(np.searchsorted(genre.WIDE, 3000 / 31.5, "right")) - 1
    peak = genre.POWERS + band
    loud, flat = (vectors(encoded(x, latent=256))[:, :, peak].mean() for x in (tone, hiss))
    assert loud > flat + 1


def test_silent_segments_are_left_out(tiny: SimpleNamespace, music: Array) -> None:
    gap = np.concatenate([music[:, : 4 * 44100], np.zeros((2, 8 * 44100), np.float32), music[:, : 4 * 44100]], 1)
    assert 4 <= len(vectors(encoded(gap, latent=64))) <= 6


def test_a_short_song_is_repeated(tiny: SimpleNamespace, music: Array) -> None:
    found = vectors(encoded(music[:, :35_000], latent=64))  # 51 frames, 17 vectors
    assert found.shape == (1, SEGMENT_VECTORS, genre.SIZE)
    np.testing.assert_array_equal(found[0, :17], found[0, 17:34])


def test_features_are_those_of_this_version(tables: Tables) -> None:
    """Classifiers were trained on them, and a card names the version: another definition is another version."""
    assert classifiers.FEATURES == 1
    vector = np.arange(100 * 48).reshape(100, 48)
    hyper = ((vector * vector // 7 + vector // 5) % 40 - 25).astype(np.int8)
    rank = np.arange(300 * 240).reshape(300, 240)
    indices = ((rank * rank // 11 + rank // 3) % 7 - 3).astype(np.int32)
    ranked = rank_frames(hyper, 300, 240, -24, tables)
    for known in (None, ranked):
        found = genre.features(ChunkLatents(hyper, indices, SideInfo.empty(300), known), -24, tables)
        assert found.shape == (100, 152)
        wanted = [-5.91, -5.86, -4.706, -2.7882, -2.7873, 1.9279, 3.6828, 1.1256, 1.1251]
        np.testing.assert_allclose(found.mean(0)[[0, 47, 48, 80, 119, 120, 135, 136, 151]], wanted, atol=1e-3)
        assert found.std() == pytest.approx(8.99162, abs=1e-4)


# The answer


def test_probabilities_are_the_softmax_of_the_mean_logits(classifier: Path, music: Array) -> None:
    data = encoded(music, latent=128)
    found = genre.classify(BytesIO(data))
    logits = (vectors(data).astype(np.float64).mean(1) @ MATRIX).mean(0)
    wanted = dict(zip(CLASSES, np.exp(logits) / np.exp(logits).sum(), strict=True))
    assert found.probabilities == pytest.approx(wanted, abs=1e-5)
    assert list(found.probabilities.values()) == sorted(found.probabilities.values(), reverse=True)
    assert found.genre == max(wanted, key=wanted.__getitem__)
    assert (found.segments, found.classifier, found.model) == (12, "byhand", "tiny")


class Pipe(BytesIO):
    def seekable(self) -> bool:
        return False


def test_a_pipe_will_do(classifier: Path, music: Array) -> None:
    data = encoded(music[:, :200_000], latent=32)
    assert genre.classify(Pipe(data)) == genre.classify(BytesIO(data))


@pytest.mark.parametrize(("samples", "certain"), [(35_000, False), (122 * 700, False), (122 * 700 + 1, True)])
def test_a_song_shorter_than_a_segment_is_uncertain(
    classifier: Path, music: Array, samples: int, certain: bool
) -> None:
    """Probabilities were fitted on whole segments of 42 hyper vectors: 124 frames."""
    data = encoded(music[:, :samples], latent=32)
    for file in (BytesIO(data), Pipe(data)):
        found = genre.classify(file)
        assert found.segments == 1 and max(found.probabilities.values()) > found.certain_from
        assert found.certain is certain


@pytest.mark.parametrize("samples", [0, 1, 100_000])
def test_nothing_to_hear(classifier: Path, samples: int) -> None:
    with pytest.raises(AudioError, match="no sound"):
        genre.classify(BytesIO(encoded(np.zeros((2, samples), np.float32))))


def test_a_cut_file_is_damaged(classifier: Path, music: Array) -> None:
    data = encoded(music, latent=64)
    with pytest.raises(DamagedError):
        genre.classify(BytesIO(data[: len(data) - 40]))


def test_sessions_that_are_passed_in_are_kept(classifier: Path, tiny: SimpleNamespace, music: Array) -> None:
    data, sessions = encoded(music[:, :200_000], latent=32), Sessions("cpu")
    found = genre.classify(BytesIO(data), sessions=sessions, model=str(tiny.folder))
    assert found == genre.classify(BytesIO(data), sessions=sessions) == genre.classify(BytesIO(data))
    assert len(sessions._sessions) == 1
    with pytest.raises(ModelError, match="the file needs a model of bitstream"):
        genre.classify(BytesIO(data), model="tiny-dense")


# Which classifier


def test_a_classifier_is_no_codec_model(classifier: Path) -> None:
    assert "byhand" not in [model.name for model in models.installed()]
    assert [found.name for found in classifiers.installed()] == ["byhand"]
    assert classifiers.by_name(str(classifier)).folder == classifiers.by_name("byhand").folder


def test_a_file_of_another_model_gets_one_clear_line(classifier: Path, music: Array) -> None:
    change(classifier, bitstreams=["00" * 8])
    data = encoded(music[:, :90_000])
    for chosen in (None, classifiers.by_name("byhand")):
        with pytest.raises(ModelError, match=r"trained for the file's model tiny$"):
            genre.classify(BytesIO(data), chosen)


def broken_graph(folder: Path) -> None:
    data = bytearray((folder / "genre.onnx").read_bytes())
    data[-1] ^= 1
    (folder / "genre.onnx").write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (broken_graph, "not the one that its card names"),
        (lambda folder: (folder / "genre.onnx").unlink(), "lacks genre.onnx"),
        (lambda folder: (folder / "genre.json").write_text("["), "cannot be read"),
        (lambda folder: (folder / "genre.json").write_text("[]"), "cannot be read"),
        (lambda folder: change(folder, classes=[]), "cannot be read"),
        (lambda folder: change(folder, classes=[1, 2, 3]), "cannot be read"),
        (lambda folder: change(folder, features=99), "another version"),
    ],
)
def test_a_spoilt_classifier_is_said_to_be(classifier: Path, music: Array, spoil, line: str) -> None:  # type: ignore[no-untyped-def]
    data = encoded(music[:, :90_000])
    spoil(classifier)
    with pytest.raises(ModelError, match=line) as error:
        genre.classify(BytesIO(data), classifiers.by_name("byhand"))
    assert "\n" not in str(error.value)


def test_a_card_with_other_classes_than_its_graph(classifier: Path, music: Array) -> None:
    change(classifier, classes=["Rock", "Folk"])
    with pytest.raises(ModelError, match="other classes"):
        genre.classify(BytesIO(encoded(music[:, :90_000])))


def test_no_torch_and_no_audio_library_is_loaded() -> None:
    heavy = ("torch", "soundfile", "sklearn")
    code = f"import sys, codec.inspection.genre; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
