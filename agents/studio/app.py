"""The studio's server: its page, and what the page asks for."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from synthgym.errors import SynthgymError

from ..trials.signals import Signals
from . import patches, requests
from .guard import Guard
from .instruments import instruments, unknown
from .session import Session, Sessions

logger = logging.getLogger(__name__)
_NO_ROOM = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO)
PAGE = Path(__file__).parent / "page"
_BEAT = 10.0
"""Seconds between two signs of life to a page."""
_LOOKS = 2.0
"""Seconds between two looks for pages that are gone."""


def make_app(port: int, sessions: Sessions, *, ready: Callable[[Signals], None] | None = None) -> Starlette:
    """Return the studio.

    Args:
        port: at which it is served.
        sessions: of its pages.
        ready: called, in a thread, while nobody waits yet: makes ready what the first search needs, unless
            the signals that it is given say that it is over.

    Returns:
        The ASGI application.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.sessions, app.state.reading = sessions, asyncio.Semaphore(1)
        looking = asyncio.create_task(_end_unseen(sessions))
        stop = Signals()
        preparing = None if ready is None else threading.Thread(target=ready, args=[stop])
        app.state.preparing = preparing
        if preparing is not None:
            preparing.start()
        try:
            yield
        finally:  # also where a signal came before all was up
            looking.cancel()
            stop.stop()
            if preparing is not None:  # a thread within an engine must not see the interpreter end
                preparing.join()
            sessions.close()

    at = "/api/pages/{page}"
    routes = [
        Route("/api/instruments", _instruments),
        Route("/api/pages", _new_page, methods=["POST"]),
        Route(f"{at}/events", _events),
        Route(f"{at}/takes", _upload, methods=["POST"]),
        Route(f"{at}/takes/{{take:{requests.NUMBER}}}", _remove, methods=["DELETE"]),
        Route(f"{at}/takes/{{take:{requests.NUMBER}}}/search", _search, methods=["POST"]),
        Route(f"{at}/takes/{{take:{requests.NUMBER}}}/stop", _stop, methods=["POST"]),
        *patches.routes(at),
        Mount("/", StaticFiles(directory=PAGE, html=True)),
    ]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(Guard, port=port)],
        exception_handlers={
            SynthgymError: _refused,
            HTTPException: _failed,
            ClientDisconnect: _left,
            OSError: _unwritable,
            Exception: _broken,
        },
    )


async def _instruments(request: Request) -> Response:
    preparing: threading.Thread | None = request.app.state.preparing
    # A plugin that nobody has looked at yet may be one: the page asks again while that is found out.
    more = preparing is not None and preparing.is_alive() and bool(await run_in_threadpool(unknown))
    known = await run_in_threadpool(instruments)
    shown = [{"key": one.key, "name": one.name} for one in known]
    return JSONResponse({"instruments": shown, "more": more})


async def _new_page(request: Request) -> Response:
    sessions: Sessions = request.app.state.sessions
    return JSONResponse({"page": sessions.new().key})


async def _events(request: Request) -> Response:
    page = requests.page_of(request)
    return StreamingResponse(_told(page, request.app.state.sessions), media_type="text/event-stream")


async def _told(page: Session, sessions: Sessions) -> AsyncIterator[str]:
    """Give each take as it is now, and again whenever it has changed."""
    loop, changed, news = asyncio.get_running_loop(), set(page.takes), asyncio.Event()

    def note(number: int) -> None:
        changed.add(number)
        news.set()

    def watcher(number: int) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(note, number)

    page.watchers.append(watcher)
    try:
        yield "retry: 1000\n\n"
        while not sessions.ended:
            for number in sorted(changed):
                changed.discard(number)
                take = page.takes.get(number)
                shown = {"take": number, "state": "gone"} if take is None else take.snapshot()
                yield f"data: {json.dumps(shown)}\n\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), _BEAT)
            news.clear()
            if not changed:
                yield ": here\n\n"
    finally:
        page.watchers.remove(watcher)
        page.left()


async def _upload(request: Request) -> Response:
    page = requests.page_of(request)
    path = page.new_file()
    await requests.to_file(request, path)
    async with request.app.state.reading:  # one at a time: a long recording takes much memory
        take = await run_in_threadpool(page.add, requests.name_of(request), path)
    page.tell(take.number)
    return JSONResponse(take.snapshot())


async def _remove(request: Request) -> Response:
    requests.page_of(request).remove(request.path_params["take"])
    return Response(status_code=204)


async def _search(request: Request) -> Response:
    page = requests.page_of(request)
    take = page.take(request.path_params["take"])
    given = await requests.asked(request)
    page.search(take, await run_in_threadpool(requests.order, given, take, page))
    return JSONResponse({"state": take.state})


async def _stop(request: Request) -> Response:
    page = requests.page_of(request)
    await run_in_threadpool(page.stop, page.take(request.path_params["take"]))
    return Response(status_code=204)


async def _end_unseen(sessions: Sessions) -> None:
    while True:
        await asyncio.sleep(_LOOKS)
        try:
            await run_in_threadpool(sessions.end_unseen)
        except Exception:
            logger.exception("looking for pages that are gone failed")


async def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code)


async def _left(request: Request, error: Exception) -> Response:
    """Answer a page that was closed while it sent: nobody reads it."""
    return Response(status_code=400)


async def _unwritable(request: Request, error: Exception) -> Response:
    if not isinstance(error, OSError) or error.errno not in _NO_ROOM:
        raise error
    why = f"The studio cannot write its files: {error.strerror}. Make room on the disk, and try again."
    return JSONResponse({"error": why}, 507)


async def _broken(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "The studio met an error of its own; the terminal says more."}, 500)
