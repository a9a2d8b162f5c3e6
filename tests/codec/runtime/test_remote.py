"""Networks of another process, here of another thread: results, errors, sizes of memory, and what is left behind."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Client
from pathlib import Path

import numpy as np
import pytest

from codec.runtime import remote, shared_memory
from codec.runtime.remote import NetworkServer, RemoteNetworks
from codec.runtime.session import Network, Sessions
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


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """In place of the machine's memory and of the folder for temporary files."""
    made = tmp_path / "memory", tmp_path / "disk"
    for folder in made:
        folder.mkdir()
    monkeypatch.setattr(shared_memory, "FOLDERS", tuple(map(str, made)))
    return made


def run(far: Network, frames: int) -> None:
    x = np.random.default_rng(frames).standard_normal((1, frames, 1400), np.float32)
    alone = Sessions("cpu").network(ENCODER, {"coefficients"})(coefficients=x)["hyper"]
    np.testing.assert_allclose(far(coefficients=x)["hyper"], alone, atol=1e-5)


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_no_room_anywhere_is_one_line_and_costs_one_call(
    server: NetworkServer, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    far = RemoteNetworks(server.address, server.key).network(ENCODER, {"coefficients"})
    run(far, 3)
    with monkeypatch.context() as patch:
        patch.setattr(shared_memory, "reserve", full)
        with pytest.raises(UsageError, match=r"no room .* No space left"):
            run(far, 9)  # more than there was
    assert not [path for folder in folders for path in folder.iterdir()]
    for frames in (3, 9, 3):
        run(far, frames)


def test_full_memory_is_replaced_by_the_disk(
    server: NetworkServer, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve, asked = shared_memory.reserve, list[int]()

    def first_full(number: int, size: int) -> None:
        asked.append(size)
        if len(asked) == 1:
            full()
        reserve(number, size)

    monkeypatch.setattr(shared_memory, "reserve", first_full)
    run(RemoteNetworks(server.address, server.key).network(ENCODER, {"coefficients"}), 3)
    assert len(asked) == 2


def test_nothing_is_left_behind(server: NetworkServer, folders: tuple[Path, Path]) -> None:
    far = RemoteNetworks(server.address, server.key).network(ENCODER, {"coefficients"})
    for frames in (3, 6, 3):
        run(far, frames)
        assert not [path for folder in folders for path in folder.iterdir()]


def test_a_line_that_broke_is_replaced(server: NetworkServer) -> None:
    networks = RemoteNetworks(server.address, server.key)
    far = networks.network(ENCODER, {"coefficients"})
    networks.line._connection.close()
    with pytest.raises(ModelError, match="has ended"):
        run(far, 3)
    run(far, 3)


def test_any_fault_in_the_server_is_the_callers_error(server: NetworkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("too much")

    far = RemoteNetworks(server.address, server.key).network(ENCODER, {"coefficients"})
    with monkeypatch.context() as patch:
        patch.setattr(remote, "attached", broken)
        with pytest.raises(ModelError, match="MemoryError: too much"):
            run(far, 3)
    run(far, 3)


def test_a_path_too_long_for_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ("x" * 90)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("x" * 90)))
    with NetworkServer(Sessions("cpu")) as server:
        run(RemoteNetworks(server.address, server.key).network(ENCODER, {"coefficients"}), 3)


def test_the_server_outlives_what_it_cannot_take(monkeypatch: pytest.MonkeyPatch) -> None:
    with NetworkServer(Sessions("cpu")) as server:
        accept, errors = server._listener.accept, [OSError(24, "Too many open files"), EOFError()]
        monkeypatch.setattr(
            server._listener, "accept", lambda: (_ for _ in ()).throw(errors.pop()) if errors else accept()
        )
        for _ in range(3):
            run(RemoteNetworks(server.address, server.key).network(ENCODER, {"coefficients"}), 3)
