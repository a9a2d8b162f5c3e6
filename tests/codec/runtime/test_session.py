"""Sessions: one for each graph, and networks whose inputs and outputs are checked."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from codec.runtime import device, session
from codec.runtime.session import LocalNetwork, Sessions
from formats.errors import ModelError, UsageError
from tests.support import MODELS
from tests.support.codec import encoded
from tests.support.model_folders import one_line
from tests.support.onnx_graphs import identity, if_graph

PLAIN = if_graph().SerializeToString()
ONE = np.ones(1, np.float32)

# Sessions


def test_a_session_is_made_once_for_a_graph_in_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    made, new_session = [], session._new_session

    def slow(*arguments: object) -> object:
        made.append(arguments)
        time.sleep(0.05)
        return new_session(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "_new_session", slow)
    sessions = Sessions("cpu")
    with ThreadPoolExecutor(4) as pool:
        networks = list(pool.map(lambda _: sessions.network(bytes(bytearray(PLAIN)), {"x"}), range(8)))
    assert len(made) == 1
    assert all(network(x=ONE)["y"] == 1 for network in networks)
    sessions.network(identity("x"), {"x"})
    Sessions("cpu").network(PLAIN, {"x"})
    assert len(made) == 3


def test_a_graph_that_failed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions, new_session = Sessions("cpu"), session._new_session
    monkeypatch.setattr(session, "_new_session", lambda *_: (_ for _ in ()).throw(ModelError("not now")))
    with pytest.raises(ModelError, match="not now"):
        sessions.network(PLAIN, {"x"})
    monkeypatch.setattr(session, "_new_session", new_session)
    assert sessions.network(PLAIN, {"x"})(x=ONE)["y"] == 1


def test_memory_patterns_are_off_and_threads_are_as_asked_for() -> None:
    options = Sessions("cpu", threads=2).network(PLAIN, {"x"}).session.get_session_options()  # type: ignore[attr-defined]
    assert not options.enable_mem_pattern
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)


# Networks


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("tiny", {"coefficients": 1400}, {"hyper": (1, 2, 48)}),
        ("tiny-dense", {"coefficients": 1400}, {"latents": (1, 6, 40)}),
        ("tiny-time", {"frames": 2800}, {"latents": (1, 6, 24)}),
    ],
)
def test_cpu_says_that_it_is_the_cpu(name: str, inputs: dict[str, int], outputs: dict[str, tuple[int, ...]]) -> None:
    graph = (MODELS / name / "encoder.onnx").read_bytes()
    network = Sessions("cpu").network(graph, set(inputs), frozenset(outputs))
    assert network.provider == "CPUExecutionProvider"
    found = network(**{key: np.zeros((1, 6, size), np.float32) for key, size in inputs.items()})
    assert {key: array.shape for key, array in found.items()} == outputs


def test_other_inputs_and_outputs_are_refused() -> None:
    sessions = Sessions("cpu")
    for inputs in ({"something else"}, {"x", "more"}, set[str]()):
        with pytest.raises(ModelError, match="other inputs"):
            sessions.network(PLAIN, inputs)
    with pytest.raises(ModelError, match="other outputs"):
        sessions.network(PLAIN, {"x"}, frozenset({"coefficients"}))
    with pytest.raises(ModelError, match="no ONNX graph"):
        sessions.network(b"no graph", {"x"})


def test_an_input_of_the_type_and_shape_that_its_name_stands_for() -> None:
    assert Sessions("cpu").network(identity("gain"), {"gain"})(gain=ONE)["y"] == 1


@pytest.mark.parametrize("name", ["coefficients", "sent", "hyper", "logits", "long", "indices", "noise"])
def test_inputs_of_other_shapes_and_types_are_refused(name: str) -> None:
    graph = identity(name)
    with pytest.raises(ModelError, match=rf"tensor\(float\) \[1\] as {name}"):
        Sessions("cpu").network(graph, {name})


def test_wrong_arrays_are_model_errors() -> None:
    network = Sessions("cpu").network(PLAIN, {"x"})
    for wrong in (np.ones((7, 7), np.float32), np.ones(1, np.int8)):
        with pytest.raises(ModelError, match="cannot be run") as error:
            network(x=wrong)
        one_line(error.value)


def test_a_damaged_graph_is_one_line(tmp_path: Path) -> None:
    graph = bytearray((MODELS / "tiny" / "encoder.onnx").read_bytes())
    at = graph.index(b"MatMul")
    graph[at : at + 6] = b"NatMul"
    with pytest.raises(ModelError, match="cannot be loaded") as error:
        Sessions("cpu").network(bytes(graph), {"coefficients"})
    one_line(error.value)


def test_a_missing_device_is_one_line_whoever_asks(tiny: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_driver", lambda: False)
    with pytest.raises(UsageError) as error:
        encoded(np.zeros((1, 2000), np.float32), device="cuda:7")
    assert "cuda:7" in one_line(error.value)


def test_cuda_that_does_not_start_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "providers", lambda device: ["CPUExecutionProvider"])
    with pytest.raises(UsageError, match="could not start"):
        Sessions("cuda").network(PLAIN, {"x"})


@pytest.mark.parametrize(("error", "words"), [(MemoryError(), "MemoryError"), (RuntimeError("a\nb"), "a")])
def test_errors_of_any_text_are_one_line(error: Exception, words: str) -> None:
    def fails(*_: object) -> None:
        raise error

    with pytest.raises(ModelError, match=f"a network cannot be run: {words}$"):
        LocalNetwork(SimpleNamespace(get_outputs=list, run=fails), "CPUExecutionProvider")()
