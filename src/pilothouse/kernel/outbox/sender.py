"""The pump of webhooks: claim due deliveries, send each over HTTP, write what came of them.

1. `claim` leases a set and counts the try.
2. `act` signs afresh (new timestamp, same id, same bytes) and sends; nothing about it is in the database yet.
3. `finish` writes a set of outcomes in one statement. If this process dies before, the lease ends, the try is written
   as lost, and the delivery is sent again: a receiver may see an id twice, never not at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

import structlog
from django.conf import settings

from pilothouse.kernel.base import clock, machine
from pilothouse.kernel.base.http import Lookup, Reply, SafeClient
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sets import halved
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events, apply

from . import limits
from .alerts import tell_about_ended
from .endpoints import abort_open
from .lifecycle import DELIVERY, ENDPOINT
from .secrets_at_rest import signing_key
from .signing import signed_headers

SQL = Statements(__file__)
log = structlog.get_logger(__name__)
GONE = 410
SLOW_DOWN = (429, 503)
# The event on a delivery's timeline by the state in which it ended; its tries are rows of their own.
ENDED = {"delivered": "ack", "dead": "give_up", "disabled": "gone"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try: the state that it leads to, the waits, and the attempt's record."""

    id: int
    token: int
    state: str
    wait_s: float
    hold_s: float
    at: datetime
    ms: int
    status: int | None
    error: str
    excerpt: str
    body_sha256: str


def judge(row: Row, reply: Reply, at: datetime) -> Outcome:
    """What one answer means for its delivery. 2xx acknowledges, 410 ends, everything else is tried again."""
    status, wait_s, hold_s, error = reply.status, 0.0, 0.0, ""
    if status is not None and 200 <= status < 300:
        state = "delivered"
    elif status == GONE:
        state, error = "disabled", "gone"
    else:
        error = reply.failure.value if reply.failure else ("redirected" if status and status < 400 else "refused")
        state = "waiting" if row["attempt"] < limits.ATTEMPTS_MAX else "dead"
        asked_s = retry_after_s(reply.retry_after, at)
        if state == "waiting":
            wait_s = max(_planned_wait_s(row["attempt"]), asked_s)
        if status in SLOW_DOWN:
            hold_s = asked_s
    excerpt = reply.body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return Outcome(
        row["id"], row["token"], state, wait_s, hold_s, at, reply.ms, status, error, excerpt, row["body_sha256"]
    )


def _planned_wait_s(attempt: int) -> float:
    """Seconds after the `attempt`-th failed try, with jitter so that deliveries of one outage do not return at once."""
    spread = limits.RETRY_JITTER_RATIO
    return limits.RETRY_WAITS_S[attempt - 1] * machine.uniform(1 - spread, 1 + spread)


def retry_after_s(header: str | None, now: datetime) -> float:
    """Seconds that a Retry-After header asks for, 0 when there is none or it is not one, bounded."""
    if not header:
        return 0.0
    if header.strip().isdecimal():
        return float(min(int(header.strip()[:12]), limits.RETRY_AFTER_MAX_S))
    try:
        until = parsedate_to_datetime(header)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(0.0, (until - now).total_seconds()), limits.RETRY_AFTER_MAX_S)


def webhook_client(allow_local: bool, lookup: Lookup | None = None) -> SafeClient:
    """The HTTP client of deliveries, with the room's limits; bound to the running event loop."""
    return SafeClient(
        allow_local=allow_local,
        timeout_s=limits.REQUEST_TIMEOUT_S,
        body_timeout_s=limits.RESPONSE_BODY_TIMEOUT_S,
        capture_bytes=limits.RESPONSE_CAPTURE_BYTES,
        user_agent=f"{settings.PRODUCT_NAME}-Webhooks/1",
        lookup=lookup,
    )


class Client(Protocol):
    """What sends a delivery and closes its connections."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """The answer, or why there is none."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


class WebhookPump:
    """Drives deliveries in the worker process. One per process; its connections are kept alive between deliveries."""

    name = "webhooks"
    concurrency = limits.IN_FLIGHT_MAX

    def __init__(
        self, lookup: Lookup | None = None, allow_local: bool | None = None, client: Client | None = None
    ) -> None:
        """`client` stands for the network, in a rehearsal; otherwise deliveries go over HTTP."""
        self._lookup = lookup
        self._allow_local = settings.WEBHOOK_ALLOW_LOCAL if allow_local is None else allow_local
        self._client: Client | None = client

    def claim(self, limit: int) -> list[Row]:
        """Lease up to `limit` due deliveries, each with all that sending it needs."""
        with worker_scope(self.name):
            return SQL.rows(
                "claim_deliveries",
                count=limit,
                per_endpoint=limits.ENDPOINT_IN_FLIGHT_MAX,
                per_tenant=limits.TENANT_IN_FLIGHT_MAX,
                breaker_failures=limits.BREAKER_FAILURES,
                lease_s=limits.LEASE_S,
            )

    async def act(self, row: Row) -> Outcome:
        """Send one delivery."""
        at = clock.now()
        body = bytes(row["body"])
        keys = [signing_key(sealed) for sealed in (row["sealed"], *row["previous"])]
        headers = signed_headers(keys, row["message_id"], int(at.timestamp()), body)
        return judge(row, await self._http().post(row["url"], body, headers), at)

    def finish(self, results: Sequence[Outcome]) -> None:
        """Write a set of outcomes; a result whose lease went to somebody else changes nothing."""
        halved(list(results), _finish, _unfinishable)

    def renew(self, rows: Sequence[Row]) -> None:
        """Prolong the leases of deliveries under way."""
        with worker_scope(self.name):
            SQL.execute(
                "renew_deliveries",
                ids=[row["id"] for row in rows],
                tokens=[row["token"] for row in rows],
                lease_s=limits.LEASE_S,
            )

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _http(self) -> Client:
        # Made at the first delivery, because a connection pool belongs to the event loop that runs then.
        if self._client is None:
            self._client = webhook_client(self._allow_local, self._lookup)
        return self._client


def _finish(results: list[Outcome]) -> None:
    with worker_scope("webhooks"):
        moved = SQL.rows(
            "finish_deliveries",
            ids=[r.id for r in results],
            tokens=[r.token for r in results],
            states=[r.state for r in results],
            waits_s=[r.wait_s for r in results],
            holds_s=[r.hold_s for r in results],
            ats=[r.at for r in results],
            ms=[r.ms for r in results],
            statuses=[r.status for r in results],
            errors=[r.error for r in results],
            excerpts=[r.excerpt for r in results],
            body_sha256s=[r.body_sha256 for r in results],
            breaker_failures=limits.BREAKER_FAILURES,
            pauses_s=list(limits.BREAKER_PAUSES_S),
        )
        _after(moved)


def _unfinishable(result: Outcome, error: Exception) -> None:
    # Its lease ends, the sweep writes the try as lost, and the delivery goes on; nobody else waits for it.
    log.error("delivery_unfinishable", delivery=result.id, error=repr(error))


def _after(moved: Sequence[Row]) -> None:
    """What follows from deliveries that ended: their timeline, an endpoint that is gone, word to those concerned."""
    ended = [row for row in moved if row["state"] != "waiting"]
    append_events(
        [
            NewEvent(
                row["tenant"],
                DELIVERY.name,
                row["id"],
                ENDED[row["state"]],
                data={"attempt": row["attempt"], "status": row["status"], "error": row["error"]},
            )
            for row in ended
        ]
    )
    gone = sorted({row["endpoint_id"] for row in ended if row["status"] == GONE})
    if gone:
        reason = "The endpoint answered 410 Gone."
        apply(ENDPOINT, "gone", gone, role="endpoint", strict=False, changes={"reason": reason})
        abort_open(gone, "endpoint_gone")
    tell_about_ended([row for row in ended if row["state"] != "delivered"])


def sweep() -> int:
    """Give back what dead senders held and end what is open for too long; returns how many rows moved."""
    with worker_scope("webhooks"):
        lost = SQL.rows("release_lost_deliveries", count=limits.SWEEP_MAX_ROWS, attempts_max=limits.ATTEMPTS_MAX)
        old = SQL.rows("give_up_old_deliveries", count=limits.SWEEP_MAX_ROWS, life_hours=limits.DELIVERY_LIFE_HOURS)
        _after([*lost, *old])
        notices = SQL.rows("release_lost_notices", count=limits.SWEEP_MAX_ROWS, attempts_max=limits.NOTICE_ATTEMPTS_MAX)
        return len(lost) + len(old) + len(notices)
