"""Songs of several models on the page in a real browser; where the player was built."""

import re
from pathlib import Path
from typing import Any

import pytest

from codec.runtime.models import by_name
from tests.support import MODELS
from tests.support.browsers import web_server
from tests.support.codec import encoded
from tests.support.model_folders import own_model
from tests.support.player_page import SECONDS, picture, server_over, wait_until
from training.data.songs import song

TINY = str(MODELS / "tiny")


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs of four models: one's own, the default one, a plain one, and one that nobody has."""
    several, nobody = tmp_path_factory.mktemp("several"), own_model(tmp_path_factory.mktemp("models"))
    models = {
        "1 own": (TINY, 64),
        "2 default": ("music", 64),
        "3 plain": (MODELS / "tiny-dense", 40),
        "4 lost": (nobody, 64),
    }
    for name, (model, latent) in models.items():
        data = encoded(song(SECONDS, seed=5), latent=latent, model=str(model), device="cpu")
        (several / f"{name}.aez").write_bytes(data)
    return several


def test_a_page_plays_songs_of_several_models_and_loads_each_when_it_is_needed(
    several: Path, browser: Any, tmp_path: Path
) -> None:
    from codec.serve.site import make_site

    make_site([several / "1 own.aez", several / "2 default.aez"], tmp_path / "site", models=[TINY])
    with web_server(tmp_path / "site") as server:
        tab = browser.new_context(service_workers="block").new_page()
        loaded: list[str] = []
        tab.on("request", lambda request: loaded.extend(re.findall("model/([0-9a-f]+)/decoder", request.url)))
        tab.goto(server.url)
        own, default = (by_name(name).id.hex() for name in (TINY, "music"))
        wait_until(tab, "!document.getElementById('seek').disabled")
        assert loaded == [own]
        tab.keyboard.press("Space")
        wait_until(tab, "document.getElementById('seek').valueAsNumber > 0.3")
        assert tab.inner_text("#title") == "1 own" and picture(tab) > 100
        tab.click("#songs li:nth-child(2) button")
        wait_until(
            tab,
            "document.getElementById('title').textContent === '2 default' && "
            "document.getElementById('seek').valueAsNumber > 0.3",
        )
        assert loaded == [own, default] and not tab.inner_text("#problem")
        tab.set_input_files("#files", several / "4 lost.aez")
        wait_until(tab, "document.getElementById('problem').textContent")
        lost = own_model(tmp_path)
        problem = tab.inner_text("#problem")
        assert "a model that is not on this page" in problem and by_name(str(lost)).id.hex() in problem
        assert "--model" in problem
        tab.context.close()


def test_a_server_decodes_what_browsers_cannot_and_tells_of_what_nobody_can(several: Path, browser: Any) -> None:
    with server_over(several, TINY, str(MODELS / "tiny-dense")) as address:
        tab = browser.new_context(viewport={"width": 400, "height": 700}).new_page()
        wrong: list[str] = []
        tab.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
        tab.goto(address)
        wait_until(tab, "document.querySelectorAll('#songs li').length === 4")
        note = tab.inner_text("#songs li:nth-child(4) p")
        assert "a model that this server does not have" in note and "--model" in note
        tab.evaluate("void document.querySelector('#songs li:nth-child(3) audio').play()")
        wait_until(tab, "document.querySelector('#songs audio').currentTime > 0.3")
        assert abs(tab.evaluate("document.querySelector('#songs audio').duration") - SECONDS) < 0.01
        tab.click("#songs li:nth-child(2) button")
        wait_until(tab, "document.querySelector('#songs audio').paused")  # two songs at once are none
        wait_until(tab, "document.getElementById('seek').valueAsNumber > 0.3")
        assert tab.inner_text("#title") == "2 default" and not tab.is_enabled("#next")
        tab.evaluate("void document.querySelector('#songs audio').play()")
        wait_until(tab, "document.getElementById('play').ariaLabel === 'Play'")
        tab.click("#songs li:nth-child(1) button")
        wait_until(
            tab,
            "document.getElementById('title').textContent === '1 own' && "
            "document.getElementById('seek').valueAsNumber > 0.3",
        )
        assert tab.evaluate("document.documentElement.scrollWidth") <= 400
        tab.context.close()
        assert not wrong
