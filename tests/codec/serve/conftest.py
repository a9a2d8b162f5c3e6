"""A folder of songs, and clients of a server over it, in this process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codec.pipeline.workers import Engine
from codec.serve.library import Library
from formats import Metadata
from formats.container.metadata import Picture
from tests.support.cli_fakes import RATE, aez_file
from tests.support.codec import Array, encoded

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1000
TAGS = {"TITLE": ("Jóga <b>&",), "ARTIST": ("Björk", "Other"), "ALBUM": ("Two",), "TRACKNUMBER": ("2/9",)}
TITLE, ARTIST = "Jóga <b>&", "Björk, Other"


@pytest.fixture(scope="session")
def coded(tiny: SimpleNamespace, music: Array) -> bytes:
    """25 s of music in the tiny model, in chunks of 4 s."""
    return encoded(music, latent=64, chunk_frames=252)


@pytest.fixture(scope="session")
def plain(tiny: SimpleNamespace, music: Array) -> bytes:
    """3 s of music in a plain model."""
    return encoded(music[:, : 3 * RATE], latent=40, model="tiny-dense")


@pytest.fixture
def folder(tmp_path: Path, coded: bytes) -> Path:
    """Two songs of an album, and a real one without tags beside it; a secret outside."""
    folder = tmp_path / "music"
    (folder / "album").mkdir(parents=True)
    (folder / "album" / "a second.aez").write_bytes(
        aez_file(
            3 * RATE,
            Metadata(TAGS, (Picture(b"back", "image/png", 4), Picture(PNG, "image/png"), Picture(b"icon", "", 1))),
        )
    )
    (folder / "album" / "first.aez").write_bytes(aez_file(RATE, Metadata({"TITLE": ("First",), "TRACKNUMBER": ("1",)})))
    (folder / "real.aez").write_bytes(coded)
    (tmp_path / "secret.aez").write_bytes(coded[:-1])
    return folder


@pytest.fixture
def connect() -> Iterator[Callable[..., Any]]:
    """Opens clients of servers over folders; without a player, unless one is named."""
    pytest.importorskip("starlette")
    from starlette.testclient import TestClient

    from codec.runtime.named_models import NamedModels
    from codec.serve.app import Serving, make_app

    with ExitStack() as stack:

        def opened(
            folder: Path, *, player: Path | None = None, on_demand: Any = None, models: Any = None, **options: Any
        ) -> Any:
            library = Library(folder, audio=on_demand is not None)
            engine = Engine("cpu")
            made = on_demand(engine) if on_demand else None
            who = {"hosts": ("localhost", "127.0.0.1"), "password": None} | options
            serving = Serving(library, engine, player, made, models or NamedModels())
            app = make_app(serving, **who)
            return stack.enter_context(TestClient(app, "http://localhost:8000", raise_server_exceptions=False))

        yield opened
