"""Markdown of saved results as parts of a page: tables whose numbers line up, everything escaped."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

_WORDS = re.compile(r"[*±%:x<]|\b(ahead|behind|level|one artist|nan|dB)\b")  # allowed in a cell of numbers
LONG = 18
"""Letters of a first cell from which it is broken on small screens; it stays in sight while the others scroll."""

_VERDICT = re.compile(r"[+-]\d.*\b(ahead|behind)$")


class Part(NamedTuple):
    """A titled piece of HTML."""

    title: str
    html: str


def parts(markdown: str) -> tuple[str, str, list[Part]]:
    """The heading of the first level as text, the HTML before the first of the second level, and a part for each.

    A part without content, or whose table has no rows, is left out. HTML in the source is shown as text, and so are
    links and pictures.
    """
    head = re.match(r"\s*# +(.*)\n?", markdown)
    lead, *rest = re.split(r"^## +", markdown[head.end() :] if head else markdown, flags=re.MULTILINE)
    found = []
    for text in rest:
        title, _, body = text.partition("\n")
        html = render(body)
        if html.strip() and ("<table" not in html or "<td" in html):
            found.append(Part(title.strip(), html))
    return head[1].strip() if head else "", render(lead), found


def render(markdown: str) -> str:
    """Markdown with tables as HTML; each table in a box that scrolls, its columns of numbers right-aligned.

    Tables are of the class that the page's script makes sortable.
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "image", "autolink"])
    tokens = reader.parse(re.sub(r"^\+ ", r"\\+ ", markdown, flags=re.MULTILINE))  # a sign, never a list
    _align(tokens)
    html = str(reader.renderer.render(tokens, reader.options, {}))
    box = '<div class="table" tabindex="0" role="region" aria-label="Table">'
    return html.replace("<table>", f'{box}<table class="sortable">').replace("</table>", "</table></div>")


def _align(tokens: Sequence[Token]) -> None:
    # A column is one of numbers if its first cell in the body is.
    heads: list[Token] = []
    column = 0
    numeric: dict[int, bool] = {}
    for token, inside in pairwise(tokens):
        if token.type == "table_open":
            heads, numeric = [], {}
        elif token.type == "tr_open":
            column = 0
        elif token.type == "th_open":
            token.attrSet("scope", "col")
            heads.append(token)
        elif token.type == "td_open":
            if column not in numeric:
                numeric[column] = column > 0 and _numeric(inside.content)
                if numeric[column]:
                    heads[column].attrJoin("class", "n")
            if numeric[column]:
                token.attrJoin("class", "n")
            elif column == 0 and len(inside.content) > LONG:
                token.attrJoin("class", "long")
            if verdict := _VERDICT.fullmatch(inside.content):
                token.attrJoin("class", verdict[1])
            column += 1


def _numeric(cell: str) -> bool:
    rest = _WORDS.sub("", cell)
    return not any(character.isalpha() for character in rest) and rest.strip() != ""
