"""The comparison and the rating test of the page, in a real browser."""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import signal

from tests.support.browsers import chromium
from tests.support.report_pages import page_data
from tests.support.study_results import CODEC, RATE, SPY, saved_results, songs
from training.evaluation import peers
from training.report import build

NAMES = ("bits 8", "bits 48", "Hidden reference", "Anchor 3.5 kHz", "Anchor 7 kHz")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two clips of 2 s in three versions."""
    folder = tmp_path_factory.mktemp("report")
    script = folder / "codec.py"
    script.write_text(CODEC)
    base = (sys.executable, "-S", str(script))
    encode, decode = (*base, "encode", "{source}", "{coded}", "{rate}"), (*base, "decode", "{coded}", "{target}", "0")
    bits = peers.System("bits", encode, decode, ".z", (8,))
    results, music = saved_results(folder), songs(folder, ("one", "two"))
    (results / "evaluation" / "results.csv").unlink()
    arguments = ["--results", str(results), "--music", str(music), "--seconds", "2", "--systems", "bits"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peers, "_PEERS", (bits,))
        assert build.main([*arguments, "--kbps", "8,48", "--jobs", "2"]) == 0
    return results / "report"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def tab(page: Path, browser: Any) -> Iterator[Any]:
    """The page in a fresh profile; at the end, nothing may have gone wrong in it."""
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    opened.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    opened.on("pageerror", lambda e: wrong.append(str(e)))
    opened.on("requestfailed", lambda r: wrong.append(r.url))
    opened.add_init_script(SPY)
    opened.goto((page / "index.html").as_uri())
    yield opened
    context.close()
    assert not wrong


def heard(tab: Any) -> list[dict[str, float]]:
    return list(tab.evaluate("heard"))


# Side by side


def test_lanes_share_time_and_switch_while_they_play(tab: Any) -> None:
    tab.locator("#compare-view").scroll_into_view_if_needed()
    tab.wait_for_selector("#compare-view[data-state=ready]")
    lanes = tab.locator("#compare-view .lane")
    assert lanes.locator(".what").all_inner_texts() == ["Original", "bits 8"]
    tab.check("#compare-view .choices input >> nth=2")
    tab.wait_for_selector("#compare-view[data-state=ready]")
    assert lanes.count() == 3
    assert heard(tab) == []
    tab.click("#compare-view .play")
    tab.keyboard.press("l")
    tab.keyboard.press("k")
    first, second = heard(tab)
    assert tab.get_attribute("#compare-view", "data-version") == "c0v1"
    assert first["sum"] != second["sum"]
    assert second["offset"] == pytest.approx((first["offset"] + second["at"] - first["at"]) % 2.0, abs=1e-6)

    # A quarter of the way from the left: 0.5 s, and after zooming in around the middle, 0.75 s.
    picture = lanes.nth(0).locator(".spectrum")
    box = picture.bounding_box()
    for factor, time in ((1, 0.5), (2, 0.75)):
        if factor == 2:
            picture.click(position={"x": box["width"] / 2, "y": 20})  # goes there, and gives it the keyboard
            tab.keyboard.press("+")
        tab.wait_for_function("document.querySelector('#compare-view .readout').textContent = ''; true")
        tab.mouse.move(0, 0)
        told = ""
        while not told.strip():
            tab.wait_for_timeout(50)
            picture.hover(position={"x": box["width"] / 4, "y": 30})
            picture.hover(position={"x": box["width"] / 4, "y": 31})
            told = tab.inner_text("#compare-view .readout")
        assert float(told.split(" s")[0]) == pytest.approx(time, abs=0.005)
        assert "bits 48" in told
    assert tab.inner_text("#compare-view .clock").startswith("0:01.0")


def test_difference_of_equal_sounds_is_one_colour(tab: Any) -> None:
    tab.locator("#compare-view").scroll_into_view_if_needed()
    tab.wait_for_selector("#compare-view[data-state=ready]")
    tab.select_option("#compare-view .show", "apart")
    assert tab.inner_text("#compare-view .legend-bar .low") == "−24 dB, softer"
    colours = """(selector) => {
      const canvas = document.querySelector(selector);
      const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
      copy.getContext("2d").drawImage(canvas, 0, 0);
      const { data } = copy.getContext("2d").getImageData(canvas.width / 3, 0, canvas.width / 2, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    }"""
    lane = "#compare-view .lane:nth-of-type(3) .spectrum"  # after the ruler and the original
    tab.wait_for_function(f"({colours})('{lane}') > 50")
    tab.evaluate("aez.data.clips[1].versions[1].audio = aez.data.clips[1].versions[0].audio")
    tab.select_option("#compare-view .clip", index=1)
    tab.wait_for_selector("#compare-view[data-state=ready]")
    tab.wait_for_function(f"({colours})('{lane}') === 1")


def test_a_part_is_looped(tab: Any) -> None:
    tab.locator("#compare-view").scroll_into_view_if_needed()
    tab.wait_for_selector("#compare-view[data-state=ready]")
    tab.locator("#compare-view .ruler").scroll_into_view_if_needed()
    box = tab.locator("#compare-view .ruler").bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 4, box["y"] + 10)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 3, box["y"] + 10, steps=3)
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    tab.mouse.up()
    assert tab.inner_text("#compare-view .loop-note") == "0.50 to 1.00 s"
    tab.click("#compare-view .play")
    assert heard(tab)[-1]["offset"] == pytest.approx(0.5, abs=0.01)
    tab.wait_for_timeout(700)
    position = float(tab.inner_text("#compare-view .clock").split(" / ")[0].split(":")[1])
    assert 0.5 <= position <= 1.0
    tab.keyboard.press("/")
    tab.wait_for_function("document.querySelector('#compare-view .loop-note').textContent === 'everything'")


# Anchors


def test_anchors_are_filtered_without_delay(tab: Any) -> None:
    x = np.random.default_rng(8).normal(scale=0.1, size=(2, 4000)).astype(np.float32)
    run = """async ([x, hertz]) => {
      const buffer = new AudioBuffer({ numberOfChannels: 2, length: x[0].length, sampleRate: 44100 });
      x.forEach((samples, c) => buffer.copyToChannel(Float32Array.from(samples), c));
      const found = await aez.lowpassed(buffer, hertz);
      return [Array.from(aez.lowpass(44100, hertz)), aez.channels(found).map((samples) => Array.from(samples))];
    }"""
    taps, found = tab.evaluate(run, [x.astype(float).tolist(), 3500])
    np.testing.assert_allclose(found, signal.convolve(x, np.array(taps)[None], mode="same"), atol=1e-5)


# Rating test


def rate(tab: Any, truth: dict[float, int]) -> list[int]:
    """Listen to everything in a trial and rate it by the sound: the reference 100, others as `truth` or 30."""
    tab.wait_for_selector("#mushra-test .reference:not([disabled])")
    scores = []
    for index in range(tab.locator("#mushra-test .stimulus").count()):
        count = len(heard(tab))
        tab.keyboard.press("abcdefgh"[index])
        tab.wait_for_function(f"heard.length > {count}")
        scores.append(truth.get(round(heard(tab)[-1]["sum"], 2), 30))
        tab.locator("#mushra-test .stimulus input").nth(index).fill(str(scores[-1]))
    return scores


def seen(tab: Any) -> str:
    """Text and markup of the test, where no name may stand during a trial."""
    found = tab.locator("#mushra-test .trial").inner_html() + tab.locator("#mushra-test > .status").nth(0).inner_text()
    assert tab.is_hidden("#mushra-test .setup")
    assert tab.is_hidden("#mushra-test .results")
    return str(found)


def test_rating_test_from_begin_to_results(tab: Any, page: Path) -> None:
    tab.fill("#mushra-test .listener", 'Ann "A", <b>')
    tab.select_option("#mushra-test .asked", "48")
    assert tab.locator("#mushra-test .choices label").all_inner_texts()[0].startswith("bits 8 ·")
    tab.check("#mushra-test .choices input")
    tab.click("#mushra-test .begin")
    tab.wait_for_selector("#mushra-test .reference:not([disabled])")
    assert tab.locator("#mushra-test .stimulus").count() == 4
    assert tab.is_disabled("#mushra-test .next")
    assert not any(name in seen(tab) for name in (*NAMES, "c0v", "c1v"))
    tab.evaluate("""() => {
      for (const key of "rabcdrabcd") document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    }""")  # faster than sounds begin
    tab.wait_for_function("heard.length > 0")
    count = len(heard(tab))
    tab.keyboard.press("r")
    tab.wait_for_function(f"heard.length > {count}")
    first = {round(heard(tab)[-1]["sum"], 2): 100}
    count = len(heard(tab))
    tab.locator("#mushra-test .stimulus input").nth(1).press("ArrowRight")  # only what is heard can be rated
    tab.wait_for_function(f"heard.length > {count}")
    before, after = heard(tab)[-2:]
    run = before["offset"] + after["at"] - before["at"]
    assert after["offset"] == pytest.approx(run % 2.0, abs=1e-6)
    assert tab.locator("#mushra-test .stimulus button").nth(1).get_attribute("aria-pressed") == "true"
    scores = rate(tab, first)
    assert sorted(scores) == [30, 30, 30, 100]  # the hidden reference is the reference to the sample
    assert tab.is_enabled("#mushra-test .next")
    assert not any(name in seen(tab) for name in (*NAMES, "c0v", "c1v"))

    offset = [h for h in heard(tab) if h["sum"] > 0][-2:]
    run = (offset[0]["offset"] + offset[1]["at"] - offset[0]["at"]) % 2.0
    assert offset[1]["offset"] == pytest.approx(run, abs=1e-6)  # synchronized

    clip = tab.inner_text("#mushra-test .where")
    tab.locator("#mushra-test .stimulus input").nth(3).press("ArrowRight")
    tab.reload()
    assert tab.is_hidden("#mushra-test .results")  # nothing is shown of a session that goes on
    tab.click("#mushra-test .resume")
    tab.wait_for_selector("#mushra-test .reference:not([disabled])")
    assert tab.inner_text("#mushra-test .where") == clip
    kept = [int(text) for text in tab.locator("#mushra-test output").all_inner_texts()]
    assert kept == [*scores[:3], min(100, scores[3] + 1)]
    tab.click("#mushra-test .next")
    assert tab.inner_text("#mushra-test .where").startswith("Trial 2 of 2")
    scores = rate(tab, {})
    assert scores == [30] * 4
    assert "None has 100" in tab.inner_text("#mushra-test .missing-ratings")
    tab.click("#mushra-test .next")

    results = tab.locator("#mushra-test .results")
    assert "1 left out of the means" in results.locator(".told-screening").inner_text()  # 30 for a hidden reference
    assert results.locator(".sessions td").all_inner_texts()[0] == 'Ann "A", <b>'
    with tab.expect_download() as waiting:
        results.locator(".csv").click()
    with waiting.value.path().open(newline="") as f:
        rows = list(csv.DictReader(f))
    assert [row["rating"] for row in rows] == [*map(str, kept), *["30"] * 4]
    assert sorted(row["condition"] for row in rows[:4]) == sorted(["bits 8", *NAMES[2:]])
    hidden = next(row for row in rows[:4] if row["kind"] == "reference")
    assert int(hidden["rating"]) >= 100
    assert {row["page"] for row in rows} == {page_data(page)["id"]}

    # A second listener who hears the reference: these ratings count.
    stored = json.loads(tab.evaluate("Object.values(localStorage)[0]"))
    for trial in stored["trials"]:
        for condition in trial["conditions"]:
            condition["rating"] = {"reference": 100, "low": 10, "mid": 40}.get(condition["kind"], 70)
    other = {**stored, "id": "other", "listener": "Bea"}
    name = f"aez-mushra-{page_data(page)['id']}-other"
    tab.evaluate("([name, text]) => localStorage.setItem(name, text)", [name, json.dumps(other)])
    tab.evaluate("(name) => localStorage.setItem(name, '{\"id\": 1}')", name + "-broken")
    tab.reload()
    table = [row.inner_text().split("\t")[:4] for row in tab.locator("#mushra-test .means tbody tr").all()]
    assert [row[0].split(" ·")[0] for row in table] == ["Hidden reference", "bits 8", "Anchor 7 kHz", "Anchor 3.5 kHz"]
    assert table[2][1:] == ["2", "40.0", "40.0 to 40.0"]
    for _ in range(2):
        tab.click("#mushra-test .reset")
    assert tab.is_hidden("#mushra-test .results")
    tab.reload()
    assert tab.is_hidden("#mushra-test .results")


def test_a_session_can_be_left_and_discarded(tab: Any) -> None:
    tab.click("#mushra-test .begin")
    tab.click("#mushra-test .leave")
    assert tab.is_visible("#mushra-test .begin")
    assert "trial 1 of 2" in tab.inner_text("#mushra-test .which")
    tab.click("#mushra-test .discard")
    assert tab.is_hidden("#mushra-test .unfinished")
    assert tab.evaluate("Object.keys(localStorage)") == []
    tab.uncheck("#mushra-test .choices input")
    assert tab.is_disabled("#mushra-test .begin")


def test_versions_that_are_equal_share_their_audio(page: Path) -> None:
    versions = [version for clip in page_data(page)["clips"] for version in clip["versions"]]
    assert {path.name for path in (page / "audio").iterdir()} == {Path(v["audio"]).name for v in versions}
    assert RATE == 44100
