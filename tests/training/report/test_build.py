"""The results page, in a real browser: players, the blind test, what it shows of results and of hostile names."""

import csv
import json
import re
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from scipy import stats

from tests.support.browsers import web_server
from tests.support.report_pages import Opener, stored
from tests.support.study_results import HOSTILE, RATE, SPY
from training.report import build


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
    tab.wait_for_load_state("networkidle")  # a request that a reload or the end cuts off would count as failed
    tab.reload()
    assert tab.inner_text("#abx-test .score .count") == "0"
    tab.wait_for_load_state("networkidle")


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
