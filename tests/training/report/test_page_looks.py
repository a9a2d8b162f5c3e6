"""How the page looks in a real browser: at every width, in both schemes and on paper, with few songs and many."""

import base64
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.support.report_pages import Opener
from tests.support.study_results import HOSTILE
from training.palette import COLUMN_ON_PAPER, DARK, LIGHT, PAPER, genre_look
from training.report.marks import mark


def test_nothing_is_wider_than_the_window_and_every_picture_is_drawn(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri())
    tab.locator("details").evaluate_all("all => all.forEach(d => (d.open = true))")
    over = "all => all.filter(one => one.offsetWidth && one.scrollWidth > one.clientWidth).length"
    for width in (320, 360, 800, 1400):
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            tab.set_viewport_size({"width": width, "height": 900})
            assert tab.evaluate("document.documentElement.scrollWidth") == width
            assert tab.locator(".transport .clock").evaluate_all(over) == 0
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


def test_figures_follow_the_scheme_but_on_paper(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri())
    tab.locator("details").evaluate_all("all => all.forEach(d => (d.open = true))")
    figure = tab.locator("#evaluation figure img")
    for media, scheme, ground in (("screen", "light", LIGHT), ("screen", "dark", DARK), ("print", "dark", LIGHT)):
        tab.emulate_media(media=media, color_scheme=scheme)
        figure.scroll_into_view_if_needed()
        with Image.open(BytesIO(figure.screenshot())) as picture:
            middle = picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))
        assert "#" + bytes(middle).hex() == ground, (media, scheme)
        assert tab.locator(".plate").first.evaluate("p => getComputedStyle(p).backgroundColor") == f"rgb{middle}"


def test_wide_tables_are_several_on_paper_and_one_again_afterwards(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri(), width=700)  # of pixels, as many as an A4 page has
    tab.evaluate("""() => {
      const body = document.querySelector("#evaluation .table tbody");
      for (let i = 0; i < 40; i++) body.append(body.rows[0].cloneNode(true));
    }""")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("#evaluation-plot .plot svg").get_attribute("viewBox").startswith("0 0 640 ")
    tab.emulate_media(media="print")
    parts = tab.locator("#founding .table table:visible")
    heads = [part.locator("th").all_inner_texts() for part in parts.all()]
    assert len(heads) > 1 and all(head[0] == "system" for head in heads)
    assert [name for head in heads for name in head[1:]] == ["latents", *(f"unit {i}" for i in range(12))]
    assert {part.locator("td").first.inner_text() for part in parts.all()} == {"aez"}
    assert tab.locator(".table").evaluate_all("all => all.every(t => t.scrollHeight <= t.clientHeight)")
    told = "all => all.map(t => [t.scrollWidth - t.parentElement.clientWidth, getComputedStyle(t).fontSize])"
    shown = tab.locator(".table table:visible").evaluate_all(told)
    assert all(over <= 0 and float(size.removesuffix("px")) * 0.75 >= 7 for over, size in shown) and len(shown) > 3
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    tab.emulate_media(media="screen")
    assert tab.locator("#founding .table table").count() == 1 and tab.locator(".on-screen").count() == 0


def test_figures_have_the_room_on_paper_for_which_their_text_is_made(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri(), width=703)  # an A4 page without its margins
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    tab.emulate_media(media="print")
    figures = tab.locator("figure img").evaluate_all("all => all.map(i => [i.closest('figure').className, i.width])")
    least = {"": COLUMN_ON_PAPER, "large": PAPER - 0.5, "wide": PAPER}
    assert figures and all(width >= 96 * least[kind] for kind, width in figures)


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


def test_plots_follow_the_chosen_measure(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri())
    marks = tab.locator("#evaluation-plot .plot .mark")
    assert marks.count() == 3  # two of bits, a tier; no value for the fourth system
    tab.select_option("#evaluation-plot select", label="mel")
    assert marks.count() == 4
    assert tab.inner_text("#evaluation-plot .sense") == "lower is better"
    assert len(set(marks.evaluate_all("all => all.map(m => m.getAttribute('d'))"))) == 3  # a shape for each system


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


def test_many_songs_are_drawn_into_an_image(page: SimpleNamespace, visit: Opener) -> None:
    tab = visit((page.folder / "index.html").as_uri())
    count = 2500
    places = np.full((count, 2), 65535, "<u2")
    places[7] = 0, 0
    genres = np.zeros(count, np.uint8)
    genres[7] = 1
    coded = {"places": places, "genres": genres, "held": 1 - genres}
    texts = {name: base64.b64encode(values.tobytes()).decode() for name, values in coded.items()}
    one = {"note": "here", "places": texts["places"], "held": texts["held"]}
    looks = [mark(genre_look("", 0)), mark(genre_look("", 9))]
    maps = {"labels": ["a", "b"], "looks": looks, "songs": [f"s{i}" for i in range(count)], "genres": texts["genres"],
            "maps": [one, {**one, "held": ""}]}  # fmt: skip
    tab.evaluate("maps => aezMaps(maps)", maps)
    assert tab.locator("#map-plot .plot .mark").count() == 0
    drawn = """() => {
      const sheet = document.querySelector("#map-plot .points");
      const { width, height } = sheet;
      const copy = Object.assign(document.createElement("canvas"), { width, height });
      const pen = copy.getContext("2d", { willReadFrequently: true });
      pen.drawImage(sheet, 0, 0);
      const seen = (x, y) => pen.getImageData(x, y, 100, 100).data.some((value) => value);
      return [seen(0, 0), seen(width - 100, height - 100)];
    }"""
    assert tab.evaluate(drawn) == [True, True]
    plot = tab.locator("#map-plot .plot")
    plot.hover(position={"x": 20, "y": 20})
    assert tab.inner_text("#map-plot .tip") == "s7 · b"
    tab.locator("#map-plot .legend button").nth(1).click()
    assert tab.evaluate(drawn) == [False, True]
    plot.hover(position={"x": 20, "y": 20})
    assert tab.is_hidden("#map-plot .tip")
    tab.select_option("#map-plot select", index=1)
    assert tab.evaluate(drawn) == [False, True]
