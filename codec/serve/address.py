"""Where the server listens, and who can reach it there."""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass

from formats.errors import UsageError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names of this machine in addresses of a browser on it."""


def is_loopback(host: str) -> bool:
    """Return whether a name or address to bind to can be reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Address:
    """Where to listen; a port of 0 takes a free one."""

    host: str
    port: int
    password: str | None

    def check(self) -> None:
        """Refuse to be open to others without a password.

        Raises:
            UsageError: it would be.
        """
        if not is_loopback(self.host) and not self.password:
            raise UsageError(f"others can reach {self.host}: it needs a password")

    @property
    def hosts(self) -> tuple[str, ...] | None:
        """Names that a browser may have for the server, as for `Guard`."""
        return (*LOOPBACK, self.host) if is_loopback(self.host) else None

    def listen(self) -> socket.socket:
        """Return a socket that listens.

        Raises:
            UsageError: the port is taken, or the host is not this machine.
        """
        try:
            family = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((self.host, self.port), family=family, backlog=512)
        except OSError as error:
            number = error.errno or 0  # below zero, it is that of a name that leads nowhere
            reason = os.strerror(number) if number > 0 else error.strerror or error
            raise UsageError(f"cannot listen on {self.host}, port {self.port}: {reason}") from None

    def url(self, listening: socket.socket) -> str:
        """Return what to type into a browser on this machine."""
        name = self.host
        if name in ("0.0.0.0", "::"):
            name = "127.0.0.1" if name == "0.0.0.0" else "::1"
        return _url(name, listening)

    def url_for_others(self, listening: socket.socket) -> str | None:
        """Return what to type on another machine of the network; None where none is reached, or none was meant."""
        if self.host not in ("0.0.0.0", "::"):
            return None
        probe = ("192.0.2.1", 9) if self.host == "0.0.0.0" else ("2001:db8::1", 9)
        try:
            with socket.socket(listening.family, socket.SOCK_DGRAM) as asking:
                asking.connect(probe)  # sends nothing: it only chooses the address that would be used
                return _url(asking.getsockname()[0], listening)
        except OSError:
            return None


def _url(name: str, listening: socket.socket) -> str:
    bracketed = f"[{name}]" if ":" in name else name
    return f"http://{bracketed}:{listening.getsockname()[1]}/"
