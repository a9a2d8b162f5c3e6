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
import time
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, NamedTuple, Self

from codec.runtime.batching import Arrays
from codec.runtime.session import Network, Networks
from codec.runtime.shared_memory import ALIGNED, Place, attached, created, forget, placed
from formats.errors import AezError, ModelError

BACKLOG = 64
"""Connections that may wait to be accepted: all workers start at the same time."""

LONGEST = 100
"""Bytes that the path of a socket may have everywhere."""

PAUSE = 0.05
"""Seconds to wait where a connection could not be taken, for want of files or threads."""


class Request(NamedTuple):
    """A call: the number of the network, the mapped memory and its size, and where the inputs are in it."""

    network: int
    memory: str
    size: int
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
        path = str(Path(self._folder.name, "networks"))
        if len(os.fsencode(path)) > LONGEST:
            path = f"\0aez-{secrets.token_hex(16)}"  # without a file, on Linux
        address = None if os.name == "nt" else path
        self._listener = Listener(address, backlog=BACKLOG, authkey=self.key)
        self.address = self._listener.address

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="aez-server", daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closed = True
        with suppress(OSError):
            Client(self.address).close()  # a thread that waits in `accept` is not woken by `close`
        self._listener.close()
        self._folder.cleanup()

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection = self._listener.accept()
            except (EOFError, ConnectionError, AuthenticationError):  # it went away, or does not know the key
                continue
            except OSError:
                time.sleep(PAUSE)
                continue
            try:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
            except RuntimeError:  # no more threads
                connection.close()
                time.sleep(PAUSE)

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
                except Exception as error:  # the caller has to know, whatever it is
                    answer = ModelError(f"a network cannot be run: {type(error).__name__}: {error}")
                connection.send(answer)

    def _open(self, asked: tuple[bytes, set[str], frozenset[str], int | None]) -> tuple[int, str]:
        network = self._networks.network(*asked)
        with self._lock:
            self._known.append(network)
            return len(self._known) - 1, network.provider

    def _call(self, asked: Request, mapped: dict[str, mmap.mmap]) -> dict[str, Place] | Arrays:
        """Run a call. Its results take the place of its inputs; where they need more room, they are sent themselves."""
        if asked.memory not in mapped:
            mapped.clear()
            mapped[asked.memory] = attached(asked.memory, asked.size)
        memory = mapped[asked.memory]
        found = self._known[asked.network](**{name: place.view(memory) for name, place in asked.inputs.items()})
        places, size = placed(found)
        if size > len(memory):
            return found
        for name, place in places.items():
            place.view(memory)[...] = found[name]
        return places


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
        """This thread's line to the server; a new one if the last one broke."""
        if not hasattr(self._own, "line") or self._own.line.broken:
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
    """A thread's connection to the server, and the memory through which its arrays go.

    Attributes:
        broken: whether the connection was lost.
    """

    def __init__(self, address: Any, key: bytes) -> None:
        try:
            self._connection = Client(address, authkey=key)
        except (OSError, EOFError, AuthenticationError) as error:
            raise ModelError(f"the process that runs the networks cannot be reached: {error}") from None
        self.broken = False
        self._name, self._memory, self._least = "", mmap.mmap(-1, ALIGNED), 0

    def ask(self, what: Any) -> Any:
        """Send a question and wait for the answer.

        Raises:
            UsageError, ModelError: what the server raised, or that it is gone.
        """
        try:
            self._connection.send(what)
            answer = self._connection.recv()
        except (OSError, EOFError):
            self.broken = True
            self._connection.close()
            forget(self._name)
            raise ModelError("the process that runs the networks has ended") from None
        if isinstance(answer, AezError):
            raise answer
        return answer

    def call(self, network: int, inputs: Arrays) -> Arrays:
        """Run a network; its results are copies.

        Raises:
            UsageError: the machine has no room for the arrays; ModelError: as `ask`.
        """
        places, size = placed(inputs)
        if not self._name or len(self._memory) < max(size, self._least):
            self._name, self._memory = created(max(size, self._least))
        memory = self._memory
        for name, place in places.items():
            place.view(memory)[...] = inputs[name]
        answer = self.ask(Request(network, self._name, len(memory), places))
        if any(not isinstance(part, Place) for part in answer.values()):
            self._least = placed(answer)[1]  # there was no room for it; there will be from now on
            return dict(answer)
        return {name: place.view(memory).copy() for name, place in answer.items()}
