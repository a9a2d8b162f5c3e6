"""Networks run by NumPy where ONNX Runtime is not installed: the same files, and nearly the same samples."""

import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import aez
import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper

from codec.cli.main import cli
from codec.runtime import device, onnx_graph, session
from codec.runtime.graph_check import check
from codec.runtime.numpy_session import NumpySession
from codec.runtime.session import Sessions
from formats.errors import ModelError, UsageError
from tests.support import ROOT
from tests.support.onnx_graphs import if_graph
from tests.support.signals import RATE

RNG = np.random.default_rng(3)
GRAPHS = sorted((ROOT / "models").rglob("*.onnx"))


@pytest.fixture
def no_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (device, session):
        monkeypatch.setattr(module, "onnxruntime_found", lambda: False)


def values(port: Any, batch: int, frames: int) -> np.ndarray[Any, Any]:
    """An input of a network: integers as files have them, floats as songs do."""
    shape = [batch, frames, *(size if isinstance(size, int) else 112 for size in port.shape[2:])]
    if len(port.shape) == 1:
        return np.full(1, -24, np.float32)  # a gain
    match port.type:
        case "tensor(float)":
            return RNG.normal(size=shape).astype(np.float32)
        case "tensor(bool)":
            return RNG.random(shape) < 0.7
        case "tensor(int16)":  # positions, all different
            return np.argsort(RNG.random((*shape[:2], 1400)))[..., : shape[2]].astype(np.int16)
        case kind:
            return np.rint(RNG.laplace(scale=2, size=shape)).astype(kind[7:-1])


@pytest.mark.parametrize(
    "path", GRAPHS, ids=lambda path: "-".join(path.relative_to(ROOT / "models").with_suffix("").parts)
)
@pytest.mark.parametrize(("batch", "frames"), [(1, 66), (2, 6)])
def test_every_network_here_gives_what_onnx_runtime_gives(path: Path, batch: int, frames: int) -> None:
    graph = check(path.read_bytes())
    ours, theirs = NumpySession(graph), onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for ports in ("get_inputs", "get_outputs"):
        assert [(p.name, p.type, p.shape) for p in getattr(ours, ports)()] == [
            (p.name, p.type, p.shape) for p in getattr(theirs, ports)()
        ]
    names = [port.name for port in ours.get_outputs()]
    inputs = {port.name: values(port, batch, frames) for port in ours.get_inputs()}
    for found, expected in zip(ours.run(names, inputs), theirs.run(names, inputs), strict=True):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.usefixtures("no_onnxruntime")
def test_a_song_goes_through_it_and_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = RNG.normal(scale=0.1, size=(2, RATE)).astype(np.float32)
    data = aez.encode(samples, RATE)
    decoded, _ = aez.decode(data)
    (tmp_path / "a.aez").write_bytes(data)
    command = ["decode", str(tmp_path / "a.aez"), str(tmp_path / "a.wav"), "--verbose"]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0
    assert "on NumPy" in done.stderr
    monkeypatch.undo()
    assert np.abs(decoded - aez.decode(data)[0]).max() < 1e-4
    done = CliRunner().invoke(cli, [*command, "--force"])
    assert "on CPUExecutionProvider" in done.stderr


@pytest.mark.usefixtures("no_onnxruntime")
def test_cuda_needs_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_driver", lambda: True)
    assert device.choose("auto", 1e6).name == "cpu"
    with pytest.raises(UsageError, match="cuda was asked for, but"):
        Sessions("cuda").network(if_graph().SerializeToString(), {"x"})


@pytest.mark.usefixtures("no_onnxruntime")
def test_a_network_that_fails_is_a_model_error() -> None:
    network = Sessions().network((ROOT / "models" / "music" / "encoder.onnx").read_bytes(), {"coefficients"})
    with pytest.raises(ModelError, match="a network cannot be run: "):
        network(coefficients=np.zeros((1, 6, 3), np.float32))
    with pytest.raises(ModelError, match="cannot be loaded without ONNX Runtime, which is not installed"):
        Sessions().network(if_graph().SerializeToString(), {"x"})


@pytest.mark.parametrize("data", [b"", b"\x3a\x02\x0a\x01", b"\x38\x01"])
def test_other_bytes_are_a_model_error(data: bytes) -> None:
    with pytest.raises(ModelError, match="cannot be loaded without ONNX Runtime"):
        NumpySession(data)


def test_parts_of_a_graph_are_a_graph_or_a_model_error() -> None:
    whole = check((ROOT / "models" / "music" / "encoder.onnx").read_bytes())
    for size in range(0, len(whole), 997):
        try:
            onnx_graph.read(whole[:size])
        except ModelError:
            continue


@pytest.mark.parametrize(
    "array",
    [np.array(kind([1, 0, 1])) for kind in (np.float32, np.uint8, np.int8, np.int16, np.int32, np.int64, np.bool_)],
)
def test_numbers_of_constants_lie_in_the_field_of_their_type(array: np.ndarray[Any, Any]) -> None:
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    made = helper.make_tensor("c", kind, array.shape, array.tolist())
    called, found = onnx_graph._tensor(memoryview(made.SerializeToString()))
    assert (called, found.dtype, found.tolist()) == ("c", array.dtype, array.tolist())


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_bits_of_other_floats_are_not_taken_for_numbers(kind: int) -> None:
    made = helper.make_tensor("c", kind, [2], [1.0, 2.0])
    with pytest.raises(ValueError):
        onnx_graph._tensor(memoryview(made.SerializeToString()))


def test_onnx_runtime_that_cannot_be_imported_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "import_module", Mock(side_effect=ImportError("libcudart.so: no such file\nmore")))
    with pytest.raises(ModelError, match=r"cannot be loaded; install it anew \(libcudart.so: no such file\)"):
        Sessions().network((ROOT / "models" / "music" / "encoder.onnx").read_bytes(), {"coefficients"})


def test_onnx_runtime_is_found_only_where_it_can_be_imported(tmp_path: Path) -> None:
    assert device.onnxruntime_found()
    (tmp_path / "onnxruntime").mkdir()  # what uninstalling one of two wheels may leave behind
    program = (
        "import sys; from codec.runtime import device; sys.path[:] = sys.argv[1:]; print(device.onnxruntime_found())"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
