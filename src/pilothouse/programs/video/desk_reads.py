"""What the operator desk reads of this program, over all tenants: names of providers stay on that side."""

from collections.abc import Sequence

from django.urls import reverse

from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.outbox.queries import webhook_statuses
from pilothouse.kernel.watch.desk_work import DeskWork, declare_work

from . import limits
from .desk_parity import ParitySide
from .lifecycle import COMPLETED_EVENT
from .providers.breaker import Breaker
from .queries import outcome, webhook_status

SQL = Statements(__file__, "sql/desk")


def today(tenants: Sequence[int]) -> dict[int, int]:
    """How many batches each tenant has created since midnight UTC."""
    return {row["tenant"]: row["n"] for row in SQL.rows("batches_today", tenants=list(tenants))}


def recent(tenant: int, count: int) -> list[Row]:
    """The newest batches of a tenant, with the state of their webhook."""
    rows = SQL.rows("recent_batches", tenant=tenant, count=count)
    told = webhook_statuses("batch", [row["id"] for row in rows], COMPLETED_EVENT)
    return [
        {
            **row,
            "name": row["request_id"],
            "state": outcome(row) or row["state"],
            "at": row["created_at"],
            "webhook_status": webhook_status(row, told),
            "url": f"{reverse('video:desk_parity')}?a={row['public_id']}",
        }
        for row in rows
    ]


WORK = declare_work(DeskWork("video", "Batches", today, recent))


def calls(window_s: float) -> list[Row]:
    """Calls by provider within `window_s` seconds of machine time, in the newest DESK_TAIL_ATTEMPTS."""
    return SQL.rows("calls", window_s=window_s, tail=limits.DESK_TAIL_ATTEMPTS)


def video_seconds(window_s: float) -> dict[str, list[float]]:
    """By provider, how many seconds each finished video took upstream."""
    found: dict[str, list[float]] = {}
    for row in SQL.rows("videos", window_s=window_s, tail=limits.DESK_TAIL_ATTEMPTS):
        found.setdefault(row["provider"], []).append(float(row["took_s"]))
    return found


def breaker_states() -> dict[str, str]:
    """By provider, the state of a breaker that saw the newest recorded calls: closed, open or half_open.

    Each worker has its own breaker in memory; this replays what all of them recorded through the same rules.
    """
    rows = SQL.rows("newest_outcomes", count=limits.DESK_BREAKER_CALLS, tail=limits.DESK_TAIL_ATTEMPTS)
    breakers: dict[str, Breaker] = {}
    for row in rows:
        breaker = breakers.setdefault(row["provider"], Breaker())
        if row["outcome"] in ("broken", "unknown"):
            breaker.failed(-row["age_s"])
        else:
            breaker.succeeded()
    return {provider: breaker.state(0.0) for provider, breaker in breakers.items()}


def parity_side(public_id: str) -> ParitySide:
    """A batch with its items, for comparison. Raises NotFound."""
    batch = SQL.one("parity_batch", public_id=public_id)
    if batch is None:
        raise NotFound(what="batch")
    return ParitySide(batch, SQL.rows("parity_items", batch=batch["id"], count=limits.DESK_PARITY_ITEMS_MAX_COUNT))


def newest_batches(count: int) -> list[Row]:
    """The newest batches of all tenants, to choose from."""
    return SQL.rows("newest_batches", count=count)
