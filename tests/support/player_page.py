"""The page of `aez serve` in a browser: a server in a thread, and what tests ask of a tab."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from codec import player
from codec.pipeline.workers import Engine
from codec.runtime.named_models import NamedModels
from codec.serve.library import Library

SECONDS = 3.0
"""Length of the songs."""


@contextmanager
def server_over(folder: Path, *models: str) -> Iterator[str]:
    """The address of a server over a folder, in a thread."""
    built = player.folder()
    if built is None:
        pytest.skip("the player was not built: npm ci && npm run build in codec/player")
    uvicorn = pytest.importorskip("uvicorn")
    from codec.serve.address import Address
    from codec.serve.app import Serving, make_app

    address = Address("127.0.0.1", 0, None)
    serving = Serving(Library(folder), Engine("cpu"), built, models=NamedModels(models))
    app = make_app(serving, hosts=address.hosts, password=None)
    with address.listen() as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield address.url(listening)
        server.should_exit = True
        thread.join(10)


def picture(tab: Any) -> int:
    """How many pixels of the spectrogram are drawn."""
    return int(
        tab.evaluate(
            "() => { const c = document.getElementById('spectrogram'); "
            "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; "
            "let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i] > 40) n++; return n; }"
        )
    )


def wait_until(tab: Any, script: str) -> None:
    """Wait until a script gives a true value; Playwright's own way is against the page's policy."""
    end = time.monotonic() + 20
    while not tab.evaluate(script):
        assert time.monotonic() < end, script
        tab.wait_for_timeout(30)
