"""Networks of another process: the one that owns the GPU runs them for all others.

    worker process                                     owner
    RemoteNetwork --- names and shapes, by socket ---> NetworkServer --> Sessions (in batches)
          \\--- arrays, in memory that both have mapped ---/

Every thread of a worker has a connection and a mapped file of its own, so that nothing has to be told apart.
"""

from __future__ import annotations

import mmap
import os
import secrets
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from codec.runtime.batching import Arrays
from codec.runtime.session import Network, Networks
from formats.errors import AezError, ModelError, UsageError

SHARED_MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory."""

BACKLOG = 64
"""Connections that may wait to be accepted: all workers start at the same time."""

ALIGNED = 64
"""Bytes to which arrays are aligned in mapped memory."""


class Place(NamedTuple):
    """An array in mapped memory."""

    dtype: str
    shape: tuple[int, ...]
    start: int

    def view(self, memory: mmap.mmap) -> NDArray[Any]:
        """The array itself, not a copy."""
        return np.ndarray(self.shape, np.dtype(self.dtype), memory, self.start)


def placed(arrays: Mapping[str, NDArray[Any]]) -> tuple[dict[str, Place], int]:
    """Places for arrays one after another, and the bytes that they take."""
    places, end = {}, 0
    for name, array in arrays.items():
        places[name] = Place(array.dtype.str, array.shape, end)
        end += -(-array.nbytes // ALIGNED) * ALIGNED
    return places, end


class Request(NamedTuple):
    """A call: the number of the network, the mapped file, and its inputs there."""

    network: int
    file: str
    inputs: dict[str, Place]


class NetworkServer:
    """Runs networks for other processes; a context manager.

    Attributes:
        address: what `RemoteNetworks` connect to.
        key: what they prove to know.
    """

    def __init__(self, networks: Networks) -> None:
        self.key = secrets.token_bytes(16)
        self._networks = networks
        self._known: list[Network] = []
        self._lock = threading.Lock()
        self._closed = False
        self._folder = tempfile.TemporaryDirectory(prefix="aez-")
        address = None if os.name == "nt" else str(Path(self._folder.name, "networks"))
        self._listener = Listener(address, backlog=BACKLOG, authkey=self.key)
        self.address = self._listener.address

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="aez-server", daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closed = True
        with suppress(OSError, EOFError, AuthenticationError):
            Client(self.address, authkey=self.key).close()  # a thread that waits in `accept` is not woken by `close`
        self._listener.close()
        self._folder.cleanup()

    def _accept(self) -> None:
        while not self._closed:
            with suppress(OSError, EOFError, AuthenticationError):  # of one that went away, or does not know the key
                connection = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection[Any, Any]) -> None:
        """Answer one thread of a worker until it goes away."""
        mapped: dict[str, mmap.mmap] = {}
        with connection, suppress(EOFError, OSError):
            while True:
                asked = connection.recv()
                answer: object
                try:
                    answer = self._call(asked, mapped) if isinstance(asked, Request) else self._open(asked)
                except AezError as error:
                    answer = error
                connection.send(answer)

    def _open(self, asked: tuple[bytes, set[str], frozenset[str], int | None]) -> tuple[int, str]:
        network = self._networks.network(*asked)
        with self._lock:
            self._known.append(network)
            return len(self._known) - 1, network.provider

    def _call(self, asked: Request, mapped: dict[str, mmap.mmap]) -> dict[str, Place] | Arrays:
        """Run a call. Its results take the place of its inputs; where they need more room, they are sent themselves."""
        if asked.file not in mapped:
            mapped.clear()
            mapped[asked.file] = _mapped(asked.file)
            with suppress(OSError):  # now that both have mapped it, nothing stays behind whoever is killed
                Path(asked.file).unlink()
        memory = mapped[asked.file]
        found = self._known[asked.network](**{name: place.view(memory) for name, place in asked.inputs.items()})
        places, size = placed(found)
        if size > len(memory):
            return found
        for name, place in places.items():
            place.view(memory)[...] = found[name]
        return places


def _mapped(file: str) -> mmap.mmap:
    with Path(file).open("r+b") as opened:
        return mmap.mmap(opened.fileno(), 0)


class RemoteNetworks:
    """The networks of a `NetworkServer`, for a worker process; see `codec.runtime.session.Networks`."""

    def __init__(self, address: Any, key: bytes) -> None:
        self._address, self._key = address, key
        self._own = threading.local()
        self._known: dict[tuple[bytes, frozenset[str], frozenset[str], int | None], RemoteNetwork] = {}

    def network(
        self, graph: bytes, inputs: set[str], outputs: frozenset[str] = frozenset(), frames: int | None = None
    ) -> Network:
        """The network of a graph, which is sent to the server once."""
        key = graph, frozenset(inputs), outputs, frames
        if key not in self._known:
            number, provider = self.line.ask((graph, inputs, outputs, frames))
            self._known[key] = RemoteNetwork(self, number, provider)
        return self._known[key]

    @property
    def line(self) -> Line:
        """This thread's line to the server."""
        if not hasattr(self._own, "line"):
            self._own.line = Line(self._address, self._key)
        line: Line = self._own.line
        return line

    def close(self) -> None:
        """Do nothing: lines end with their threads."""


class RemoteNetwork(NamedTuple):
    """A network of another process; see `codec.runtime.session.Network`."""

    networks: RemoteNetworks
    number: int
    provider: str

    def __call__(self, **inputs: Any) -> Arrays:
        """Run the network once; see `Network`."""
        return self.networks.line.call(self.number, inputs)


class Line:
    """A thread's connection to the server, and the file through which its arrays go."""

    def __init__(self, address: Any, key: bytes) -> None:
        try:
            self._connection = Client(address, authkey=key)
        except (OSError, EOFError) as error:
            raise ModelError(f"the process that runs the networks cannot be reached: {error}") from None
        self._file, self._memory, self._least = "", mmap.mmap(-1, ALIGNED), 0

    def ask(self, what: Any) -> Any:
        """Send a question and wait for the answer.

        Raises:
            UsageError, ModelError: what the server raised, or that it is gone.
        """
        try:
            self._connection.send(what)
            answer = self._connection.recv()
        except (OSError, EOFError):
            raise ModelError("the process that runs the networks has ended") from None
        if isinstance(answer, AezError):
            raise answer
        return answer

    def call(self, network: int, inputs: Arrays) -> Arrays:
        """Run a network; its results are copies."""
        places, size = placed(inputs)
        memory = self._room(max(size, self._least))
        for name, place in places.items():
            place.view(memory)[...] = inputs[name]
        answer = self.ask(Request(network, self._file, places))
        if any(not isinstance(part, Place) for part in answer.values()):
            self._least = placed(answer)[1]  # there was no room for it; there will be from now on
            return dict(answer)
        return {name: place.view(memory).copy() for name, place in answer.items()}

    def _room(self, size: int) -> mmap.mmap:
        """Mapped memory of at least `size` bytes.

        Raises:
            UsageError: the machine has no room for it.
        """
        if not self._file or len(self._memory) < size:
            folder = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
            try:
                number, self._file = tempfile.mkstemp(prefix="aez-", dir=folder)
                with os.fdopen(number, "r+b") as file:
                    _reserve(file.fileno(), size)
                    self._memory = mmap.mmap(file.fileno(), size)
            except OSError as error:
                raise UsageError(f"there is no room for {size} bytes of shared memory: {error.strerror}") from None
        return self._memory


def _reserve(number: int, size: int) -> None:
    """Make a file so long, and keep room for it now: a page that cannot be had later would kill the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(number, 0, size)
    else:
        os.truncate(number, size)
