"""What the server answers: lists, songs in parts, covers, pages; and what it refuses."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codec.runtime.models import by_name
from codec.runtime.named_models import NamedModels
from codec.version import __version__
from formats import Metadata
from tests.codec.serve.conftest import ARTIST, PNG, TITLE
from tests.support.cli_fakes import RATE, aez_file

Connect = Callable[..., Any]


def rows(client: Any, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/playlist.json", params={"q": query}).json()["songs"]
    return found


def test_list_songs_in_parts_and_covers(folder: Path, connect: Connect) -> None:
    client = connect(folder)
    listed = client.get("/playlist.json").json()
    assert (listed["title"], listed["total"]) == ("music", 3)
    (row,) = rows(client, "joga")
    data = (folder / "album" / "a second.aez").read_bytes()
    assert {key: row[key] for key in ("title", "artist", "album", "duration", "bytes")} == {
        "title": TITLE, "artist": ARTIST, "album": "Two", "duration": 3.0, "bytes": len(data),
    }  # fmt: skip
    assert client.get(row["src"]).content == data
    part = client.get(row["src"], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, data[100:200])
    assert client.get(row["src"], headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    cover = client.get(row["cover"])
    assert cover.content == PNG and cover.headers["content-type"] == "image/png"
    assert rows(client, "first")[0]["cover"] is None


def test_a_long_list_is_cut(folder: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.serve.app.LISTED", 2)
    client = connect(folder)
    listed = client.get("/playlist.json").json()
    assert (len(listed["songs"]), listed["total"]) == (2, 3)
    assert "1 more" in client.get("/").text
    rest = client.get("/playlist.json", params={"from": "2"}).json()
    assert [row["title"] for row in rest["songs"]] == [TITLE] and rest["total"] == 3
    for odd in ("-1", "x", "1e9", "9" * 5000, "²", ""):
        assert client.get("/playlist.json", params={"from": odd}).json() == listed
    assert client.get("/playlist.json", params={"from": "3"}).json()["songs"] == []


def test_what_a_browser_has_already_is_not_sent_again_until_it_changes(folder: Path, connect: Connect) -> None:
    client = connect(folder)
    (row,) = rows(client, "joga")
    path = folder / "album" / "a second.aez"
    for src in (row["src"], row["cover"], row["src"].replace(".aez", ".wav")):
        tag = client.get(src).headers["etag"]
        known = client.get(src, headers={"If-None-Match": tag})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
        assert client.get(src, headers={"If-None-Match": '"other"'}).status_code == 200
        assert client.get(src, headers={"If-Range": '"other"', "Range": "bytes=0-9"}).status_code == 200
        assert client.head(src).headers["etag"] == tag and "immutable" not in known.headers["cache-control"]
    tags = [client.get(row[name]).headers["etag"] for name in ("src", "cover")]
    os.utime(path, (10**9, 10**9))
    assert not set(tags) & {client.get(row[name]).headers["etag"] for name in ("src", "cover")}


def test_the_list_is_sent_small(folder: Path, connect: Connect) -> None:
    client = connect(folder)
    (folder / "long.aez").write_bytes(aez_file(RATE, Metadata({"TITLE": ("x" * 3000,)})))
    answer = client.get("/playlist.json", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip" and int(answer.headers["content-length"]) < 1000
    src = rows(client)[0]["src"]
    assert "content-encoding" not in client.get(src, headers={"Accept-Encoding": "gzip"}).headers


@pytest.mark.parametrize(
    "path",
    [
        "/songs/../../secret.aez",
        "/songs/..%2f..%2fsecret.aez",
        "/songs/%2e%2e/%2e%2e/secret.aez",
        "/songs/..%5c..%5csecret.aez",
        "/songs/%00.aez",
        "/songs/secret.aez",
        "/songs//etc/passwd.aez",
        "/songs/real.aez",
        "/covers/..%2f..%2fsecret.aez",
        "/player/..%2f..%2fsecret.aez",
        "/player/%2e%2e/%2e%2e/secret.aez",
        "/..%2fsecret.aez",
        "/%2e%2e/secret.aez",
        "/music/real.aez",
    ],
)
@pytest.mark.parametrize("with_player", [False, True])
def test_no_path_leads_out(folder: Path, tmp_path: Path, connect: Connect, path: str, with_player: bool) -> None:
    player = tmp_path / "dist"
    (player / "page").mkdir(parents=True)
    (player / "page" / "index.html").write_text("the page")
    (player / "link.aez").symlink_to(tmp_path / "secret.aez")
    client = connect(folder, player=player if with_player else None)
    assert rows(client)
    answer = client.get(path)
    assert answer.status_code in (400, 404) and len(answer.content) < 100
    assert client.get("/player/link.aez").status_code == 404


def test_nothing_can_be_sent_to_it(folder: Path, connect: Connect) -> None:
    client = connect(folder)
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, "/playlist.json", content=b"x").status_code == 405


def test_the_plain_page_escapes_what_strangers_wrote(folder: Path, connect: Connect) -> None:
    client = connect(folder)
    page = client.get("/", params={"q": '"><script>alert(1)</script>'}).text
    assert "<script" not in page and "&quot;&gt;&lt;script&gt;" in page
    page = client.get("/").text
    assert "Jóga &lt;b&gt;&amp;" in page and "Jóga <b>" not in page
    assert page.count("<audio") == 1 and page.count("a model that this server does not have") == 2
    assert "was not built" in page
    policy = client.get("/").headers["content-security-policy"]
    assert "script-src" not in policy and "default-src 'none'" in policy


def test_the_built_page_is_served_with_a_strict_policy(folder: Path, tmp_path: Path, connect: Connect) -> None:
    player = tmp_path / "dist"
    (player / "page").mkdir(parents=True)
    (player / "page" / "index.html").write_text("the page")
    (player / "aez.js").write_text("export {}")
    client = connect(folder, player=player)
    answer = client.get("/")
    assert answer.text == "the page" and "unsafe-inline" not in answer.headers["content-security-policy"]
    script = client.get("/player/aez.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["x-content-type-options"] == "nosniff"
    assert client.get("/player/aez.js", headers={"If-None-Match": script.headers["etag"]}).status_code == 304
    assert client.get(rows(client)[0]["src"].replace(".aez", ".wav")).status_code == 404


@pytest.mark.parametrize("accepted", ["gzip, deflate, br", "br, GZIP;q=0.5"])
def test_texts_of_the_player_are_sent_small_and_nothing_else_is(
    folder: Path, tmp_path: Path, connect: Connect, accepted: str
) -> None:
    player = tmp_path / "dist"
    text = "a text " * 9000
    for name in ("page/index.html", "page/page.css", "worker.js", "model.json", "decoder.bin.zst", "song.aez"):
        (player / name).parent.mkdir(parents=True, exist_ok=True)
        (player / name).write_text(text)
    client = connect(folder, player=player)
    asked = {"Accept-Encoding": accepted}
    for path in ("/", "/page.css", "/player/worker.js", "/player/model.json"):
        answer, plain = (client.get(path, headers={"Accept-Encoding": name}) for name in (accepted, "gzip;q=0, br"))
        assert answer.text == plain.text == text and "content-encoding" not in plain.headers
        assert answer.headers["content-encoding"] == "gzip" and int(answer.headers["content-length"]) < 1000
        assert answer.headers["content-type"] == plain.headers["content-type"]
        assert answer.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
        assert client.get(path, headers=asked | {"If-None-Match": answer.headers["etag"]}).status_code == 304
        if path == "/":
            continue  # is made for every answer, and has no parts
        part = client.get(path, headers=asked | {"Range": "bytes=2-5"})
        assert (part.status_code, part.content, "content-encoding" in part.headers) == (206, b"text", False)
        assert client.head(path, headers=asked).headers["content-length"] == str(len(text))
    for path in ("/player/decoder.bin.zst", "/player/song.aez"):
        answer = client.get(path, headers=asked)
        assert "content-encoding" not in answer.headers and answer.headers["content-length"] == str(len(text))
    (player / "worker.js").write_text("another text " * 9000)
    assert client.get("/player/worker.js", headers=asked).text.startswith("another")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "", "[::1", "127.0.0.2"]
)
def test_other_names_are_refused(folder: Path, connect: Connect, host: str) -> None:
    client = connect(folder)
    assert client.get("/playlist.json", headers={"Host": host}).status_code == 421
    assert client.get("/playlist.json", headers={"Host": "127.0.0.1:1234"}).status_code == 200


def test_other_sites_may_not_ask(folder: Path, connect: Connect) -> None:
    client = connect(folder)
    asked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert client.get("/playlist.json", headers=asked).status_code == 403
    assert client.get("/", headers=asked | {"Sec-Fetch-Mode": "navigate"}).status_code == 200
    assert client.get("/playlist.json").headers["cross-origin-resource-policy"] == "same-origin"


def test_the_password(folder: Path, connect: Connect) -> None:
    client = connect(folder, password="päss:word", hosts=None)

    def status(text: bytes, kind: str = "Basic") -> int:
        coded = base64.b64encode(text).decode()
        return int(client.get("/playlist.json", headers={"Authorization": f"{kind} {coded}"}).status_code)

    assert client.get("/playlist.json").status_code == 401
    assert "Basic" in client.get("/").headers["www-authenticate"]
    assert (
        status("anyone:päss:word".encode()) == status("päss:word".encode()[:0] + ":päss:word".encode(), "basic") == 200
    )
    for wrong in (b"", b"anyone:", "päss:word".encode(), b"a:p\xe4ss:word", "a:päss:word ".encode()):
        assert status(wrong) == 401
    assert status("a:päss:word".encode(), "Bearer") == 401
    assert client.get("/", headers={"Authorization": "Basic %%%"}).status_code == 401
    assert client.get("/songs/0.aez").status_code == client.get("/player/x").status_code == 401


@pytest.fixture
def with_models(folder: Path, own: SimpleNamespace, plain: bytes, tmp_path: Path, connect: Connect) -> Any:
    """A server with a player, over songs of one's own model, of a plain one, of the default one, and of none."""
    player = tmp_path / "dist"
    (player / "page").mkdir(parents=True)
    (player / "page" / "index.html").write_text("%MODEL% %VERSION%")
    (folder / "mine.aez").write_bytes(own.song)
    (folder / "plain.aez").write_bytes(plain)
    return connect(folder, player=player, models=NamedModels([str(own.folder)]))


def test_models_are_served_in_the_player_s_form(with_models: Any, own: SimpleNamespace) -> None:
    client = with_models
    assert client.get("/").text == client.get("/index.html").text == f"{own.bitstream} {__version__}"
    default = by_name().id.hex()
    for bitstream in (own.bitstream, default):
        card = client.get(f"/player/model/{bitstream}/model.json")
        assert card.json()["id"] == bitstream
        tag = {"If-None-Match": card.headers["etag"]}
        assert client.get(f"/player/model/{bitstream}/model.json", headers=tag).status_code == 304
        assert client.get(f"/player/model/{bitstream}/noise.bin.zst").content[:4] == b"\x28\xb5\x2f\xfd"
    plain = by_name("tiny-dense").id.hex()
    assert rows(client)
    for path in (
        f"{default}/x",
        f"{'0' * 16}/model.json",
        f"{plain}/model.json",
        f"{default}/..%2f..%2fmodel.json",
        "x/y",
    ):
        assert client.get(f"/player/model/{path}").status_code == 404


def test_what_the_player_cannot_run_is_a_wav_and_what_nobody_can_says_so(with_models: Any) -> None:
    client = with_models
    found = {row["title"]: row for row in rows(client)}
    assert "wav" not in found["mine"] | found["real"] and "problem" not in found["mine"] | found["real"]
    assert client.get(found["plain"]["wav"]).content[:4] == b"RIFF"
    assert client.get(found["mine"]["src"].replace(".aez", ".wav")).status_code == 404
    problem = found["First"]["problem"]
    assert "a model that this server does not have" in problem and "--model" in problem and "wav" not in found["First"]


def test_without_the_player_a_named_model_decodes_to_wav(folder: Path, own: SimpleNamespace, connect: Connect) -> None:
    (folder / "mine.aez").write_bytes(own.song)
    client = connect(folder, models=NamedModels([str(own.folder)]))
    (row,) = rows(client, "mine")
    assert len(client.get(row["wav"]).content) == 44 + 3 * RATE * 4
    assert "does not have" in client.get("/").text and client.get("/").text.count("<audio") == 2
