"""Server-Sent Events for a batch's page.

One statement a tick reads the versions of all batches that somebody watches; nothing is announced from inside a money
commit. The stream says only that something changed; the page then fetches its own fragment with its own rights.
"""

import asyncio
from collections.abc import AsyncIterator

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from pilothouse.kernel.access.authenticate import principal_of_session
from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.scope import WEB_ALIAS, tenant_scope

from .commands import access_batch

TICK_S = 0.4
PING_EVERY_TICKS = 40
# A stream ends after a while and the browser opens the next, so that a session that ended is noticed.
STREAM_MAX_TICKS = 1_500
STREAMS_MAX_COUNT = 2_000
log = structlog.get_logger(__name__)


class Watch:
    """The versions of all watched batches, read together once a tick while somebody watches."""

    def __init__(self) -> None:
        self.watchers: dict[int, int] = {}
        self.versions: dict[int, str] = {}
        self.ticked = asyncio.Condition()
        self.task: asyncio.Task[None] | None = None

    async def add(self, batch: int) -> None:
        """Watch one more stream's batch."""
        self.watchers[batch] = self.watchers.get(batch, 0) + 1
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())

    def drop(self, batch: int) -> None:
        """A stream of this batch ended."""
        self.watchers[batch] -= 1
        if not self.watchers[batch]:
            del self.watchers[batch]
            self.versions.pop(batch, None)

    async def _run(self) -> None:
        while self.watchers:
            try:
                self.versions.update(await sync_to_async(_versions)(list(self.watchers)))
            except Exception:
                # A restarted database is an ordinary day: the streams stay and catch up.
                log.warning("live_tick_failed", exc_info=True)
            async with self.ticked:
                self.ticked.notify_all()
            await asyncio.sleep(TICK_S)


_watch: Watch | None = None


def watch() -> Watch:
    """This process's watch, made on its event loop."""
    global _watch
    if _watch is None:
        _watch = Watch()
    return _watch


def _versions(batches: list[int]) -> dict[int, str]:
    with connections[WEB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT id, version FROM video_versions(%s)", [batches])
        found = dict(cursor.fetchall())
    connections[WEB_ALIAS].close()
    return found


def _watched_batch(request: HttpRequest, public_id: str) -> int | None:
    principal = principal_of_session(request)
    if principal is None:
        return None
    with tenant_scope(principal.tenant, principal.actor):
        return access_batch(public_id).id


async def batch_stream(request: HttpRequest, public_id: str) -> HttpResponse | StreamingHttpResponse:
    """A stream of `changed` events for one batch of the signed-in person's tenant; 401, 404 or 503 without one."""
    try:
        batch = await sync_to_async(_watched_batch)(request, public_id)
    except NotFound:
        return _cors(HttpResponse(status=404))
    if batch is None:
        return _cors(HttpResponse(status=401))
    if sum(watch().watchers.values()) >= STREAMS_MAX_COUNT:
        return _cors(HttpResponse(status=503, headers={"Retry-After": "10"}))
    response = StreamingHttpResponse(_events(batch), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return _cors(response)


async def _events(batch: int) -> AsyncIterator[bytes]:
    watching = watch()
    await watching.add(batch)
    seen: str | None = None
    try:
        yield b"retry: 2000\n\n"
        for tick in range(STREAM_MAX_TICKS):
            async with watching.ticked:
                await watching.ticked.wait()
            version = watching.versions.get(batch)
            if version is not None and version != seen:
                if seen is not None:
                    yield b"event: changed\ndata: {}\n\n"
                seen = version
            elif tick % PING_EVERY_TICKS == 0:
                yield b": here\n\n"
    finally:
        watching.drop(batch)


def _cors(response: HttpResponse | StreamingHttpResponse) -> HttpResponse | StreamingHttpResponse:
    """The page is served from the site's origin, which may be another port."""
    response["Access-Control-Allow-Origin"] = settings.SITE_URL
    response["Access-Control-Allow-Credentials"] = "true"
    response["Vary"] = "Origin"
    return response
