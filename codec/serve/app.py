"""The server as an ASGI application: the page, the list of songs, and songs in parts.

/                  the page: the built player's or, without it, a plain one
/playlist.json     the songs; ?q= searches, ?from= begins further down a long list
/songs/ID.aez      a song as it lies on the disk, or encoded on demand
/songs/ID.wav      the same decoded, where the player was not built or cannot run the song's model
/covers/ID         its cover
/player/...        the built player, with the models of the songs
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import ASGIApp

from codec.pipeline.workers import Engine
from codec.player.page_files import INDEX, PAGE, filled
from codec.runtime.named_models import NamedModels
from codec.serve.guard import Guard
from codec.serve.library import Library, Song, playlist
from codec.serve.names import readable
from codec.serve.on_demand import OnDemand
from codec.serve.plain_page import POLICY, plain_page
from codec.serve.texts import PlayerFiles, tag, text
from codec.serve.wav import SLICE, Wav, Wavs, byte_range
from codec.serve.ways import Ways
from codec.version import __version__
from formats.errors import AezError

LISTED = 500
"""Most songs of a list; the page asks for the others."""

TYPE = "audio/x-aez"
"""Media type of .aez files."""


@dataclass(frozen=True)
class Serving:
    """What is served, and how.

    Attributes:
        library: the songs.
        engine: for what is decoded or encoded here.
        player: folder of the built player; None where it was not built.
        on_demand: encodes songs of other formats; None where they are not served.
        models: of the songs.
    """

    library: Library
    engine: Engine
    player: Path | None
    on_demand: OnDemand | None = None
    models: NamedModels = field(default_factory=NamedModels)

    @property
    def title(self) -> str:
        """The folder's name."""
        return readable(Path(self.library.folder.name or "Music"))

    async def song(self, request: Request) -> Song:
        """Return the song that a request names, or raise the answer that there is none."""
        song = await run_in_threadpool(self.library.song, request.path_params["id"])
        if song is None:
            raise HTTPException(404, "there is no such song")
        return song

    async def coded(self, song: Song) -> Path:
        """Return the .aez file of a song, which may have to be made."""
        return song.path if song.coded or self.on_demand is None else await self.on_demand.file(song)


def make_app(
    serving: Serving,
    *,
    hosts: tuple[str, ...] | None,
    password: str | None,
    report: Callable[[str], None] = lambda _: None,
) -> ASGIApp:
    """Make the application; `hosts`, `password` and `report` are as for `Guard`."""
    wavs = Wavs(serving.engine, report)
    encoded = serving.on_demand.bitstream if serving.on_demand else b""
    ways = Ways(serving.models, in_browsers=serving.player is not None, encoded=encoded)

    def songs(request: Request) -> tuple[str, list[Song]]:
        query = request.query_params.get("q", "")[:200]
        return query, serving.library.search(query)

    def listing(request: Request) -> Response:
        _, found = songs(request)
        first = _number(request.query_params.get("from", ""))
        listed = playlist(serving.title, found[first : first + LISTED], len(found), ways.row)
        return JSONResponse(listed | {"served": True})

    def plain(request: Request) -> Response:
        query, found = songs(request)
        html = plain_page(serving.title, query, found[:LISTED], len(found), lambda song: ways.of(song).missing)
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

    async def song(request: Request) -> Response:
        path = await serving.coded(await serving.song(request))
        state = await run_in_threadpool(path.stat)
        return _unless_known(request, FileResponse(path, media_type=TYPE, stat_result=state))

    async def wav(request: Request) -> Response:
        found = await serving.song(request)
        if serving.player and (await run_in_threadpool(ways.of, found)).files is not None:
            raise HTTPException(404, "browsers decode this song")
        opened = await run_in_threadpool(Wav.of, await serving.coded(found), serving.models.named)
        return _unless_known(request, _wav_response(request, opened, wavs))

    def index(request: Request) -> Response:
        html = filled((serving.player or Path()).joinpath(PAGE, INDEX).read_text("utf-8"), ways.first, __version__)
        return _unless_known(request, text(html.encode(), "text/html", request.headers))

    def model(request: Request) -> Response:
        data = ways.file(request.path_params["bitstream"], request.path_params["name"])
        if data is None:
            raise HTTPException(404, "there is no such model")
        headers = {"ETag": tag(data)}
        return _unless_known(request, Response(data, media_type="application/octet-stream", headers=headers))

    async def cover(request: Request) -> Response:
        found = await serving.song(request)
        if found.cover is None:
            raise HTTPException(404, "this song has no cover")
        headers = {"Content-Length": str(found.cover.size), "ETag": f'"{found.changed:x}-{found.size:x}"'}
        slices = _slices(found.path, found.cover.start, found.cover.size)
        return _unless_known(request, StreamingResponse(slices, media_type=found.cover.kind, headers=headers))

    zipped = [Middleware(GZipMiddleware)]
    routes: list[Route | Mount] = [
        Route("/playlist.json", listing, middleware=zipped),
        Route("/songs/{id}.aez", song),
        Route("/songs/{id}.wav", wav),
        Route("/covers/{id}", cover),
    ]
    if serving.player:
        routes += [Route(path, index) for path in ("/", f"/{INDEX}")]
        routes += [Route("/player/model/{bitstream}/{name}", model)]
        routes += [Mount("/player", PlayerFiles(directory=serving.player))]
        routes += [Mount("/", PlayerFiles(directory=serving.player / PAGE))]
    else:
        routes += [Route("/", plain, middleware=zipped)]

    def failed(_: Request, error: Exception) -> Response:
        return _failed(serving, error)

    errors: dict[type[Exception], Callable[[Request, Exception], Response]] = {AezError: failed, OSError: failed}
    app = Starlette(routes=routes, exception_handlers=errors, lifespan=_lifespan(serving, ways))
    return Guard(app, hosts=hosts, password=password, report=report)


def _lifespan(serving: Serving, ways: Ways) -> Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        with serving.engine:
            if serving.player:
                threading.Thread(target=ways.prepare, daemon=True).start()
            yield
            serving.engine.stop()

    return running


def _failed(serving: Serving, error: Exception) -> Response:
    """An error in one line; without this machine's folders, which are nobody's business."""
    if not isinstance(error, AezError):
        return PlainTextResponse("the file cannot be read", 404)
    return PlainTextResponse(str(error).replace(f"{serving.library.folder}{os.sep}", ""), 422)


def _unless_known(request: Request, response: Response) -> Response:
    """A response, or that the browser has it already."""
    if StaticFiles().is_not_modified(response.headers, request.headers):
        return NotModifiedResponse(response.headers)
    return response


def _number(text: str) -> int:
    """A number that a request names; 0 where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _wav_response(request: Request, wav: Wav, wavs: Wavs) -> Response:
    headers = {"Accept-Ranges": "bytes", "ETag": f'"{wav.changed:x}-{wav.size:x}"'}
    if request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        asked = None
    else:
        asked = request.headers.get("range")
    try:
        part = byte_range(asked, wav.size)
    except ValueError:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{wav.size}"})
    start, end = part or (0, wav.size)
    headers["Content-Length"] = str(end - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{wav.size}"
    status = 206 if part else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type="audio/wav")
    return StreamingResponse(wavs.part(wav, start, end), status, headers, "audio/wav")


async def _slices(path: Path, start: int, size: int) -> AsyncIterator[bytes]:
    """Yield a part of a file in slices."""
    async with await anyio.open_file(path, "rb") as file:
        await file.seek(start)
        while size > 0 and (data := await file.read(min(SLICE, size))):
            size -= len(data)
            yield data
