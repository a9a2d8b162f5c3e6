"""The built player's files, of which the texts are sent compressed. Songs and models are compressed already."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import lru_cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

TEXTS = frozenset((".css", ".html", ".js", ".json", ".svg", ".webmanifest"))
"""Extensions of files that are compressed; a part of one, and all others, are sent as they are."""


class PlayerFiles(StaticFiles):
    """A folder of files, as Starlette serves it, with texts compressed for who accepts gzip."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the answer to a request."""
        response = await super().get_response(path, scope)
        if not isinstance(response, FileResponse) or Path(response.path).suffix.lower() not in TEXTS:
            return response
        response.headers.add_vary_header("Accept-Encoding")
        asked = Headers(scope=scope)
        if scope["method"] != "GET" or "range" in asked or not accepts_gzip(asked.get("accept-encoding", "")):
            return response
        file = Path(response.path)
        state = await run_in_threadpool(file.stat)
        content = await run_in_threadpool(_compressed, file, state.st_mtime_ns, state.st_size)
        known = response.headers["etag"]  # a weak one, because the same text has it in other bytes
        kept = {name: value for name, value in response.headers.items() if name in ("content-type", "last-modified")}
        added = {"Content-Encoding": "gzip", "ETag": f"W/{known}", "Vary": response.headers["vary"]}
        return Response(content, response.status_code, kept | added)


def text(content: bytes, kind: str, request: Headers) -> Response:
    """Return a text of some media type that was made here, compressed for who accepts gzip by the request's headers."""
    headers = {"Vary": "Accept-Encoding"}
    if accepts_gzip(request.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
        content = gzip.compress(content, mtime=0)
    headers["ETag"] = tag(content)
    return Response(content, media_type=kind, headers=headers)


def tag(content: bytes) -> str:
    """The ETag of what is made for each answer."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header names gzip, and not with a weight of 0."""
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return not re.fullmatch(r"q=0(\.0*)?", weight.strip())
    return False


@lru_cache(64)
def _compressed(file: Path, changed: int, size: int) -> bytes:
    """A file compressed, as it was when it had this time and size."""
    return gzip.compress(file.read_bytes(), mtime=0)
