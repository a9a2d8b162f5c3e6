"""Networks of another process, here of another thread: results, errors, sizes of memory, and what is left behind."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Client

import numpy as np
import pytest

from codec.runtime import remote
from codec.runtime.remote import NetworkServer, RemoteNetworks
from codec.runtime.session import Sessions
from formats.errors import ModelError, UsageError
from tests.support import MODELS
from tests.support.onnx_graphs import identity

ENCODER = (MODELS / "tiny" / "encoder.onnx").read_bytes()


@pytest.fixture
def server() -> Iterator[NetworkServer]:
    sessions = Sessions("cpu", batched=True)
    with NetworkServer(sessions) as server:
        yield server
    sessions.close()


def test_the_same_results_for_many_threads(server: NetworkServer) -> None:
    alone = Sessions("cpu").network(ENCODER, {"coefficients"})
    far = RemoteNetworks(server.address, server.key).network(ENCODER, {"coefficients"}, frozenset({"hyper"}), 30)
    assert far.provider == "CPUExecutionProvider"
    rng = np.random.default_rng(0)
    calls = [rng.standard_normal((1, 3 * int(n), 1400), np.float32) for n in rng.integers(1, 11, 40)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda x: far(coefficients=x)["hyper"], calls))
    for x, result in zip(calls, found, strict=True):
        np.testing.assert_allclose(result[:, :-2], alone(coefficients=x)["hyper"][:, :-2], atol=1e-5)  # but the context


def test_results_that_are_larger_than_the_inputs(server: NetworkServer) -> None:
    graph = (MODELS / "tiny-dense" / "decoders" / "standard" / "decoder.onnx").read_bytes()
    width = np.load(MODELS / "tiny-dense" / "tables.npz")["intercept"].size
    inputs = {"quantized": np.ones((1, 20, width), np.float32), "gain": np.zeros(1, np.float32)}
    alone = Sessions("cpu").network(graph, {"quantized", "gain"})(**inputs)
    far = RemoteNetworks(server.address, server.key).network(graph, {"quantized", "gain"}, frames=20)
    for _ in range(3):
        for name, value in far(**inputs).items():
            np.testing.assert_allclose(value, alone[name], atol=1e-5)


def test_errors_cross_over(server: NetworkServer) -> None:
    networks = RemoteNetworks(server.address, server.key)
    with pytest.raises(ModelError, match="no ONNX graph"):
        networks.network(b"no graph", {"x"})
    with pytest.raises(ModelError, match="other inputs"):
        networks.network(ENCODER, {"x"})
    far = networks.network(identity("x"), {"x"})
    with pytest.raises(ModelError, match="cannot be run"):
        far(x=np.ones((7, 7), np.float32))
    assert far(x=np.ones(1, np.float32))["y"] == 1  # and the line still works


def test_strangers_are_not_answered(server: NetworkServer) -> None:
    with pytest.raises(Exception, match=r"rejected|digest|closed|reset|EOF|^$"):
        Client(server.address, authkey=b"guess").recv()
    with pytest.raises(ModelError, match="cannot be reached"):
        RemoteNetworks(str(server.address) + "-", server.key).network(ENCODER, {"coefficients"})
    assert RemoteNetworks(server.address, server.key).network(ENCODER, {"coefficients"})


def test_a_server_that_has_ended_is_a_model_error() -> None:
    with NetworkServer(Sessions("cpu")) as server:
        networks = RemoteNetworks(server.address, server.key)
        networks.network(ENCODER, {"coefficients"})
    with pytest.raises(ModelError, match="cannot be reached"):
        RemoteNetworks(server.address, server.key).network(ENCODER, {"coefficients"})


def test_no_room_for_shared_memory_is_one_line(server: NetworkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    far = RemoteNetworks(server.address, server.key).network(ENCODER, {"coefficients"})
    monkeypatch.setattr(remote, "_reserve", full)
    with pytest.raises(UsageError, match=r"no room .* No space left"):
        far(coefficients=np.ones((1, 3, 1400), np.float32))


def test_nothing_is_left_behind(server: NetworkServer, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "SHARED_MEMORY", tmp_path)
    far = RemoteNetworks(server.address, server.key).network(ENCODER, {"coefficients"})
    for frames in (3, 6, 3):
        far(coefficients=np.ones((1, frames, 1400), np.float32))
        assert not list(tmp_path.iterdir())  # type: ignore[attr-defined]
