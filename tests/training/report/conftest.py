"""A page of a small study, and a browser that opens it."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.browsers import chromium
from tests.support.report_pages import Opener
from tests.support.study_results import CODEC, HOSTILE, SPY, saved_results, songs
from training.evaluation import peers
from training.report import build


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A page of two clips of 2 s in three versions, made by the command."""
    folder = tmp_path_factory.mktemp("report")
    script = folder / "codec.py"
    script.write_text(CODEC)
    base = (sys.executable, "-S", str(script))
    bits = peers.System(
        "bits",
        (*base, "encode", "{source}", "{coded}", "{rate}"),
        (*base, "decode", "{coded}", "{target}", "0"),
        ".z",
        (8,),
    )
    absent = peers.System("absent", ("no-such-encoder",), ("no-such-decoder",), ".x", (8,))
    results, music = saved_results(folder), songs(folder, ("one", HOSTILE, "unmeasured"))
    arguments = ["--results", str(results), "--music", str(music), "--seconds", "2", "--systems", "bits,absent"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peers, "_PEERS", (bits, absent))
        assert build.main([*arguments, "--kbps", "8,48", "--jobs", "1"]) == 0
    yield SimpleNamespace(folder=results / "report", results=results, music=music)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser: Any) -> Iterator[Opener]:
    """Opens an address in a fresh profile; at the end, nothing may have gone wrong in it."""
    contexts: list[Any] = []
    wrong: list[str] = []

    def dismissed(dialog: Any) -> None:
        wrong.append(dialog.message)
        dialog.dismiss()

    def opened(address: str, width: int = 1440, spy: str = SPY) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(60_000)
        tab.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
        tab.on("pageerror", lambda e: wrong.append(str(e)))
        tab.on("requestfailed", lambda r: wrong.append(r.url))
        tab.on("response", lambda r: wrong.append(r.url) if r.status >= 400 else None)
        tab.on("dialog", dismissed)
        tab.add_init_script(spy)
        tab.goto(address)
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert not wrong
