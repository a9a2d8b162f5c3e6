"""Which models run: those whose hashes the package knows, and those that the user named; nothing is unpickled."""

import hashlib
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from codec.cli.main import cli
from codec.cli.terminal import run
from codec.runtime import classifiers, hashes, models, trust
from formats.errors import ModelError
from formats.grid import SEGMENT
from tests.support import ROOT
from tests.support.codec import Array, decoded, encoded
from tests.support.model_folders import add_decoder, copied, flip
from tests.support.onnx_graphs import if_graph
from training.ship import pin

PARTS = ("encoder.onnx", "tables.npz", "decoders/standard/decoder.onnx", "decoders/standard/noise.npy")


@pytest.fixture
def package(tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that came with the package, with the tiny model in it, listed; nothing else is installed."""
    folder = tmp_path / "package"
    copied("tiny", folder)
    monkeypatch.setenv("AEZ_MODELS", "")
    monkeypatch.setattr(models, "shipped_folders", lambda: [folder])
    monkeypatch.setattr(trust, "KNOWN", pin.pin(folder, replace=True, target=tmp_path / "known.py"))
    return folder


@pytest.fixture(scope="module")
def data(tiny: SimpleNamespace, music: Array) -> bytes:
    return encoded(music[:, :50_000], latent=32, chunk_frames=SEGMENT)


# By hash


@pytest.mark.parametrize("folder", pin.listed(), ids=lambda folder: folder.name)
def test_every_file_of_a_shipped_model_is_known(folder: Path) -> None:
    assert pin.parts(folder)
    for part in pin.parts(folder):
        trust.check(folder.name, part.relative_to(folder).as_posix(), part.read_bytes())


def test_the_list_names_only_files_that_are_there() -> None:
    assert all((pin.MODELS / key).is_file() for key in hashes.KNOWN)


def test_models_that_came_with_the_package_run_as_they_came(package: Path, data: bytes) -> None:
    model = models.by_id(models.by_name("tiny").id)
    assert model.shipped and model.encoder and model.decoder()
    assert decoded(data).shape == (2, 50_000)


@pytest.mark.parametrize("part", PARTS)
def test_changed_files_in_the_package_do_not_run(package: Path, data: bytes, part: str) -> None:
    flip(package / "tiny" / part)
    with pytest.raises(ModelError, match=f"{part} of model 'tiny' is not one that this aez knows"):
        if part == "encoder.onnx":
            encoded(np.zeros((1, 2000), np.float32))
        else:
            decoded(data)


def test_a_decoder_in_the_package_runs_only_if_it_is_listed_or_named(
    package: Path, data: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_decoder(package / "tiny", "other")
    model = models.by_name("tiny")
    assert model.decoder_names == ("standard", "other") and model.decoder()
    with pytest.raises(ModelError, match=r"decoders/other/decoder\.onnx of model 'tiny' is not one that this aez"):
        model.decoder("other")
    named = models.by_name(str(package / "tiny"))
    assert named.decoder("other").name == "other"
    monkeypatch.setenv("AEZ_MODELS", str(package))
    assert models.by_name("tiny").decoder("other").name == "other"
    monkeypatch.setenv("AEZ_MODELS", "")
    monkeypatch.setattr(trust, "KNOWN", pin.pin(package, replace=True, target=tmp_path / "known.py"))
    assert models.by_name("tiny").decoder("other").name == "other"


def test_an_unknown_model_in_the_package_runs_only_if_it_is_named(
    package: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "tiny").rename(package / "other")
    with pytest.raises(models.MissingModelError, match="'other' is one, and runs if it is named"):
        decoded(data)  # a file does not name it: it only has its bitstream
    assert decoded(data, model=str(package / "other")).shape == (2, 50_000)
    assert decoded(data, model="other").shape == (2, 50_000)
    assert models.by_name("other").encoder
    monkeypatch.setenv("AEZ_MODELS", str(package))
    assert decoded(data).shape == (2, 50_000)


def test_a_model_in_the_clone_takes_no_file_from_one_of_the_package(package: Path, data: bytes) -> None:
    copied("tiny", package / "own").rename(package / "another")  # before tiny, of the same bitstream, not listed
    assert decoded(data).shape == (2, 50_000)
    assert models.by_id(models.by_name("another").id).name == "tiny"


def test_classifiers_too(package: Path) -> None:
    folder = package / "guess"
    folder.mkdir()
    graph = if_graph().SerializeToString()
    (folder / "genre.onnx").write_bytes(graph)
    digest = hashlib.sha256(graph).hexdigest()
    card = {"classes": ["a"], "bitstreams": [], "sha256": digest, "features": 1, "certain_from": 0.5}
    (folder / "genre.json").write_text(json.dumps(card))
    (unasked,) = classifiers.installed()
    with pytest.raises(ModelError, match=r"genre\.onnx of model 'guess' is not one that this aez knows"):
        unasked.graph  # noqa: B018
    assert classifiers.by_name("guess").graph == graph
    assert classifiers.by_name(str(folder)).graph == graph


# The list


def test_listed_files_keep_their_hashes(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, changed = tmp_path / "known.py", package / "tiny" / PARTS[2]
    listed, before = dict(trust.KNOWN), target.read_text()
    monkeypatch.setattr(hashes, "KNOWN", listed)
    assert set(listed) == {f"tiny/{part}" for part in PARTS}
    assert pin.pin(package, target=target) == listed and target.read_text() == before
    flip(changed)
    with pytest.raises(SystemExit, match=f"other hashes, or are gone: tiny/{PARTS[2]}"):
        pin.pin(package, target=target)
    assert target.read_text() == before
    assert pin.pin(package, replace=True, target=target)[f"tiny/{PARTS[2]}"] != listed[f"tiny/{PARTS[2]}"]
    changed.unlink()
    with pytest.raises(SystemExit, match="are gone"):
        pin.pin(package, target=target)


def test_the_list_is_a_module_that_says_the_same(package: Path, tmp_path: Path) -> None:
    found: dict[str, Any] = {}
    exec((tmp_path / "known.py").read_text(), found)
    assert found["KNOWN"] == trust.KNOWN
    for key, value in found["KNOWN"].items():
        assert hashlib.sha256((package / key).read_bytes()).hexdigest() == value


# By path


def test_a_file_whose_model_is_not_installed(
    tiny: SimpleNamespace,
    data: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AEZ_MODELS", "")
    source, target = tmp_path / "song.aez", tmp_path / "song.wav"
    source.write_bytes(data)
    assert run(cli, ["decode", str(source), str(target)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "not installed" in line and "AEZ_MODELS" in line and "newer aez" in line
    assert run(cli, ["decode", str(source), str(target), "--quiet", "--model", str(tiny.folder)]) == 0
    assert target.exists() and run(cli, ["verify", "--model", str(tiny.folder), str(source)]) == 0
    assert run(cli, ["decode", str(source), str(target), "--force", "--model", "music"]) == 1
    assert "the file needs a model of bitstream" in capsys.readouterr().err


# Pickles


def test_nothing_is_unpickled() -> None:
    for path in [*ROOT.glob("codec/**/*.py"), *ROOT.glob("formats/**/*.py"), *ROOT.glob("training/**/*.py")]:
        text = path.read_text()
        # `training.loop.checkpoint` names pickle's error, which torch raises for bytes that are no weights.
        modules = "dill|joblib|shelve|marshal" if path.name == "checkpoint.py" else "pickle|dill|joblib|shelve|marshal"
        assert not re.search(rf"\b(import|from) ({modules})\b|allow_pickle\s*=\s*True|pickle\.loads?\(", text), path
        for call in re.findall(r"torch\.load\((?:[^()]|\([^()]*\))*\)", text):
            assert re.search(r"weights_only\s*=\s*True", call), (path, call)


def test_tables_with_objects_are_refused(package: Path, data: bytes, tmp_path: Path) -> None:
    folder = copied("tiny", tmp_path / "named")
    with np.load(folder / "tables.npz") as arrays:
        changed: dict[str, Any] = dict(arrays)
    changed["offset"] = np.array([{"an": "object"}], dtype=object)
    file = io.BytesIO()
    np.savez(file, **changed)
    (folder / "tables.npz").write_bytes(file.getvalue())
    with pytest.raises(ModelError):
        decoded(data, model=str(folder))
