"""Server-Sent Events for a batch's page.

One statement a tick reads the versions of all batches that somebody watches; nothing is announced from inside a money
commit. The stream says only that something changed; the page then fetches its own fragment with its own rights.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import import_module

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.db import Error, connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.authenticate import memberships, principal_of_session
from pilothouse.kernel.access.errors import NoMembership
from pilothouse.kernel.access.roles import ROLE_SCOPES
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.scope import WEB_ALIAS, tenant_scope

from . import limits
from .commands import access_batch

TICK_S = 0.4
PING_EVERY_TICKS = 40
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who watches which batch: the person, the session that they opened the stream with, and the tenant."""

    batch: int
    user: int
    tenant: int
    session: str


class Watch:
    """The versions of all watched batches, read together once a tick while somebody watches."""

    def __init__(self) -> None:
        self.watchers: Counter[int] = Counter()
        self.users: Counter[int] = Counter()
        self.tenants: Counter[int] = Counter()
        self.versions: dict[int, str] = {}
        self.ticked = asyncio.Condition()
        self.task: asyncio.Task[None] | None = None

    def full(self, viewer: Viewer) -> int:
        """The status with which one more stream is refused; 0 when it may open."""
        if self.watchers.total() >= limits.STREAMS_MAX_COUNT:
            return 503
        crowded = (
            self.users[viewer.user] >= limits.STREAMS_PER_PERSON_MAX_COUNT
            or self.tenants[viewer.tenant] >= limits.STREAMS_PER_TENANT_MAX_COUNT
        )
        return 429 if crowded else 0

    async def add(self, viewer: Viewer) -> None:
        """Watch one more stream's batch."""
        self.watchers[viewer.batch] += 1
        self.users[viewer.user] += 1
        self.tenants[viewer.tenant] += 1
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())

    def drop(self, viewer: Viewer) -> None:
        """A stream ended."""
        for counter, key in (
            (self.watchers, viewer.batch), (self.users, viewer.user), (self.tenants, viewer.tenant)
        ):  # fmt: skip
            counter[key] -= 1
            if not counter[key]:
                del counter[key]
        if viewer.batch not in self.watchers:
            self.versions.pop(viewer.batch, None)

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
    try:
        with connections[WEB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT id, version FROM video_versions(%s)", [batches])
            return dict(cursor.fetchall())
    finally:
        connections[WEB_ALIAS].close()


def _viewer(request: HttpRequest, public_id: str) -> Viewer | None:
    """The signed-in person who asks, or None for nobody. Raises NoMembership, Forbidden or NotFound."""
    principal = principal_of_session(request)
    if principal is None:
        if request.user.is_authenticated:
            raise NoMembership()
        return None
    principal.require("batches:read")
    with tenant_scope(principal.tenant, principal.actor):
        batch = access_batch(public_id).id
    return Viewer(batch, principal.user or 0, principal.tenant, request.session.session_key or "")


def _may_go_on(viewer: Viewer) -> bool:
    """Whether the session still stands for the same person, who may still read the batches of the tenant."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(viewer.session)
    request.user = get_user(request)
    try:
        if request.user.pk != viewer.user:
            return False
        return any(
            found.tenant == viewer.tenant and "batches:read" in ROLE_SCOPES[found.role]
            for found in memberships(request).tenants
        )
    finally:
        connections[WEB_ALIAS].close()


@require_GET
async def batch_stream(request: HttpRequest, public_id: str) -> HttpResponse | StreamingHttpResponse:
    """A stream of `changed` events for one batch of the signed-in person's tenant.

    401 without a session, 403 without the right, 404 for another's batch, 429 for one stream too many of a person or
    a tenant, 503 when this process serves all that it can.
    """
    try:
        viewer = await sync_to_async(_viewer)(request, public_id)
    except PilothouseError as refused:
        return _cors(HttpResponse(status=refused.status))
    if viewer is None:
        return _cors(HttpResponse(status=401))
    full = watch().full(viewer)
    if full:
        return _cors(HttpResponse(status=full, headers={"Retry-After": "10"}))
    response = StreamingHttpResponse(_events(viewer), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return _cors(response)


async def _events(viewer: Viewer) -> AsyncIterator[bytes]:
    watching = watch()
    await watching.add(viewer)
    seen: str | None = None
    try:
        yield b"retry: 2000\n\n"
        for tick in range(limits.STREAM_MAX_TICKS):
            async with watching.ticked:
                await watching.ticked.wait()
            if tick % limits.STREAM_RECHECK_TICKS == limits.STREAM_RECHECK_TICKS - 1 and not await _still(viewer):
                return
            version = watching.versions.get(viewer.batch)
            if version is not None and version != seen:
                if seen is not None:
                    yield b"event: changed\ndata: {}\n\n"
                seen = version
            elif tick % PING_EVERY_TICKS == 0:
                yield b": here\n\n"
    finally:
        watching.drop(viewer)


async def _still(viewer: Viewer) -> bool:
    try:
        return await sync_to_async(_may_go_on)(viewer)
    except Error:
        # The stream says nothing while the database is away; the next check comes soon.
        return True


def _cors(response: HttpResponse | StreamingHttpResponse) -> HttpResponse | StreamingHttpResponse:
    """The page is served from the site's origin, which may be another port."""
    response["Access-Control-Allow-Origin"] = settings.SITE_URL
    response["Access-Control-Allow-Credentials"] = "true"
    response["Vary"] = "Origin"
    return response
