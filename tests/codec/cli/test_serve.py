"""`aez serve`: what it refuses before it listens, and the real server over a socket."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codec.runtime.models import by_name
from tests.support.cli_fakes import PROGRAM, RATE, aez, aez_file
from tests.support.model_folders import own_model

pytest.importorskip("uvicorn")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--host", "0.0.0.0"], "needs a password"),
        (["--host", "192.168.1.2", "--port", "0"], "needs a password"),
        (["--password", ""], "empty"),
        (["--encode", "16"], "belong together"),
        (["--encode", "24k"], "belong together"),
        (["--cache", "."], "belong together"),
        (["--encode", "4", "--cache", "."], "from 6 to 128"),
        (["--port", "65536"], "65535"),
    ],
)
def test_wrong_usage(tmp_path: Path, options: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert aez("serve", tmp_path, *options) == 2
    assert told in capsys.readouterr().err


def test_what_is_wrong_with_the_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert aez("serve", tmp_path / "none") == 2
    capsys.readouterr()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert aez("serve", tmp_path, "--port", taken.getsockname()[1]) == 1
    err = capsys.readouterr().err
    assert "cannot listen" in err and "in use" in err and err.count("\n") == 1
    assert aez("serve", tmp_path, "--host", "192.0.2.1", "--password", "x", "--port", "0") == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert aez("serve", tmp_path) == 1
    err = capsys.readouterr().err
    assert "pip install 'aez[serve]'" in err and err.count("\n") == 1


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    """The server in a process, its port, and its folder."""
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "song.aez").write_bytes(aez_file(3 * RATE))
    (tmp_path / "secret.aez").write_bytes(b"secret")
    command = [sys.executable, "-c", PROGRAM, "serve", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "HOME": str(tmp_path)})
    assert process.stderr is not None
    found = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stderr.readline())
    assert found
    yield process, int(found[1]), folder
    process.kill()
    process.wait()
    process.stderr.close()


def test_the_server_over_a_socket(server: tuple[subprocess.Popen[str], int, Path]) -> None:
    process, port, folder = server

    def status(target: str) -> int:
        """Of a request as it stands: a client would tidy the path up."""
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.putrequest("GET", target)
            connection.endheaders()
            return connection.getresponse().status

    assert status("/playlist.json") == 200
    for path in ("/../secret.aez", "/songs/../../secret.aez", "/songs/..%2f..%2fsecret.aez", "//etc/passwd", "/%"):
        assert status(path) in (400, 404)
    before = sorted(path for path in folder.parent.rglob("*"))
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]  # readers who never read
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", "/playlist.json")
        listed = connection.getresponse().read().decode()
    source = re.search(r"songs/[0-9a-f]{16}\.aez", listed)
    assert source
    for reader in slow:
        reader.sendall(f"GET /{source[0]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert status(f"/{source[0]}") == 200
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130 and time.monotonic() - begun < 5
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    assert sorted(path for path in folder.parent.rglob("*")) == before
    for reader in slow:
        reader.close()


def test_models_are_named_and_the_first_one_encodes(
    tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[Any] = []
    monkeypatch.setattr("codec.serve.app.make_app", lambda serving, **_: made.append(serving))
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: None)
    monkeypatch.setattr("codec.player.folder", lambda: tmp_path)
    own = own_model(tmp_path)
    songs, cache = tmp_path / "songs", tmp_path / "cache"
    songs.mkdir()
    cache.mkdir()
    options = ["--port", 0, "--model", own, "--model", "tiny-dense", "--encode", 16, "--cache", cache]
    assert aez("serve", songs, *options) == 0
    assert "browsers cannot run model 'tiny-dense', so its songs are decoded here" in capsys.readouterr().err
    (serving,) = made
    assert serving.on_demand.bitstream == by_name(str(own)).id == serving.models.first.id
    assert aez("serve", tmp_path, "--port", 0, "--model", tmp_path) == 1
    assert capsys.readouterr().err.startswith(f"aez: error: there is no model '{tmp_path}'")
