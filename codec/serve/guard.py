"""Who may ask: the password, and what keeps other web sites from asking through a listener's browser."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from formats.errors import AezError

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; connect-src 'self' blob: data: http: https:; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the page: nothing is loaded from elsewhere but songs that ?src= names."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""Headers of every response that does not have its own."""


class Guard:
    """Wraps an ASGI application, and answers in its place who may not ask."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str] | None,
        password: str | None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Wrap an application.

        Args:
            app: what answers all others.
            hosts: names that a browser may have for this server; None for any. It keeps a web site whose name was made
                to lead to this machine (DNS rebinding) from reading what is served.
            password: what a browser has to know; None for nothing. Any user name will do.
            report: called with a line about an answer that could not be given, or not to its end.
        """
        self._app = app
        self._hosts = hosts
        self._report = report
        self._password = None if password is None else password.encode("utf-8", "surrogateescape")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        try:
            await (refusal or self._app)(scope, receive, send_guarded)
        except Exception as error:
            cause = error.__cause__ or error  # Starlette hands on what came too late for an answer as a RuntimeError
            kind = "" if isinstance(cause, AezError) else f"{type(cause).__name__}: "
            self._report(f"{scope['path']}: {kind}{cause}")
            raise  # the server has to break the connection off

    def _refusal(self, headers: Headers) -> PlainTextResponse | None:
        if self._hosts is not None and _host(headers.get("host", "")) not in self._hosts:
            return PlainTextResponse("this server does not go by that name", 421)
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return PlainTextResponse("other web sites may not ask", 403)
        if self._password is not None and not self._knows(headers.get("authorization", "")):
            return PlainTextResponse(
                "a password is needed", 401, {"WWW-Authenticate": 'Basic realm="aez", charset="UTF-8"'}
            )
        return None

    def _knows(self, authorization: str) -> bool:
        kind, _, coded = authorization.partition(" ")
        try:
            given = base64.b64decode(coded, validate=True) if kind.lower() == "basic" else b""
        except ValueError:
            given = b""
        return hmac.compare_digest(given.partition(b":")[2], self._password or b"")


def _host(header: str) -> str:
    """The name in a Host header, without the port; empty where there is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""
