"""The page in a real browser, through the server: it plays, seeks, shows and survives; where the player was built."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codec.audio.source import ArraySource
from codec.pipeline.encode import encode
from codec.pipeline.plan import EncodePlan
from codec.pipeline.workers import Engine
from formats import Metadata
from formats.container.metadata import Picture
from tests.support.browsers import web_server
from tests.support.player_page import SECONDS, picture, server_over, wait_until
from training.data.songs import song

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)
TITLE = 'Ülé <b>one</b> & "two"'


class Tagged(ArraySource):
    """A song with tags and a cover."""

    tags = Metadata(
        {"TITLE": (TITLE,), "ARTIST": ("The <i>Band</i>",), "ALBUM": ("Both",)}, (Picture(PNG, "image/png"),)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two songs of 3 s and one that is damaged in its first chunk, by the model that the player has."""
    folder = tmp_path_factory.mktemp("music")
    with Engine("cpu") as engine:
        for number, source in enumerate((Tagged, ArraySource, ArraySource)):
            with (folder / f"{number} song.aez").open("wb") as file:
                encode(
                    source(song(SECONDS, seed=number + 1), 44100),
                    file,
                    EncodePlan.make(latent=64, model="music"),
                    engine=engine,
                )
    damaged = bytearray((folder / "2 song.aez").read_bytes())
    damaged[300] ^= 255
    (folder / "2 song.aez").write_bytes(damaged)
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[str]:
    """The address of a server over the folder."""
    with server_over(folder) as address:
        yield address


Visit = Callable[..., Any]


@pytest.fixture
def visit(browser: Any, served: str) -> Iterator[Visit]:
    """Opens the page in a fresh profile; at the end, no error may be on its console, and nothing from elsewhere."""
    contexts: list[Any] = []
    wrong: list[str] = []

    def opened(path: str = "", **options: Any) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 860}} | options))
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(20_000)
        tab.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
        tab.on("pageerror", lambda e: wrong.append(str(e)))
        tab.on("request", lambda r: None if r.url.startswith((served, "blob:")) else wrong.append(r.url))
        tab.on("dialog", lambda d: wrong.append(d.message))
        tab.goto(served + path)
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert not wrong


def test_a_song_plays_to_its_end_and_the_next_one_follows(visit: Visit) -> None:
    tab = visit()
    wait_until(tab, "!document.getElementById('seek').disabled")
    assert tab.inner_text("#title") == TITLE and tab.inner_text("#artist") == "The <i>Band</i> · Both"
    assert tab.evaluate("document.querySelectorAll('main b, main i').length") == 0
    wait_until(tab, "document.getElementById('cover').naturalWidth === 1")
    assert tab.locator("#songs li").count() == 3
    begun = time.monotonic()
    tab.keyboard.press("Space")
    wait_until(tab, "document.getElementById('play').hasAttribute('data-playing')")
    heard = time.monotonic()
    assert TITLE in tab.inner_text("#announcer") or tab.get_attribute("#play", "aria-label") == "Pause"
    wait_until(tab, "document.getElementById('title').textContent === '1 song'")
    ended = time.monotonic()
    assert ended - begun > SECONDS - 0.5 and ended - heard < SECONDS + 6
    wait_until(tab, "document.getElementById('position').textContent === '0:01'")
    assert "kbit/s" in tab.inner_text("#facts")
    assert picture(tab) > 100


def test_keys_seek_pause_and_mute(visit: Visit) -> None:
    tab = visit()
    wait_until(tab, "!document.getElementById('seek').disabled")
    tab.keyboard.press("ArrowRight")  # five seconds, and the song has three
    assert tab.inner_text("#position") == "0:03"
    box = tab.locator("#seek").bounding_box()
    tab.mouse.click(box["x"] + box["width"] / 3, box["y"] + box["height"] / 2)
    assert tab.inner_text("#position") in ("0:00", "0:01")
    tab.keyboard.press("m")
    assert tab.get_attribute("#mute", "aria-pressed") == "true"
    tab.keyboard.press("ArrowDown")
    assert tab.get_attribute("#mute", "aria-pressed") == "false"
    assert float(tab.input_value("#volume")) == pytest.approx(0.95)
    tab.keyboard.press("Space")
    wait_until(tab, "document.getElementById('seek').valueAsNumber > 1.3")
    tab.keyboard.press("Space")
    at = tab.evaluate("document.getElementById('seek').valueAsNumber")
    tab.wait_for_timeout(400)
    assert abs(tab.evaluate("document.getElementById('seek').valueAsNumber") - at) < 0.2
    assert "of 3 seconds" in tab.get_attribute("#seek", "aria-valuetext")
    tab.click("#mute")
    assert tab.evaluate("document.activeElement === document.body")  # else space would unmute
    tab.reload()
    assert tab.get_attribute("#mute", "aria-pressed") == "true"
    tab.keyboard.press("m")
    assert float(tab.input_value("#volume")) == pytest.approx(0.95)


def test_a_damaged_part_is_silent_and_told_in_a_line_and_the_rest_plays(visit: Visit, folder: Path) -> None:
    tab = visit()
    tab.click("#songs li:nth-child(3) button")
    wait_until(tab, "document.getElementById('problem').textContent")
    assert tab.inner_text("#problem") == "The file is damaged: 0:00 to 0:02 is silent."
    wait_until(tab, "document.getElementById('seek').valueAsNumber > 2.2")
    assert tab.get_attribute("#play", "aria-label") == "Pause"
    tab.click("#songs li:nth-child(2) button")
    wait_until(tab, "document.getElementById('seek').valueAsNumber > 0.3")
    assert not tab.inner_text("#problem")
    tab.set_input_files("#files", {"name": "no.aez", "mimeType": "", "buffer": b"not a song"})
    wait_until(tab, "document.getElementById('problem').textContent")
    tab.set_input_files("#files", folder / "0 song.aez")
    wait_until(tab, "document.getElementById('seek').valueAsNumber > 0.3")
    assert tab.inner_text("#title") == TITLE and tab.locator("#songs li").count() == 5


def test_files_that_are_opened_after_a_search_stay_in_the_list_and_leave_the_search(visit: Visit, folder: Path) -> None:
    tab = visit()
    data = (folder / "1 song.aez").read_bytes()
    tab.set_input_files("#files", [{"name": f"mine {n}.aez", "mimeType": "", "buffer": data} for n in range(5)])
    assert tab.is_visible("#search") and tab.locator("#songs li").count() == 8
    tab.fill("#search", "one")
    wait_until(tab, "document.querySelectorAll('#songs li').length === 1")
    tab.set_input_files("#files", {"name": "last.aez", "mimeType": "", "buffer": data})
    assert tab.is_visible("#search") and tab.locator("#songs li").count() == 9
    assert not tab.inner_text("#hint")
    tab.fill("#search", "one")
    wait_until(tab, "document.querySelectorAll('#songs li').length === 1")
    tab.fill("#search", "")
    wait_until(tab, "document.querySelectorAll('#songs li').length === 9")


def test_a_folder_is_dropped_and_what_is_no_song_in_it_is_passed_over(
    visit: Visit, folder: Path, tmp_path: Path
) -> None:
    tab = visit()
    wait_until(tab, "document.querySelectorAll('#songs li').length === 3")
    (tmp_path / "album" / "more").mkdir(parents=True)
    for name in ("2 two", "10 ten", "more/deep", "._2 two"):
        (tmp_path / "album" / f"{name}.aez").write_bytes((folder / "1 song.aez").read_bytes())
    (tmp_path / "album" / "3 three.aez").write_bytes(b"no song")
    (tmp_path / "album" / "cover.jpg").write_bytes(b"no song")
    session = tab.context.new_cdp_session(tab)

    def drop(path: Path) -> None:
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            session.send("Input.dispatchDragEvent", {"type": kind, "x": 90, "y": 90, "data": data})

    drop(tmp_path / "album")
    wait_until(tab, "document.querySelectorAll('#songs li').length === 7")
    assert tab.locator("#songs .title").all_inner_texts()[:4] == ["2 two", "3 three", "10 ten", "deep"]
    wait_until(tab, "document.getElementById('seek').valueAsNumber > 0.3")
    tab.keyboard.press("ArrowRight")  # to its end: what follows is no song, and what follows that is played
    wait_until(tab, "document.getElementById('title').textContent === '10 ten'")
    wait_until(tab, "document.getElementById('seek').valueAsNumber > 0.3")
    assert tab.inner_text("#problem") == "3 three: this is not an .aez file"
    drop(tmp_path / "album" / "cover.jpg")
    wait_until(tab, "document.getElementById('problem').textContent === 'cover.jpg is no .aez file'")
    assert tab.locator("#songs li").count() == 7


def test_a_long_list_comes_in_parts_and_is_played_past_the_first(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.serve.app.LISTED", 1)
    tab = visit()
    wait_until(tab, "!document.getElementById('seek').disabled")
    assert tab.inner_text("#more") == "Show more (2)" and tab.locator("#songs li").count() == 1
    tab.keyboard.press("Space")
    wait_until(tab, "document.getElementById('seek').valueAsNumber > 0.1")
    tab.keyboard.press("ArrowRight")
    wait_until(tab, "document.getElementById('title').textContent === '1 song'")
    tab.click("#more")
    wait_until(tab, "document.querySelectorAll('#songs li').length === 3")
    assert not tab.is_visible("#more") and tab.evaluate("document.activeElement.className") == "row"


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_phone_and_desk(visit: Visit, width: int, scheme: str, tmp_path: Path) -> None:
    tab = visit(viewport={"width": width, "height": 840}, color_scheme=scheme, has_touch=width < 500)
    wait_until(tab, "!document.getElementById('seek').disabled")
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) is (scheme == "dark")
    for name in ("play", "mute", "open"):
        box = tab.locator(f"#{name}").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["height"] >= 36
    assert tab.screenshot(path=tmp_path / "page.png")
    tab.set_viewport_size({"width": width, "height": 300})
    tab.evaluate("scrollTo(0, document.body.scrollHeight)")
    wait_until(tab, "!document.getElementById('mini').hidden")  # what plays stays in sight
    assert tab.inner_text("#mini-title") == f"{TITLE} – The <i>Band</i>"
    tab.click("#mini-title")
    wait_until(tab, "document.getElementById('mini').hidden")


def test_the_focus_goes_through_the_page_in_order(visit: Visit) -> None:
    tab = visit()
    wait_until(tab, "!document.getElementById('seek').disabled")
    order = []
    for _ in range(9):
        tab.keyboard.press("Tab")
        order.append(tab.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert order[:7] == ["seek", "previous", "play", "next", "mute", "volume", "open"]
    assert order[7].startswith("1" + TITLE) and order[8].startswith("2" + "1 song")


@pytest.fixture
def hosted(folder: Path, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A site of `aez page` on a plain web server, which `stop` ends."""
    from codec.serve.site import make_site

    make_site([folder / "1 song.aez"], tmp_path / "site", title="Away")
    with web_server(tmp_path / "site") as server:
        yield SimpleNamespace(url=server.url, folder=tmp_path / "site", stop=server.stop)


def rewrite(path: Path, text: str) -> None:
    """Write a file anew, 2 s younger than it was: the server tells versions apart by whole seconds."""
    later = path.stat().st_mtime + 2
    path.write_text(text)
    os.utime(path, (later, later))


def test_a_site_works_offline_and_never_shows_an_old_page(hosted: SimpleNamespace, browser: Any, folder: Path) -> None:
    context = browser.new_context()
    tab = context.new_page()
    tab.set_default_timeout(20_000)
    kept = "caches.keys().then(all => Promise.all(all.map(n => caches.open(n).then(c => c.match('page.js')))))"
    is_kept = f"{kept}.then(all => all.some(Boolean))"
    tab.goto(hosted.url)
    wait_until(tab, "!!navigator.serviceWorker.controller")
    assert tab.evaluate(is_kept) and tab.evaluate("caches.match('playlist.json').then(Boolean)")
    page = hosted.folder / "index.html"
    whole = page.read_text()
    rewrite(page, "<!doctype html><title>another site</title>")  # at the same address: it has to be seen at once
    tab.goto(hosted.url)
    assert tab.title() == "another site" and not tab.evaluate(is_kept)
    rewrite(page, whole)
    tab.goto(hosted.url)
    wait_until(tab, is_kept)
    wait_until(tab, "!!document.querySelector('#songs .keep')")
    assert "kB" in tab.get_attribute("#songs .keep", "aria-label")
    tab.click("#songs .keep")
    wait_until(tab, "document.querySelector('#songs .keep').ariaPressed === 'true'")
    of_song = kept.replace("page.js", "songs/1-song.aez")
    assert tab.evaluate(f"{of_song}.then(all => all.filter(Boolean).length)") == 1
    hosted.stop()
    tab.goto(hosted.url)
    wait_until(tab, "!document.getElementById('play').disabled")
    tab.keyboard.press("Space")
    wait_until(tab, "document.getElementById('seek').valueAsNumber > 0.3")
    assert tab.inner_text("#title") == "1 song" and not tab.inner_text("#problem")
    assert tab.get_attribute("#songs .keep", "aria-pressed") == "true"
    tab.click("#songs .keep")
    wait_until(tab, f"{of_song}.then(all => !all.some(Boolean))")
    assert tab.get_attribute("#songs .keep", "aria-pressed") == "false"
    tab.set_input_files("#files", folder / "0 song.aez")
    wait_until(tab, "document.getElementById('seek').valueAsNumber > 0.3")
    assert tab.inner_text("#title") == TITLE
    context.close()


def test_a_new_page_has_its_new_files_and_list_though_the_browser_holds_old_ones(
    hosted: SimpleNamespace, browser: Any
) -> None:
    script, songs, page = (hosted.folder / name for name in ("page.js", "playlist.json", "index.html"))
    for path in (script, songs):
        os.utime(path, (10**9, 10**9))  # so old that a browser would ask for it again in years only
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(hosted.url)
    wait_until(tab, "!!navigator.serviceWorker.controller")
    rewrite(songs, songs.read_text().replace("Away", "Later"))
    tab.goto(hosted.url)
    wait_until(tab, "document.getElementById('heading').textContent === 'Later'")
    rewrite(script, "document.title = 'new'")
    rewrite(page, re.sub('(name="?aez-version"? content="?)[0-9a-f]+', r"\g<1>0", page.read_text()))
    tab.close()
    tab = context.new_page()
    tab.goto(hosted.url)
    wait_until(tab, "document.title === 'new'")
    context.close()


def test_a_hostile_list_and_link_do_no_harm(hosted: SimpleNamespace, browser: Any) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    rows = [
        *({"src": src} for src in ("http://[", "", 5, None, [])), "x", None, [1],
        {"src": "songs/1-song.aez", "title": hostile * 100, "artist": {}, "duration": 1e308, "bytes": -5},
        {"src": "javascript:alert(1)", "title": "script", "duration": -1, "bytes": "9"},
    ]  # fmt: skip
    (hosted.folder / "playlist.json").write_text(json.dumps({"songs": rows, "total": "many", "title": [hostile]}))
    context = browser.new_context()
    tab = context.new_page()
    harm: list[str] = []
    tab.on("dialog", lambda dialog: harm.append(dialog.message))
    tab.on("pageerror", lambda error: harm.append(str(error)))
    tab.goto(hosted.url)
    wait_until(tab, "!document.getElementById('seek').disabled")
    assert tab.locator("#songs li").count() == 2 and tab.evaluate("document.querySelectorAll('#songs img').length") == 0
    assert tab.inner_text("#title") == (hostile * 100)[:300] + "…"
    tab.click("#songs li:nth-child(2) .row")
    wait_until(tab, "document.getElementById('problem').textContent")
    tab.goto(f"{hosted.url}?src=http://[")
    wait_until(tab, "document.getElementById('problem').textContent")
    assert tab.inner_text("#problem") == "the link names no address of a song"
    wait_until(tab, "document.querySelectorAll('#songs li').length === 2")
    tab.goto(f"{hosted.url}?src=songs/1-song.aez")  # it is in the list, and not a second time
    wait_until(tab, "!document.getElementById('seek').disabled")
    assert tab.locator("#songs li").count() == 2 and tab.locator("#songs [aria-current]").count() == 1
    tab.goto(f"{hosted.url}?src=http://127.0.0.1:1/x.aez")
    wait_until(tab, "document.getElementById('problem').textContent")
    assert "127.0.0.1:1 does not let pages of other sites read it (CORS)" in tab.inner_text("#problem")
    context.close()
    assert not harm
