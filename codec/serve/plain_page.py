"""The page of a server without the built player: a list of songs that the browser plays as wav."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from html import escape

from codec.clock import clock
from codec.serve.library import Song

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 44rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { font-size: 1.5rem; margin: 0; }
ol { list-style: none; padding: 0; }
li { display: grid; grid-template-columns: 4rem 1fr; gap: 0 1rem; padding: 0.75rem 0; }
img { width: 4rem; height: 4rem; object-fit: cover; border-radius: 4px; grid-row: 1 / 3; }
li > div { grid-column: 2; }
audio { width: 100%; grid-column: 2; }
small { opacity: 0.7; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: 0.5rem; }
"""

_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src 'self' data:; media-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Its Content-Security-Policy."""

NOTICE = (
    "The player for browsers was not built, so this server decodes the songs and sends wav, about a hundred times the "
    "bytes. To have them decoded in the browser: npm ci && npm run build in codec/player."
)


def plain_page(
    title: str, query: str, songs: Iterable[Song], total: int, missing: Callable[[Song], str] = lambda _: ""
) -> str:
    """Return the page as HTML.

    Args:
        title: its heading.
        query: what was searched for.
        songs: the songs to list.
        total: how many there are, those that are not listed included.
        missing: why a song cannot be decoded here, in a line; empty where it can.
    """
    rows = [_row(song, song.damage or missing(song)) for song in songs]
    more = f"<p>{total - len(rows)} more; search to find them.</p>" if total > len(rows) else ""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
<h1>{escape(title)}</h1>
<p><small>{escape(NOTICE)}</small></p>
<form role="search">
<input type="search" name="q" value="{escape(query)}" placeholder="Search" aria-label="Search">
</form>
<ol>{"".join(rows) or "<li><div>No songs here.</div></li>"}</ol>
{more}
</html>
"""


def _row(song: Song, problem: str) -> str:
    about = " &middot; ".join(escape(text) for text in (song.artist, song.album) if text)
    length = "" if song.seconds is None else f" <small>{clock(int(song.seconds)).partition('.')[0]}</small>"
    cover = f'<img src="covers/{song.id}" alt="" loading="lazy">' if song.cover else ""
    if problem:
        sound = f'<div role="note">{escape(problem)}</div>'
    else:
        label = escape(song.title)
        sound = f'<audio controls preload="none" src="songs/{song.id}.wav" aria-label="{label}"></audio>'
    return f"<li>{cover}<div>{escape(song.title)}{length}<br><small>{about}</small></div>{sound}</li>"
