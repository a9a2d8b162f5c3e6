"""`aez genre`: features of a file's integers, the classifier's answer against arithmetic by hand, and its manners."""

import hashlib
import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from codec.cli.main import cli
from codec.cli.terminal import run
from codec.inspection import genre
from codec.runtime import classifiers, models
from formats import Reader
from formats.errors import AudioError, DamagedError, ModelError
from formats.grid import HYPER_SIZE, SEGMENT
from formats.model.scales import GROUP
from tests.support.codec import Array, encoded

CLASSES = ["Rock", "Ambient", "Folk"]
MATRIX = np.random.default_rng(0).normal(0, 0.01, (genre.SIZE, len(CLASSES))).astype(np.float32)


def graph() -> bytes:
    """logits = mean over time of the features, times MATRIX."""
    nodes = [
        helper.make_node("ReduceMean", ["features", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "matrix"], ["logits"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1], np.int64), "axes"),
        numpy_helper.from_array(MATRIX, "matrix"),
    ]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["B", "T", genre.SIZE])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", len(CLASSES)])]
    model = helper.make_model(
        helper.make_graph(nodes, "classifier", inputs, outputs, constants),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture
def classifier(tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A classifier for the tiny model, the only one that is installed."""
    folder = tmp_path / "models" / "byhand"
    folder.mkdir(parents=True)
    (folder / "genre.onnx").write_bytes(graph())
    card = {
        "classes": CLASSES,
        "codec_models": [bytes(8).hex(), models.by_name("tiny").id.hex()],
        "features": classifiers.FEATURES,
        "sha256": hashlib.sha256(graph()).hexdigest(),
    }
    (folder / "genre.json").write_text(json.dumps(card))
    monkeypatch.setattr(models, "folders", lambda: [tiny.folder.parent, folder.parent])
    return folder


def change(folder: Path, **values: object) -> None:
    path = folder / "genre.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def vectors(data: bytes) -> Array:
    """Segments of a file, [S, 42, D]."""
    return np.concatenate(list(genre.file_segments(Reader(BytesIO(data)), models.by_name("tiny"))))


# Features


def test_a_song_has_a_segment_every_two_seconds(tiny: SimpleNamespace, music: Array) -> None:
    found = vectors(encoded(music, latent=64))
    assert found.shape == (12, GROUP, genre.SIZE)
    assert np.isfinite(found).all()


def test_chunk_length_changes_no_feature(tiny: SimpleNamespace, music: Array) -> None:
    whole = vectors(encoded(music, latent=64))
    np.testing.assert_array_equal(vectors(encoded(music, latent=64, chunk_frames=SEGMENT)), whole)


def test_louder_music_raises_levels_and_nothing_else(tiny: SimpleNamespace, music: Array) -> None:
    difference = vectors(encoded(music, latent=512)) - vectors(encoded(music / 4, latent=512))
    median = np.median(difference, (0, 1))
    assert median[:HYPER_SIZE].mean() == pytest.approx(4, abs=0.1)  # two octaves of amplitude are four half octaves
    assert median[HYPER_SIZE : genre.LEVELLED].mean() == pytest.approx(4, abs=0.5)
    assert np.abs(median[genre.LEVELLED :]).mean() < 0.3


def test_tones_peak_and_noise_does_not(tiny: SimpleNamespace) -> None:
    t = np.arange(4 * 44100) / 44100
    tone = 0.3 * np.sin(2 * np.pi * 3000 * t).astype(np.float32)[None]
    hiss = (0.1 * np.random.default_rng(0).standard_normal(len(t))).astype(np.float32)[None]
    band = int(np.searchsorted(genre.WIDE, 3000 / 31.5, "right")) - 1
    peak = genre.LEVELLED + band
    loud, flat = (vectors(encoded(x, latent=256))[:, :, peak].mean() for x in (tone, hiss))
    assert loud > flat + 1


def test_silent_segments_are_left_out(tiny: SimpleNamespace, music: Array) -> None:
    gap = np.concatenate([music[:, : 4 * 44100], np.zeros((2, 8 * 44100), np.float32), music[:, : 4 * 44100]], 1)
    assert 4 <= len(vectors(encoded(gap, latent=64))) <= 6


def test_a_short_song_is_repeated(tiny: SimpleNamespace, music: Array) -> None:
    found = vectors(encoded(music[:, :35_000], latent=64))  # 51 frames, 17 vectors
    assert found.shape == (1, GROUP, genre.SIZE)
    np.testing.assert_array_equal(found[0, :17], found[0, 17:34])


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


def test_a_pipe_will_do(classifier: Path, music: Array) -> None:
    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

    data = encoded(music[:, :200_000], latent=32)
    assert genre.classify(Pipe(data)) == genre.classify(BytesIO(data))


@pytest.mark.parametrize("samples", [0, 1, 100_000])
def test_nothing_to_hear(classifier: Path, samples: int) -> None:
    with pytest.raises(AudioError, match="no sound"):
        genre.classify(BytesIO(encoded(np.zeros((2, samples), np.float32))))


def test_a_cut_file_is_damaged(classifier: Path, music: Array) -> None:
    data = encoded(music, latent=64)
    with pytest.raises(DamagedError):
        genre.classify(BytesIO(data[: len(data) - 40]))


# Which classifier


def test_a_classifier_is_no_codec_model(classifier: Path) -> None:
    assert "byhand" not in [model.name for model in models.installed()]
    assert [found.name for found in classifiers.installed()] == ["byhand"]
    assert classifiers.by_name(str(classifier)).folder == classifiers.by_name("byhand").folder


def test_a_file_of_another_model_gets_one_clear_line(classifier: Path, music: Array) -> None:
    change(classifier, codec_models=["00" * 8])
    data = encoded(music[:, :90_000])
    for chosen in (None, classifiers.by_name("byhand")):
        with pytest.raises(ModelError, match=r"trained for the file's codec model tiny$"):
            genre.classify(BytesIO(data), chosen)


def broken_graph(folder: Path) -> None:
    data = bytearray((folder / "genre.onnx").read_bytes())
    data[-1] ^= 1
    (folder / "genre.onnx").write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (broken_graph, "not the one its card names"),
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
        genre.classify(BytesIO(data))
    assert "\n" not in str(error.value)


def test_a_card_with_other_classes_than_its_graph(classifier: Path, music: Array) -> None:
    change(classifier, classes=["Rock", "Folk"])
    with pytest.raises(ModelError, match="other classes"):
        genre.classify(BytesIO(encoded(music[:, :90_000])))


# The command


@pytest.fixture
def songs(classifier: Path, music: Array, tmp_path: Path) -> list[str]:
    names = []
    for number in range(2):
        path = tmp_path / f"song{number}.aez"
        path.write_bytes(encoded(music[:, number * 90_000 :][:, :180_000], latent=64))
        names.append(str(path))
    return names


def test_one_line_a_file(songs: list[str]) -> None:
    result = CliRunner().invoke(cli, ["genre", *songs, "--top", "2"])
    lines = result.stdout.splitlines()
    assert len(lines) == 2 and result.exit_code == 0
    for name, line in zip(songs, lines, strict=True):
        assert line.startswith(f"{name}: ") and line.count("%") == 2


def test_json_lines_that_programs_can_read(songs: list[str]) -> None:
    result = CliRunner().invoke(cli, ["genre", "--json", *songs])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["file"] for row in rows] == songs
    for row in rows:
        assert set(row["probabilities"]) == set(CLASSES) and row["genre"] == next(iter(row["probabilities"]))
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        assert row["segments"] == 2 and row["classifier"] == "byhand" and row["model"] == "tiny"


def test_it_goes_on_after_a_bad_file(songs: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.aez"
    bad.write_bytes(b"no such thing")
    code = run(cli, ["genre", songs[0], str(bad), str(tmp_path / "missing.aez"), songs[1]])
    out, err = capfd.readouterr()
    assert code == 1 and len(out.splitlines()) == 2
    assert [line.split(":")[0] for line in err.splitlines()] == ["aez"] * 2 and "bad.aez" in err


@pytest.mark.parametrize("arguments", [["--classifier", "nobody"], ["--top", "0"], ["no-such-file"]])
def test_wrong_arguments_give_one_line(
    songs: list[str], capfd: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    wanted = arguments if arguments[0].startswith("no") else [*arguments, songs[0]]
    assert run(cli, ["genre", *wanted]) in (1, 2)
    out, err = capfd.readouterr()
    assert not out and "Traceback" not in err and err


def test_no_torch_and_no_audio_library_is_loaded() -> None:
    code = "import sys, codec.inspection.genre; print([m for m in ('torch', 'soundfile', 'sklearn') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
