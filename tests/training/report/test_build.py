"""The results page, in a real browser: players, the blind test, what it shows of results and of hostile names."""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy import stats

from tests.support.browsers import chromium, web_server
from tests.support.report_pages import stored
from tests.support.study_results import CODEC, HOSTILE, RATE, SPY, saved_results, songs
from training.evaluation import peers
from training.report import build


@pytest.fixture(scope="module")
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


Opener = Callable[..., Any]


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


def level(folder: Path, version: int, clip: int = 0) -> float:
    """Sum of absolute samples of the left channel of what the page holds of a version."""
    samples, rate = soundfile.read(BytesIO(stored(folder, f"c{clip}v{version}")), dtype="float64")
    assert (samples.shape, rate) == ((2 * RATE, 2), RATE)
    return float(np.abs(samples[:, 0]).sum())


# Players


def test_players_load_and_versions_change_at_the_same_position(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri())
    tab.click("#listen-player .play")
    tab.wait_for_selector("#listen-player[data-state=ready][data-loaded='3']")
    assert float(tab.get_attribute("#listen-player", "data-seconds")) == 2.0
    cards = tab.locator("#listen-player .version")
    assert cards.count() == 3
    assert tab.locator("#listen-player .picture img").evaluate_all("all => all.every(i => i.naturalWidth === 720)")
    for version in (2, 1):
        tab.wait_for_timeout(150)
        cards.nth(version).locator(".name").click()
        tab.wait_for_selector(f"#listen-player[data-version=c0v{version}]")
    tab.keyboard.press("l")
    tab.wait_for_selector("#listen-player[data-version=c0v2]")
    heard = tab.evaluate("heard")
    levels = [level(page.folder, v) for v in (0, 2, 1, 2)]
    assert abs(levels[2] / levels[1] - 1) > 0.001  # told apart below
    assert [h["sum"] for h in heard] == pytest.approx(levels, rel=1e-4)
    for before, after in pairwise(heard):
        run = (before["offset"] + after["at"] - before["at"]) % 2.0
        assert after["offset"] == pytest.approx(run, abs=1e-6)
    tab.keyboard.press("k")
    assert tab.inner_text("#listen-player .play") == "Play"


def test_a_click_in_a_spectrogram_goes_there_and_save_gives_the_flac(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri())
    tab.click("#listen-player .play")
    tab.wait_for_selector("#listen-player[data-loaded='3']")
    picture = tab.locator("#listen-player .picture").nth(1)
    width = picture.bounding_box()["width"]
    picture.click(position={"x": width / 2, "y": 20})
    tab.wait_for_selector("#listen-player[data-version=c0v1]")
    assert any(abs(h["offset"] - 1.0) < 0.02 for h in tab.evaluate("heard"))
    with tab.expect_download() as waiting:
        tab.click("#listen-player .save")
    samples, rate = soundfile.read(str(waiting.value.path()), dtype="float64")
    assert rate == RATE
    assert np.abs(samples[:, 0]).sum() == pytest.approx(level(page.folder, 1))


def test_another_clip_from_a_plain_server(page: SimpleNamespace, visit: Opener) -> None:
    with web_server(page.folder) as server:
        tab = visit(server.url)
        tab.select_option("#listen-player .clip", index=1)
        tab.click("#listen-player .play")
        tab.wait_for_selector("#listen-player[data-state=ready][data-version=c1v0][data-loaded='3']")
        assert tab.evaluate("heard")[-1]["sum"] == pytest.approx(level(page.folder, 0, clip=1), rel=1e-4)
        tab.close()


# The blind test


def test_blind_test_plays_what_x_is_and_scores_right_and_wrong(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri())
    truth = "ABBAAB"
    answers = "AABBAB"
    sums = {"A": level(page.folder, 0), "B": level(page.folder, 1)}
    assert abs(sums["A"] / sums["B"] - 1) > 0.001
    for x, named in zip(truth, answers, strict=True):
        assert tab.is_disabled("[data-answer=A]")  # no answer before X was heard
        for which in "AXB":
            count = len(tab.evaluate("heard"))
            tab.click(f"[data-play={which}]")
            tab.wait_for_function(f"heard.length > {count}")
            assert tab.evaluate("heard")[-1]["sum"] == pytest.approx(sums[x if which == "X" else which], rel=1e-4)
        tab.click(f"[data-answer={named}]")
        assert tab.inner_text("#abx-test .verdict") == f"{'Right' if x == named else 'Wrong'}: X was {x}."
    right = sum(a == b for a, b in zip(truth, answers, strict=True))
    assert 0 < right < 6
    chance = stats.binomtest(right, 6, alternative="greater").pvalue
    shown = [tab.inner_text(f"#abx-test .score {s}") for s in (".count", ".right-count", ".share", ".p")]
    assert shown == ["6", str(right), f"{100 * right / 6:.0f} %", f"{chance:.4f}"]

    with tab.expect_download() as waiting:
        tab.click("#abx-test .json")
    trials = json.loads(waiting.value.path().read_text())
    assert [(t["x"], t["answer"], t["right"]) for t in trials] == [
        (x, a, x == a) for x, a in zip(truth, answers, strict=True)
    ]
    assert {(t["clip"], t["a"], t["b"]) for t in trials} == {(HOSTILE, "Original", "bits 8")}
    with tab.expect_download() as waiting:
        tab.click("#abx-test .csv")
    with waiting.value.path().open(newline="") as f:
        assert [(line["x"], line["clip"]) for line in csv.DictReader(f)] == [(x, HOSTILE) for x in truth]

    tab.reload()
    assert tab.inner_text("#abx-test .score .count") == "6"
    tab.click("#abx-test .reset")
    tab.reload()
    assert tab.inner_text("#abx-test .score .count") == "0"


def test_blind_test_by_keyboard_and_without_storage(page: SimpleNamespace, visit: Opener) -> None:
    refused = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });"
    )
    tab = visit((page.folder / "index.html").as_uri(), spy=SPY + refused)
    tab.click("[data-play=A]")
    tab.wait_for_function("heard.length === 1")
    for key, count in (("b", 2), ("x", 3)):
        tab.keyboard.press(key)
        tab.wait_for_function(f"heard.length === {count}")
    tab.check("#abx-test .secret")
    tab.keyboard.press("1")  # the first coin says A
    tab.wait_for_function("document.querySelector('#abx-test .count').textContent === '1'")
    assert tab.inner_text("#abx-test .verdict") == "Noted."
    assert tab.inner_text("#abx-test .score .right-count") == "hidden"
    tab.uncheck("#abx-test .secret")
    assert tab.inner_text("#abx-test .score .right-count") == "1"
    assert tab.is_visible("#abx-test .storage")
    tab.select_option("#abx-test .b", index=0)
    assert tab.is_disabled("[data-play=X]")
    assert "different" in tab.inner_text("#abx-test .verdict")


def test_chance_is_the_binomial_tail(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri())
    cases = [(right, count) for count in (1, 2, 7, 16, 300) for right in range(0, count + 1, max(1, count // 7))]
    got = tab.evaluate("cases => cases.map(([right, count]) => aez.chance(right, count))", cases)
    expected = [stats.binomtest(right, count, alternative="greater").pvalue for right, count in cases]
    assert got == pytest.approx(expected, rel=1e-9)


# What the page shows


def test_nothing_is_wider_than_the_window_and_every_picture_is_drawn(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri())
    tab.locator("details").evaluate_all("all => all.forEach(d => (d.open = true))")
    for width in (360, 800, 1400):
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            tab.set_viewport_size({"width": width, "height": 900})
            assert tab.evaluate("document.documentElement.scrollWidth") == width
    undrawn = "all => all.filter(i => !i.complete || !i.naturalWidth || i.loading === 'lazy').map(i => i.src)"
    assert tab.locator("img").count() > 5
    assert tab.locator("img").evaluate_all(undrawn) == []
    tab.set_viewport_size({"width": 360, "height": 900})
    box = tab.locator("#founding .table")  # too wide for a phone: it scrolls by itself, and its first column stays
    wide, left = box.evaluate("b => { b.scrollLeft = 200; return [b.scrollWidth - b.clientWidth, b.scrollLeft]; }")
    assert wide > 200 and left == 200
    assert tab.locator("#founding td").first.evaluate("c => c.getBoundingClientRect().x") == pytest.approx(
        box.evaluate("b => b.getBoundingClientRect().x"), abs=2
    )


def test_what_is_folded_is_open_on_paper(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri())
    folded = "() => document.querySelectorAll('details:not([open])').length"
    before = tab.evaluate(folded)
    assert before > 2
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.evaluate(folded) == 0
    tab.emulate_media(media="print")
    assert tab.is_visible("#genre figure img") and tab.is_visible("#listen .version img")
    assert not tab.is_visible("#listen .play") and not tab.is_visible("nav")
    assert tab.locator("#founding .table").evaluate("b => getComputedStyle(b).overflowX") == "visible"
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.evaluate(folded) == before


def test_a_heading_sorts_its_column_by_click_and_by_key(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri())
    table = tab.locator("#evaluation table", has_text="1,200.5")
    heads, rates = table.locator("th"), table.locator("td:nth-child(2)")
    assert rates.all_inner_texts() == ["8.01", "1,200.5", "-", "96.0 ± 3.0"]
    heads.nth(1).locator("button").click()
    assert rates.all_inner_texts() == ["8.01", "96.0 ± 3.0", "1,200.5", "-"]
    assert heads.nth(1).get_attribute("aria-sort") == "ascending"
    tab.keyboard.press("Enter")
    assert rates.all_inner_texts() == ["1,200.5", "96.0 ± 3.0", "8.01", "-"]  # what has no value stays at the end
    assert heads.nth(1).get_attribute("aria-sort") == "descending"
    heads.nth(0).locator("button").click()
    assert table.locator("td:first-child").all_inner_texts() == [HOSTILE, "bits", "none", "tail"]
    assert heads.nth(1).get_attribute("aria-sort") is None
    cells = ["+1.20 ± 0.10 (80%) ahead", "-3", "−4.5", "37 : 1", "1,200", "512 x 126", "< 0.001", "inf", "latent 64"]
    numbers = tab.evaluate("cells => cells.map(aez.number).map(String)", cells)
    assert numbers == ["1.2", "-3", "-4.5", "37", "1200", "512", "0.001", "Infinity", "NaN"]


def test_plots_follow_the_chosen_measure(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri())
    marks = tab.locator("#evaluation-plot .plot .mark")
    assert marks.count() == 3  # two of bits, a tier; no value for the fourth system
    tab.select_option("#evaluation-plot select", label="mel")
    assert marks.count() == 4
    assert tab.inner_text("#evaluation-plot .sense") == "lower is better"
    assert len(set(marks.evaluate_all("all => all.map(m => m.getAttribute('d'))"))) == 3  # a shape for each system


def test_results_are_shown_and_absent_ones_named_with_their_command(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri())
    tab.locator("details").evaluate_all("all => all.forEach(d => (d.open = true))")
    assert HOSTILE in tab.inner_text("#evaluation table >> nth=0")
    assert "<b>whole</b>" in tab.inner_text("#evaluation")
    assert tab.locator("#evaluation td.ahead").inner_text() == "+1.00 ± 0.10 (100%) ahead"
    assert tab.locator("#evaluation figure img").get_attribute("alt") == "ViSQOL, by rate"
    assert tab.inner_text("#evaluation figcaption") == "ViSQOL, by rate"
    assert tab.inner_text("#founding figcaption") == "Error by rate"
    assert tab.locator("main > section").first.get_attribute("id") == "founding"
    made = tab.inner_text("#evaluation .made")
    assert f"--music '/my {HOSTILE}' --out OUT/evaluation" in made and str(page.results) not in made
    assert "commit abc123 with changes, aez 0.1, 2026-01-02 03:04 UTC" in made
    assert "do not say which command" in tab.inner_text("#genre .made")
    assert "python -m training report" in tab.inner_text("#listen .made")
    assert tab.locator("#losses").count() == 0  # nothing was saved for it: no heading, and no link to it
    assert "#losses" not in tab.locator("nav a").evaluate_all("all => all.map(a => a.hash)")
    assert "Losses" in tab.inner_text("#absent") and "python -m training evaluate" in tab.inner_text("#absent")
    assert "absent is skipped: no-such-decoder, no-such-encoder not on PATH" in tab.inner_text("#listen .notes")
    options = tab.locator("#listen-player .clip option").all_inner_texts()
    assert options == [f"{HOSTILE} · 2.0 s", "one · 2.0 s"]  # of the songs, those that were measured
    assert "ViSQOL 2.50" in tab.locator("#listen-player .more").nth(1).inner_text()
    assert tab.locator("img[onerror], nav img").count() == 0


def test_maps_are_drawn_and_genres_hidden_on_request(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri(), width=390)
    assert tab.locator("#map-plot .plot .mark").count() == 7
    tab.select_option("#map-plot select", label="UMAP")
    assert tab.inner_text("#map-plot .sense") == "k-NN accuracy 50 %, silhouette -0.12"
    assert tab.locator("#map-plot .legend button").all_inner_texts() == ["Rock", HOSTILE, "other or unknown"]
    tab.locator("#map-plot .legend button").nth(0).click()
    assert tab.locator("#map-plot .plot .mark").count() == 4
    tab.locator("#map-plot .plot .mark").nth(2).hover()
    assert tab.inner_text("#map-plot .tip") == f"1 · {HOSTILE}"


def test_page_holds_everything_it_names(page: SimpleNamespace) -> None:
    text = (page.folder / "index.html").read_text()
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", text)
    assert not any(
        "http" in (page.folder / name).read_text().replace("http://www.w3.org/2000/svg", "") for name in build.STATIC
    )
    for name in re.findall(r"(?:src|href)=\"([^\"#:]+)\"", text):
        assert (page.folder / name).is_file()


# The command


def test_a_report_is_replaced_and_nothing_else_is(page: SimpleNamespace, tmp_path: Path) -> None:
    arguments = ["--results", str(page.results), "--clips", "0", "--out"]
    assert build.main([*arguments, str(tmp_path / "new")]) == 0
    assert "training report --results" in (tmp_path / "new" / "index.html").read_text()  # how to get the players
    (tmp_path / "new" / "stale.txt").write_text("of the last page")
    assert build.main([*arguments, str(tmp_path / "new")]) == 0
    assert not (tmp_path / "new" / "stale.txt").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "index.html").write_text("my own page")
    assert build.main([*arguments, str(mine)]) == 2
    assert [p.name for p in mine.iterdir()] == ["index.html"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "new"]


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["--results", str(tmp_path / "none")],
        ["--results", str(tmp_path), "--music", str(tmp_path)],
        ["--results", str(tmp_path), "--music", str(tmp_path), "--systems", "mp4"],
        ["--results", str(tmp_path), "--music", str(tmp_path), "--systems", "aez:no-such-model"],
    ):
        assert build.main(arguments) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith("report: ")
        assert not captured.out
    assert not list(tmp_path.iterdir())
