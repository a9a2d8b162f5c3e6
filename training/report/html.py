"""Markdown of saved results as parts of a page: tables whose numbers line up, everything escaped."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

_WORDS = re.compile(r"[*±%:x<]|\b(ahead|behind|level|inf|nan|dB)\b")  # allowed in a cell of numbers
_VERDICT = re.compile(r"[+-]\d.*\b(ahead|behind)$")


class Part(NamedTuple):
    """A titled piece of HTML."""

    title: str
    html: str


def parts(markdown: str) -> tuple[str, list[Part]]:
    """Split at headings of the second level: the HTML before the first one, and a part for each.

    The heading of the first level is left out, because the page has its own. HTML in the source is shown as text, and
    so are links and pictures.
    """
    lead, *rest = re.split(r"^## +", re.sub(r"\A\s*# .*\n?", "", markdown), flags=re.MULTILINE)
    found = []
    for text in rest:
        title, _, body = text.partition("\n")
        found.append(Part(title.strip(), render(body)))
    return render(lead), found


def render(markdown: str) -> str:
    """Markdown with tables as HTML; each table in a box that scrolls, its columns of numbers right-aligned."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "image", "autolink"])
    tokens = reader.parse(re.sub(r"^\+ ", r"\\+ ", markdown, flags=re.MULTILINE))  # a sign, never a list
    _align(tokens)
    html = str(reader.renderer.render(tokens, reader.options, {}))
    box = '<div class="table" tabindex="0" role="region" aria-label="Table">'
    return html.replace("<table>", f"{box}<table>").replace("</table>", "</table></div>")


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
            if verdict := _VERDICT.fullmatch(inside.content):
                token.attrJoin("class", verdict[1])
            column += 1


def _numeric(cell: str) -> bool:
    rest = _WORDS.sub("", cell)
    return not any(character.isalpha() for character in rest) and rest.strip() != ""
