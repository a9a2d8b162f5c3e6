"""Sessions that run networks: checked inputs and outputs, and one object that owns the sessions of a device."""

from contextlib import ExitStack
from functools import cache
from threading import Lock
from typing import Any, NamedTuple, Protocol

from codec.runtime import graph_check
from codec.runtime.batching import Arrays, BatchedNetwork
from codec.runtime.device import CUDA, SILENT, first_line, number_of, onnxruntime, onnxruntime_found, providers
from codec.runtime.heap import keeps_freed_memory
from formats.errors import ModelError, UsageError
from formats.grid import COEFFICIENTS, HYPER_SIZE

AS_REQUESTED = 1
"""ONNX Runtime's number of the strategy kSameAsRequested, by which an arena grows."""


class Network(Protocol):
    """One ONNX graph on one device. Calls may come from several threads."""

    @property
    def provider(self) -> str:
        """What really runs it: CUDAExecutionProvider or CPUExecutionProvider of ONNX Runtime, or NumPy."""

    def __call__(self, **inputs: Any) -> Arrays:
        """Run the network once; inputs and outputs are arrays by name, with a batch axis of 1 first.

        Raises:
            ModelError: the arrays do not fit, or running it fails.
        """


class Networks(Protocol):
    """Where networks come from: the `Sessions` of this process, or those of another one (`codec.runtime.remote`)."""

    def network(
        self, graph: bytes, inputs: set[str], outputs: frozenset[str] = frozenset(), frames: int | None = None
    ) -> Network:
        """The network of a graph.

        Args:
            graph: a serialized ModelProto.
            inputs: names of all its inputs.
            outputs: names of outputs that it must have; more are allowed.
            frames: most frames of a call; None where the number is not bounded, which keeps calls apart on any device.

        Raises:
            UsageError: the device is unknown, or is not available although it was chosen by name.
            ModelError: the graph cannot be loaded, or has other inputs and outputs.
        """

    def close(self) -> None:
        """Let go of what runs networks; they may not be called after it."""


class Sessions:
    """Sessions on one device: one for each graph, for as long as this object exists.

    They are ONNX Runtime's, or NumPy's where it is not installed. Several threads may ask for networks. If two ask for
    the same graph, its session is made once. On CUDA, networks whose calls have a bounded length run in batches
    (`codec.runtime.batching`).

    Attributes:
        device: cpu, cuda or cuda:N.
    """

    def __init__(self, device: str = "cpu", threads: int = 1, *, batched: bool | None = None) -> None:
        """Nothing is loaded yet.

        Args:
            device: cpu, cuda or cuda:N.
            threads: of ONNX Runtime for each call on the CPU.
            batched: whether to run calls in batches; None for yes on CUDA, no on the CPU.
        """
        self.device = device
        self._threads, self._batched = threads, batched
        self._sessions: dict[bytes, Any] = {}
        self._batches: dict[tuple[bytes, int], BatchedNetwork] = {}
        self._lock = Lock()
        self._exit = ExitStack()

    def network(
        self, graph: bytes, inputs: set[str], outputs: frozenset[str] = frozenset(), frames: int | None = None
    ) -> Network:
        """The network of a graph; see `Networks`."""
        with self._lock:
            if graph not in self._sessions:
                self._sessions[graph] = _new_session(graph, self.device, self._threads)
            session = self._sessions[graph]
            check_ports(session, inputs, outputs)
            provider: str = session.get_providers()[0]
            if frames is None or not (provider == CUDA if self._batched is None else self._batched):
                return LocalNetwork(session, provider)
            if (graph, frames) not in self._batches:
                made = BatchedNetwork(session, frames, number_of(self.device) if provider == CUDA else None)
                self._exit.callback(made.close)
                self._batches[graph, frames] = made
            return SharedNetwork(self._batches[graph, frames], provider)

    @property
    def batches(self) -> dict[int, int]:
        """How many batches have run, by their size."""
        counts: dict[int, int] = {}
        for network in self._batches.values():
            for size, count in network.batches.items():
                counts[size] = counts.get(size, 0) + count
        return counts

    @property
    def pinned(self) -> bool:
        """Whether batches have buffers, all of which are locked in memory for the GPU."""
        told = [worked for network in self._batches.values() for worked in network.pinned]
        return bool(told) and all(told)

    def close(self) -> None:
        """End the threads of batches; networks cannot be run in batches after it."""
        self._exit.close()


class LocalNetwork(NamedTuple):
    """A session that is called directly; see `Network`."""

    session: Any
    provider: str

    def __call__(self, **inputs: Any) -> Arrays:
        """Run the network once; see `Network`."""
        names = [node.name for node in self.session.get_outputs()]
        try:
            found = self.session.run(names, inputs)
        except Exception as error:  # as in _new_session
            raise ModelError(f"a network cannot be run: {first_line(error)}") from None
        return dict(zip(names, found, strict=True))


class SharedNetwork(NamedTuple):
    """A session whose calls run in batches; see `Network`."""

    batches: BatchedNetwork
    provider: str

    def __call__(self, **inputs: Any) -> Arrays:
        """Run the network once; see `Network`."""
        return self.batches(inputs)


def check_ports(session: Any, inputs: set[str], outputs: frozenset[str]) -> None:
    """ModelError where a session has other inputs or outputs than these, or of other types and shapes than in PORTS."""
    if {node.name for node in session.get_inputs()} != inputs:
        raise ModelError("a network has other inputs than this version of aez gives it")
    for node in (*session.get_inputs(), *session.get_outputs()):
        if not _fits(node.name, node.type, node.shape):
            raise ModelError(f"a network has {node.type} {node.shape} as {node.name}, which aez does not run")
    if not outputs <= {node.name for node in session.get_outputs()}:
        raise ModelError("a network has other outputs than this version of aez takes")


PORTS: dict[str, tuple[str, tuple[int | None, ...]]] = {
    "coefficients": ("tensor(float)", (None, None, COEFFICIENTS)),
    "frames": ("tensor(float)", (None, None, 2 * COEFFICIENTS)),
    "hyper": ("tensor(float)", (None, None, HYPER_SIZE)),
    **dict.fromkeys(("quantized", "latents", "features"), ("tensor(float)", (None, None, None))),
    "indices": ("tensor(int32)", (None, None, None)),
    "position": ("tensor(int16)", (None, None, None)),
    "hyper_by_frame": ("tensor(int8)", (None, None, HYPER_SIZE)),
    "noise": ("tensor(int8)", (None, None, COEFFICIENTS)),
    **dict.fromkeys(("sent", "long"), ("tensor(bool)", (None, None, 1))),
    "logits": ("tensor(float)", (None, None)),
    "gain": ("tensor(float)", (None,)),
}
"""Types and shapes of the inputs and outputs that networks may have, by name; None stands for any number."""


def _fits(name: str, kind: str, shape: list[int | str | None]) -> bool:
    """Whether an input or output has the type and shape of its name in PORTS; others must hold floats."""
    expected, sizes = PORTS.get(name, ("tensor(float)", None))
    if kind != expected or (sizes and len(sizes) != len(shape)):
        return False
    return all(
        want is None or not isinstance(size, int) or size == want
        for want, size in zip(sizes or (), shape, strict=False)
    )


_ARENA_LOCK = Lock()


@cache
def _register_arena(ort: Any) -> None:
    """Give ONNX Runtime one arena for all sessions of this process, which grows by what is asked for.

    A session's own arena doubles whenever it grows. Without one, what networks take and free would leave the heap in
    pieces that larger arrays do not fit in, more and more of them with every minute of audio.
    """
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(memory, ort.OrtArenaCfg({"arena_extend_strategy": AS_REQUESTED}))


def _new_session(graph: bytes, device: str, threads: int) -> Any:
    checked = graph_check.check(graph)
    if not onnxruntime_found():
        if device.startswith("cuda"):
            raise UsageError(f"{device} was asked for, but ONNX Runtime is not installed")
        from codec.runtime.numpy_session import NumpySession

        return NumpySession(checked)
    ort = onnxruntime()
    ort.set_default_logger_severity(SILENT)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if device == "cpu" and keeps_freed_memory():  # the process is aez's own
        with _ARENA_LOCK:
            _register_arena(ort)
        options.add_session_config_entry("session.use_env_allocators", "1")
    options.enable_mem_pattern = False  # it would keep one block for all of a run's arrays, 60 MB more
    options.log_severity_level = SILENT
    options.add_session_config_entry("session.load_model_format", "ONNX")  # never guessed from the bytes
    try:
        session = ort.InferenceSession(checked, options, providers=providers(device))
    except UsageError:
        raise
    except Exception as error:  # onnxruntime raises its own C++ types, which have no common base but Exception
        raise ModelError(f"a network cannot be loaded: {first_line(error)}") from None
    if device.startswith("cuda") and session.get_providers()[0] != "CUDAExecutionProvider":
        raise UsageError(f"{device} was asked for, but ONNX Runtime could not start it here")
    return session
