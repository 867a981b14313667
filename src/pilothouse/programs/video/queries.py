"""Reads of batches and items, under the names that customers see (requirement C8: this is the one mapping)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.files.links import signed_path
from pilothouse.kernel.outbox.queries import webhook_statuses

from . import limits
from .lifecycle import COMPLETED_EVENT

SQL = Statements(__file__)
BATCH_STATES = ("pending", "running", "completed")
BATCH_OUTCOMES = ("all_succeeded", "partial", "all_failed")
BATCH_SORTS = ("newest", "oldest", "largest")
# `failed` is a passing state: an item that failed is stored as refunded and matches both words.
ITEM_FILTERS = {
    "pending": "pending",
    "running": "running",
    "succeeded": "succeeded",
    "failed": "refunded",
    "refunded": "refunded",
}
PARAM_HINT = "adjust_prompt_or_image"


def batch_rows(
    tenant: int,
    *,
    count: int,
    before: int | None = None,
    last_total: int | None = None,
    sort: str = "newest",
    state: str | None = None,
    request_id: str | None = None,
    mode: str | None = None,
    outcome: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    search: str | None = None,
) -> list[Row]:
    """Rows of a tenant's batches for lists, by `sort`: newest, oldest or largest.

    `before` is the key of the last row seen, with its `last_total` when the largest come first; `mode` live or test;
    `outcome` how a completed batch ended; [since, until) when it was accepted; `search` the beginning of a request_id
    or a batch's id.
    """
    return SQL.rows(
        "list_batches",
        tenant=tenant,
        count=count,
        last_id=before,
        last_total=last_total,
        sort=sort,
        state=state,
        request_id=request_id,
        mode=mode,
        outcome=outcome,
        since=since,
        until=until,
        search=search,
    )


def batch_counts(tenant: int) -> dict[str, int]:
    """How many batches are open, by state; completed ones are not counted (they may be many)."""
    return {row["state"]: row["n"] for row in SQL.rows("batch_counts", tenant=tenant)}


def item_rows(
    batch: int, *, count: int, after: int = 0, before: int | None = None, status: str | None = None
) -> list[Row]:
    """Rows of a batch's items by position; `after` is the last position seen, `status` one of ITEM_FILTERS.

    With `before`, the last `count` rows below that position instead.
    """
    if status is not None and status not in ITEM_FILTERS:
        raise InvalidInput(reason=f"status must be one of {', '.join(ITEM_FILTERS)}.")
    rows = SQL.rows(
        "list_items",
        batch=batch,
        count=count,
        after=after,
        before=before,
        state=None if status is None else ITEM_FILTERS[status],
    )
    return rows if before is None else rows[::-1]


def access_item(batch: int, public_id: str) -> Row:
    """One item of a batch; NotFound for an item of another one as for none."""
    row = SQL.one("item_of", batch=batch, item=public_id.replace("\x00", ""))
    if row is None:
        raise NotFound(what="video")
    return row


def item_money(item: int, tenant: int) -> list[Row]:
    """What the ledger moved for one item, in order: {journal, kind, amount, effective_at, unit}."""
    return SQL.rows("item_money", item=item, tenant=tenant)


def recent_failures(tenant: int) -> list[Row]:
    """The first failed items of the newest batches that have any, for the overview."""
    return SQL.rows(
        "recent_failures",
        tenant=tenant,
        look_back=limits.OVERVIEW_LOOK_BACK_BATCHES,
        batches=limits.OVERVIEW_FAILED_BATCHES_COUNT,
        items=limits.OVERVIEW_FAILED_ITEMS_COUNT,
    )


def equation(tenant: int, unit: str, start: datetime, end: datetime) -> Row:
    """The money of the batches that were accepted in [start, end): {reserved, settled, refunded, in_flight, …}."""
    row = SQL.one("equation", tenant=tenant, unit=unit, start=start, end=end)
    assert row is not None
    return row


def batches_json(rows: list[Row]) -> list[dict[str, Any]]:
    """The API's form of batches (requirement C47), with their webhooks' states in one read."""
    webhooks = webhook_statuses("batch", [row["id"] for row in rows], COMPLETED_EVENT)
    return [
        {
            "batch_id": row["public_id"],
            "request_id": row["request_id"],
            "status": row["state"],
            "summary": {"total": row["total"], **counts(row)},
            "ledger": money(row),
            "webhook": {"url": row["webhook_url"], "status": webhook_status(row, webhooks)},
            "created_at": clock.iso(row["created_at"]),
            "completed_at": clock.iso(row["completed_at"]) if row["completed_at"] else None,
        }
        for row in rows
    ]


def counts(row: Row) -> dict[str, int]:
    """How many items of a batch are where, under the names that customers read."""
    return {
        "pending": row["pending_count"],
        "running": row["running_count"],
        "succeeded": row["succeeded_count"],
        "failed": row["failed_count"],
    }


def money(row: Row) -> dict[str, int]:
    """Where a batch's credits are now: what was reserved is settled, refunded or in flight."""
    return {
        "reserved": row["reserved"],
        "settled": row["settled"],
        "refunded": row["refunded"],
        "in_flight": in_flight(row),
    }


def in_flight(row: Row) -> int:
    """Credits held for items that have not ended: counted from the items, never by subtraction (requirement C3), so
    that a sum which does not add up shows."""
    return int((row["pending_count"] + row["running_count"]) * row["cost"])


def webhook_status(row: Row, told: Mapping[int, Row]) -> str:
    """none, pending, delivered or failed: an unfinished batch with an address has its message still before it."""
    status = str(told[row["id"]]["status"]) if row["id"] in told else "none"
    if status == "none" and row["webhook_url"] and row["state"] != "completed":
        return "pending"
    return status


def items_json(rows: list[Row]) -> list[dict[str, Any]]:
    """The API's form of items: what was asked, how it went, and a signed link where a video is kept."""
    return [
        {
            "item_id": row["public_id"],
            "position": row["position"],
            "status": row["state"],
            "failure_reason": row["failure_reason"],
            "hint": PARAM_HINT if row["failure_reason"] == "param_error" else None,
            "params": {**row["params"], **({"image": row["image"]} if row["image"] else {})},
            "metadata": row["metadata"],
            "fingerprint": row["fingerprint"],
            "progress": row["progress"],
            "history": [{**step, "at": clock.iso(step["at"])} for step in history(row)],
            "output": output(row),
        }
        for row in rows
    ]


def history(row: Row) -> list[dict[str, Any]]:
    """Every status an item went through and when; `failed` and `refunded` commit together and both show."""
    steps = [("pending", row["created_at"]), ("running", row["dispatched_at"])]
    if row["state"] == "succeeded":
        steps.append(("succeeded", row["finished_at"]))
    elif row["state"] == "refunded":
        steps += [("failed", row["finished_at"]), ("refunded", row["finished_at"])]
    return [{"status": status, "at": at} for status, at in steps if at is not None]


def output(row: Row) -> dict[str, Any] | None:
    """The finished video: a link that works for fifteen minutes, its size and hash; None while there is none."""
    if row["output"] is None:
        return None
    until = clock.now().replace(microsecond=0) + timedelta(seconds=limits.OUTPUT_LINK_S)
    return {
        "url": settings.SITE_URL + signed_path(row["tenant"], row["output"], life_s=limits.OUTPUT_LINK_S),
        "url_expires_at": clock.iso(until),
        "expires_at": clock.iso(row["output_expires_at"]),
        "bytes": row["output_bytes"],
        "media_sha256": row["media_sha256"],
    }


def outcome(row: Row) -> str:
    """How a completed batch ended: all_succeeded, partial or all_failed; empty while it runs."""
    if row["state"] != "completed":
        return ""
    if row["failed_count"] == 0:
        return "all_succeeded"
    return "all_failed" if row["succeeded_count"] == 0 else "partial"


def failures(batch: int) -> list[Row]:
    """How many items of a batch failed for each reason: {reason, count}."""
    return SQL.rows("failures", batch=batch)
