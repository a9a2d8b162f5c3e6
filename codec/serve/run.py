"""Runs the server: a socket, uvicorn around the application, and what has to be known before."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from codec.clock import counted
from codec.serve.address import Address
from formats.errors import UsageError

CONNECTIONS = 1000
"""Connections that are answered at a time; others get the answer that the server is busy."""


@dataclass(frozen=True)
class Encoding:
    """How songs of other formats are encoded on demand: kbit/s, the cache's folder, encodings at a time."""

    bitrate: float
    cache: Path
    most: int


def serve(
    folder: Path,
    address: Address,
    *,
    encoding: Encoding | None = None,
    models: Sequence[str] = (),
    open_browser: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a folder until a signal ends it.

    Args:
        folder: what is served.
        address: where.
        encoding: how songs of other formats are encoded; None leaves them out.
        models: names or folders of models, for songs of models that are not installed; the first of them encodes.
        open_browser: whether to open the page in the user's browser.
        say: called with lines for the user.

    Raises:
        UsageError: it cannot be served there, or the extra is not installed; ModelError: there is no such model.
    """
    try:
        import uvicorn

        from codec.serve.app import Serving, make_app
    except ModuleNotFoundError as error:
        if error.name not in ("uvicorn", "starlette", "anyio"):
            raise
        raise UsageError("a server needs two more packages: pip install 'aez[serve]'") from None
    from codec import player
    from codec.pipeline.plan import EncodePlan
    from codec.pipeline.workers import Engine
    from codec.runtime.named_models import NamedModels
    from codec.serve.library import Library
    from codec.serve.on_demand import OnDemand

    address.check()
    known = NamedModels(models)
    engine = Engine("cpu")
    on_demand = None
    if encoding:
        plan = EncodePlan.make(bitrate=encoding.bitrate, model=known.first)
        on_demand = OnDemand(encoding.cache, plan, engine, encoding.most)
    library = Library(folder, audio=encoding is not None, without=encoding.cache if encoding else None)
    count = len(library.songs())
    built = player.folder()
    app = make_app(
        Serving(library, engine, built, on_demand, known),
        hosts=address.hosts,
        password=address.password,
        report=lambda line: say(f"aez: warning: {line}"),
    )
    with address.listen() as listening:
        url = address.url(listening)
        say(f"{counted(count, 'song')} of {folder} at {url} (Ctrl-C ends it)")
        if others := address.url_for_others(listening):
            say(f"from other machines of this network: {others}")
        if not built:
            say("the player for browsers was not built, so songs are decoded here and sent as wav")
        for model in known.at_hand if built else ():
            if model.kind != "ranked":
                say(f"browsers cannot run model {model.name!r}, so its songs are decoded here and sent as wav")
        if open_browser:
            threading.Timer(0.3, webbrowser.open, (url,)).start()
        config = uvicorn.Config(
            app, log_level="critical", access_log=False, server_header=False, proxy_headers=False, ws="none",
            limit_concurrency=CONNECTIONS, timeout_graceful_shutdown=1,
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[listening])
