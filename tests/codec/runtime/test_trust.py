"""Which models run: known by hash or named by the user, with plain graphs of the right shapes, nothing unpickled."""

import io
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from codec.cli.main import cli
from codec.cli.terminal import run
from codec.pipeline import decode as decoding
from codec.runtime import classifiers, graph_check, hashes, models, session, trust
from formats.errors import ModelError
from formats.grid import SEGMENT
from tests.support import ROOT
from tests.support.codec import Array, Sink, encoded
from training.ship.pin import PARTS, pin

SHIPPED = sorted(card.parent for name in ("model.json", "genre.json") for card in (ROOT / "models").glob(f"*/{name}"))


@pytest.fixture
def package(tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that came with the package, with the tiny model in it, listed; nothing else is installed."""
    folder = tmp_path / "package"
    shutil.copytree(tiny.folder, folder / "tiny")
    monkeypatch.setenv("AEZ_MODELS", "")
    monkeypatch.setattr(trust, "shipped_folders", lambda: [folder])
    monkeypatch.setattr(trust, "KNOWN", pin([folder / "tiny"], target=tmp_path / "known.py"))
    return folder


@pytest.fixture(scope="module")
def data(tiny: SimpleNamespace, music: Array) -> bytes:
    return encoded(music[:, :50_000], latent=32, chunk_frames=SEGMENT)


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


# By hash


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_every_shipped_model_is_known(folder: Path) -> None:
    parts = [part for part in PARTS if (folder / part).is_file()]
    assert parts
    for part in parts:
        trust.check(folder.name, part, (folder / part).read_bytes())


def test_models_that_came_with_the_package_run_as_they_came(package: Path, data: bytes) -> None:
    model = models.by_id(models.by_name("tiny").id)
    assert model.shipped and model.decoder and model.encoder
    decoding.decode(io.BytesIO(data), Sink())


@pytest.mark.parametrize("part", ["encoder.onnx", "decoder.onnx", "tables.npz"])
def test_changed_files_in_the_package_do_not_run(package: Path, data: bytes, part: str) -> None:
    flip(package / "tiny" / part)
    with pytest.raises(ModelError, match=f"{part} of model 'tiny' is not one that this aez knows"):
        if part == "encoder.onnx":
            encoded(np.zeros((1, 2000), np.float32))
        else:
            decoding.decode(io.BytesIO(data), Sink())


def test_an_unknown_model_in_the_package_runs_only_if_it_is_named(
    package: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "tiny").rename(package / "other")
    with pytest.raises(ModelError, match="by path"):
        decoding.decode(io.BytesIO(data), Sink())
    decoding.decode(io.BytesIO(data), Sink(), model=str(package / "other"))
    monkeypatch.setenv("AEZ_MODELS", str(package))
    decoding.decode(io.BytesIO(data), Sink())


def test_classifiers_too(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package / "guess").mkdir()
    graph = onnx_graph().SerializeToString()
    (package / "guess" / "genre.onnx").write_bytes(graph)
    digest = trust.hashlib.sha256(graph).hexdigest()
    card = {"classes": ["a"], "codec_models": [], "sha256": digest, "features": classifiers.FEATURES}
    (package / "guess" / "genre.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="not one that this aez knows"):
        classifiers.by_name("guess").graph  # noqa: B018
    assert classifiers.by_name(str(package / "guess")).graph == graph


def test_a_listed_name_keeps_its_hashes(package: Path, tmp_path: Path) -> None:
    flip(package / "tiny" / "decoder.onnx")
    target = tmp_path / "known.py"
    listed = dict(trust.KNOWN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashes, "KNOWN", listed)
        before = target.read_text()
        with pytest.raises(SystemExit, match="another hash"):
            pin([package / "tiny"], target=target)
        assert target.read_text() == before
        assert pin([package / "tiny"], True, target)["tiny/decoder.onnx"] != listed["tiny/decoder.onnx"]


# By id and by path


def test_a_broken_card_does_not_hide_other_models(
    tiny: SimpleNamespace, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, card in {"aaa": b"{", "bbb": b"\xff", "ccc": b'{"id": 7}', "ddd": b'{"id": "xyz"}'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_bytes(card)
    monkeypatch.setenv("AEZ_MODELS", f"{tmp_path}:{tiny.folder.parent}")
    decoding.decode(io.BytesIO(data), Sink())
    assert models.called(models.by_name("tiny").id) == "tiny"
    with pytest.raises(ModelError, match=r"needs model 0{16}.*'aaa' has a card that cannot be read"):
        models.by_id(bytes(8))


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
    assert "not installed" in line and "--model" in line and "newer aez" in line
    assert run(cli, ["decode", str(source), str(target), "--quiet", "--model", str(tiny.folder)]) == 0
    assert target.exists() and run(cli, ["verify", "--model", str(tiny.folder), str(source)]) == 0
    assert run(cli, ["decode", str(source), str(target), "--force", "--model", "music1"]) == 1
    assert "the file needs model" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "..", "/etc", "no/such", "\n", "a" * 5000, "\0"])
def test_names_that_are_no_models_are_model_errors(name: str, tiny: SimpleNamespace) -> None:
    if name:
        with pytest.raises(ModelError):
            models.by_name(name)


# Graphs


def onnx_graph(**changes: Any) -> onnx.ModelProto:
    """A graph with a weight and a nested one in an If, which may be spoilt."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], [2.0])
    if changes.get("external"):
        weight.ClearField("float_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="secret.bin")
    inner = helper.make_graph(
        [helper.make_node(changes.get("inner", "Identity"), ["x"], ["z"], domain=changes.get("inside", ""))],
        "inner",
        [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1])],
        [weight] if changes.get("external") == "inner" else [],
    )
    plain = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["z2"])],
        "plain",
        [],
        [helper.make_tensor_value_info("z2", TensorProto.FLOAT, [1])],
    )
    graph = helper.make_graph(
        [
            helper.make_node("Greater", ["x", "w"], ["more"]),
            helper.make_node("If", ["more"], ["y"], then_branch=inner, else_branch=plain),
        ],
        "outer",
        [helper.make_tensor_value_info(changes.get("name", "x"), changes.get("type", TensorProto.FLOAT), [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        [weight],
    )
    if changes.get("constant"):
        graph.node.append(helper.make_node("Constant", [], ["c"], value=weight))
        graph.initializer[0].CopyFrom(helper.make_tensor("w", TensorProto.FLOAT, [1], [2.0]))
    sets = [helper.make_opsetid(domain, 1) for domain in changes.get("sets", [])]
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18), *sets], functions=changes.get("own"), ir_version=10
    )


def test_a_plain_graph_runs() -> None:
    network = session.Network(onnx_graph().SerializeToString(), {"x"}, "cpu")
    assert network(x=np.ones(1, np.float32))["y"] == 1


FUNCTION = helper.make_function("own", "F", ["a"], ["b"], [], [helper.make_opsetid("", 18)])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"external": True}, "weights in other files"),
        ({"external": "inner"}, "weights in other files"),
        ({"external": True, "constant": True}, "weights in other files"),
        ({"sets": ["com.microsoft"]}, "not ONNX's own"),
        ({"sets": ["ai.onnx.ml"]}, "not ONNX's own"),
        ({"inside": "com.evil", "inner": "Run"}, "not ONNX's own"),
        ({"own": [FUNCTION]}, "functions of its own"),
    ],
)
def test_graphs_that_reach_beyond_themselves_are_refused(
    changes: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.bin").write_bytes(np.float32(2).tobytes())
    with pytest.raises(ModelError, match=words):
        session.Network(onnx_graph(**changes).SerializeToString(), {"x"}, "cpu")


def test_bytes_that_are_no_graph_are_refused_and_cut_graphs_never_crash() -> None:
    whole = onnx_graph().SerializeToString()
    for raw in (b"", b"no graph", bytes(100), b"\xff" * 100, b"\x3a" * 3, b"\x0b" + whole):
        with pytest.raises(ModelError, match="no ONNX graph"):
            graph_check.check(raw)
    for size in range(len(whole)):
        try:
            graph_check.check(whole[:size])
        except ModelError as error:
            assert "\n" not in str(error)
    nested = b""
    for _ in range(40):
        attribute = b"\x32" + varint(len(nested)) + nested
        node = b"\x2a" + varint(len(attribute)) + attribute
        nested = b"\x0a" + varint(len(node)) + node
    with pytest.raises(ModelError, match="no ONNX graph"):
        graph_check.check(b"\x3a" + varint(len(nested)) + nested)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


@pytest.mark.parametrize("name", ["coefficients", "sent", "hyper", "logits"])
def test_ports_of_other_shapes_and_types_are_refused(name: str) -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", [name], ["y"])],
        "one",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()
    with pytest.raises(ModelError, match=rf"tensor\(float\) \[1\] as {name}"):
        session.Network(data, {name}, "cpu")


def test_missing_outputs_and_wrong_arrays_are_model_errors() -> None:
    data = onnx_graph().SerializeToString()
    with pytest.raises(ModelError, match="other outputs"):
        session.Network(data, {"x"}, "cpu", outputs=frozenset({"coefficients"}))
    network = session.Network(data, {"x"}, "cpu")
    with pytest.raises(ModelError, match="cannot be run"):
        network(x=np.ones((7, 7), np.float32))


# Pickles


def test_nothing_is_unpickled() -> None:
    for path in [*ROOT.glob("codec/**/*.py"), *ROOT.glob("formats/**/*.py"), *ROOT.glob("training/**/*.py")]:
        text = path.read_text()
        assert not re.search(r"\b(import|from) (pickle|dill|joblib|shelve|marshal)\b|allow_pickle\s*=\s*True", text), (
            path
        )
        for call in re.findall(r"torch\.load\((?:[^()]|\([^()]*\))*\)", text):
            assert re.search(r"weights_only\s*=\s*True", call), (path, call)


def test_tables_with_objects_are_refused(package: Path, data: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "named" / "tiny"
    shutil.copytree(package / "tiny", folder)
    with np.load(folder / "tables.npz") as arrays:
        changed: dict[str, Any] = dict(arrays)
    changed["offset"] = np.array([{"an": "object"}], dtype=object)
    np.savez(folder / "tables.npz", **changed)
    with pytest.raises(ModelError):
        decoding.decode(io.BytesIO(data), Sink(), model=str(folder))
