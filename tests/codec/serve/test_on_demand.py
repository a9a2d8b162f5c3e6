"""Songs of other formats: encoded once, when somebody asks, into the folder that the user names."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from codec.pipeline.plan import EncodePlan
from codec.pipeline.workers import Engine
from codec.serve import library, on_demand
from formats import Reader
from formats.errors import UsageError

RATE = 8000


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def client(tiny: object, tmp_path: Path, cache: Path, connect: Callable[..., Any]) -> Any:
    from codec.serve.on_demand import OnDemand

    folder = tmp_path / "music"
    folder.mkdir()
    for name in ("one", "two"):
        tone = np.sin(np.arange(RATE) * (0.1 + 0.1 * (name == "two"))) * 0.5
        soundfile.write(folder / f"{name}.flac", tone, RATE)
    (folder / "broken.mp3").write_bytes(b"no music")
    (folder / "notes.txt").write_text("no song")
    return connect(folder, on_demand=lambda engine: OnDemand(cache, EncodePlan.make(latent=64), engine, 1))


def sources(client: Any) -> dict[str, str]:
    return {row["title"]: row["src"] for row in client.get("/playlist.json").json()["songs"]}


def test_a_song_has_a_duration_before_it_is_encoded(client: Any, cache: Path) -> None:
    rows = client.get("/playlist.json").json()["songs"]
    assert {row["title"]: row["duration"] for row in rows} == {"one": 1.0, "two": 1.0, "broken": None}
    assert not list(cache.iterdir())


def test_a_song_is_encoded_once_whoever_asks(client: Any, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []
    real = on_demand.encode_file

    def counted(source: Path, *rest: Any, **options: Any) -> Any:
        calls.append(source)
        return real(source, *rest, **options)

    monkeypatch.setattr(on_demand, "encode_file", counted)
    found = sources(client)
    assert set(found) == {"one", "two", "broken"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(client.get, [found["one"]] * 4))
    assert len({answer.content for answer in answers}) == 1 and len(calls) == 1
    (made,) = cache.iterdir()
    assert made.read_bytes() == answers[0].content
    with made.open("rb") as file:
        assert Reader(file).samples == RATE
    part = client.get(found["one"], headers={"Range": "bytes=0-7"})
    assert part.status_code == 206 and part.content == b"\x89AEZ\r\n\x1a\n" and len(calls) == 1


def test_what_cannot_be_encoded_says_so_and_leaves_nothing(client: Any, cache: Path) -> None:
    answer = client.get(sources(client)["broken"])
    assert answer.status_code == 422 and "\n" not in answer.text
    assert "broken.mp3" in answer.text and str(cache.parent) not in answer.text
    assert not list(cache.iterdir())


def test_a_song_that_changed_is_encoded_anew(
    client: Any, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "FRESH", -1.0)
    source = sources(client)["one"]
    before = client.get(source).content
    soundfile.write(tmp_path / "music" / "one.flac", np.zeros(RATE * 2), RATE)
    after = client.get(source).content
    assert after != before
    assert [path.read_bytes() for path in cache.iterdir()] == [after]


def test_an_aez_file_beside_takes_the_place_of_its_source(client: Any, tmp_path: Path) -> None:
    (tmp_path / "music" / "one.aez").write_bytes(client.get(sources(client)["one"]).content)
    songs = library.Library(tmp_path / "music", audio=True).songs()
    assert [song.path.name for song in songs] == ["broken.mp3", "one.aez", "two.flac"]
    everything = library.Library(tmp_path, audio=True, without=tmp_path / "cache")
    assert len(everything.songs()) == 3  # not what is cached


def test_a_folder_that_cannot_be_written_is_told_at_the_start(
    tiny: object, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_demand.os, "access", lambda *_: False)
    with pytest.raises(UsageError, match="cannot be written"):
        on_demand.OnDemand(cache, EncodePlan.make(latent=64), Engine("cpu"), 1)
