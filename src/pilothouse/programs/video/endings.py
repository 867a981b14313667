"""How items end: by success, failure, cancel or deadline, always through one statement with their money."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events, cancel
from pilothouse.kernel.lifecycle.errors import ReasonRefused
from pilothouse.kernel.outbox.commands import NewMessage, encode_body, enqueue

from .lifecycle import COMPLETED_EVENT, ITEM
from .limits import OUTPUT_KEPT_DAYS

SQL = Statements(__file__)
# With what reasons an item may go from one state to another; a success has none.
REASONS: dict[tuple[str, str], set[str | None]] = {}
for _transition in ITEM.transitions:
    for _source in _transition.sources:
        REASONS.setdefault((_source, _transition.to), set()).update(_transition.reasons or (None,))


@dataclass(frozen=True, slots=True)
class Ending:
    """How one item ends. `token` guards against a late finisher; None where the caller holds the row's lock."""

    item: int
    state: str
    token: int | None = None
    reason: str | None = None
    output: str | None = None
    size_bytes: int | None = None
    media_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """What a set of endings did: how many items ended, and the batches that completed with it."""

    count: int = 0
    completed: list[Row] = field(default_factory=list)


def end_items(endings: Sequence[Ending], *, from_state: str, claim: str) -> Ended:
    """End a set of items across batches and tenants, with money, timeline and counters; batches that complete emit.

    An item that is not in `from_state`, or whose token is stale, is left alone and moves no money. Raises ReasonRefused
    when an ending's reason is not one of its transition's, and then nothing has moved.
    """
    if not endings:
        return Ended()
    for state, reason in {(e.state, e.reason) for e in endings}:
        if reason not in REASONS.get((from_state, state), ()):
            known = ", ".join(map(str, REASONS.get((from_state, state), ())))
            act = "end this video"
            raise ReasonRefused(reason=str(reason), event=f"{from_state} to {state}", allowed=known, act=act)
    changed = SQL.prepared(
        "end_items",
        ids=[e.item for e in endings],
        tokens=[e.token for e in endings],
        states=[e.state for e in endings],
        reasons=_given([e.reason for e in endings]),
        outputs=_given([e.output for e in endings]),
        bytes=_given([e.size_bytes for e in endings]),
        hashes=_given([e.media_sha256 for e in endings]),
        from_state=from_state,
        claim=claim,
        actor=current_scope().actor,
        kept_days=OUTPUT_KEPT_DAYS,
    )
    completed = [row for row in changed if row["state"] == "completed"]
    _complete(completed)
    return Ended(sum(row["good"] + row["bad"] for row in changed), completed)


def _given(values: list[Any]) -> list[Any] | None:
    """A column of the set, or None where no row has a value: `unnest` fills in what a list lacks."""
    return values if any(value is not None for value in values) else None


def end_pending(batches: Sequence[int], *, reason: str, claim: str) -> Ended:
    """End the items of these batches that were never dispatched, for a cancel or a deadline."""
    return _end_all(batches, "pending", reason, claim)


def end_open(batches: Sequence[int], *, reason: str, claim: str) -> Ended:
    """End every open item of these batches: the deadline.

    All of their items are locked first, in id order: ending the pending ones locks batch and accounts, and no item
    may be locked after those.
    """
    SQL.rows("open_items", batches=list(batches), states=["pending", "running"])
    pending = _end_all(batches, "pending", reason, claim)
    running = _end_all(batches, "running", reason, claim + ":running")
    return Ended(pending.count + running.count, [*pending.completed, *running.completed])


def _end_all(batches: Sequence[int], state: str, reason: str, claim: str) -> Ended:
    ids = [row["id"] for row in SQL.rows("open_items", batches=list(batches), states=[state])]
    return end_items([Ending(key, "refunded", reason=reason) for key in ids], from_state=state, claim=claim)


def _complete(batches: Sequence[Row]) -> None:
    """The last event of a batch, its disarmed deadline and its one webhook message, in the same transaction."""
    if not batches:
        return
    append_events(
        [NewEvent(row["tenant"], "batch", row["id"], "finish", data={**summary(row), **money(row)}) for row in batches]
    )
    cancel("batch", [row["id"] for row in batches])
    enqueue(
        [
            NewMessage(
                tenant=row["tenant"],
                type=COMPLETED_EVENT,
                subject_kind="batch",
                subject_id=row["id"],
                body=payload(row),
                url=row["webhook_url"],
                reference=row["public_id"],
                mode=row["mode"],
            )
            for row in batches
            if row["kind"] == "enterprise"
        ]
    )


def summary(row: Row) -> dict[str, int]:
    """The counts of a completed batch under the API's names."""
    return {"total": row["total"], "succeeded": row["succeeded_count"], "failed": row["failed_count"]}


def money(row: Row) -> dict[str, int]:
    """The amounts of a completed batch under the API's names, in credits."""
    return {"reserved": row["reserved"], "settled": row["settled"], "refunded": row["refunded"]}


def payload(row: Row) -> bytes:
    """The exact bytes of `batch.completed` (requirement ENT-051), fixed for ever."""
    body = {
        "event": COMPLETED_EVENT,
        "batch_id": row["public_id"],
        "request_id": row["request_id"],
        "summary": summary(row),
        "ledger": money(row),
        "timestamp": clock.iso(row["completed_at"]),
    }
    return encode_body(body)
