"""The pump that runs items: claims a set, takes one step of each, writes what was found out for the whole set.

The item's row is the truth; this process keeps nothing that a restart would lose.
"""

from collections.abc import Sequence

import structlog

from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sets import halved
from pilothouse.kernel.base.sql import Row, Statements, run
from pilothouse.kernel.files.commands import discard_objects, record_files
from pilothouse.kernel.watch.promises import check_completed

from . import limits
from .dispatcher import Dispatcher
from .endings import Ended, end_items
from .images import load_image
from .steps import Step, Stepper

SQL = Statements(__file__)
log = structlog.get_logger(__name__)


class ItemPump:
    """Items as due rows of the worker."""

    name = "items"

    def __init__(self, dispatcher: Dispatcher, concurrency: int, lease_s: float = limits.CLAIM_LEASE_S) -> None:
        self.dispatcher = dispatcher
        self.concurrency = concurrency
        self.lease_s = lease_s
        self.stepper = Stepper(dispatcher, load_image, note_submit)

    def claim(self, limit: int) -> list[Row]:
        """Lease due items: those that go on, and in fair shares as many pending ones as the providers have room for."""
        with worker_scope("worker"):
            rows = SQL.prepared(
                "claim_items",
                count=limit,
                room=min(limit, self.dispatcher.room()),
                test_max=limits.TEST_IN_WORK_MAX_ITEMS,
                lease_s=self.lease_s,
                timeout_s=limits.ITEM_TIMEOUT_S,
            )
        self.dispatcher.claimed(sum(1 for row in rows if _takes_room(row)))
        return rows

    async def act(self, row: Row) -> Step:
        """One step of one item."""
        try:
            return await self.stepper.take(row)
        finally:
            if _takes_room(row):
                self.dispatcher.claimed(-1)

    async def close(self) -> None:
        """Release the providers' connections and processes."""
        await self.dispatcher.aclose()

    def renew(self, rows: Sequence[Row]) -> None:
        """Keep the leases of items still in work."""
        self._lease(rows, self.lease_s)

    def release(self, rows: Sequence[Row]) -> None:
        """Give back items whose step was broken off by a stop."""
        self._lease(rows, 0)

    def _lease(self, rows: Sequence[Row], seconds: float) -> None:
        with worker_scope("worker"):
            SQL.execute(
                "renew_items", ids=[row["id"] for row in rows], tokens=[row["token"] for row in rows], lease_s=seconds
            )

    def finish(self, results: Sequence[Step]) -> None:
        """Write a set of steps in one transaction; a bad one is halved out, marked, and the rest proceeds."""
        done: list[Ended] = []
        halved(list(results), lambda steps: done.append(write_steps(steps)), mark_stuck)
        completed = [row["id"] for ended in done for row in ended.completed]
        if completed:
            check_completed("video", completed)


def _takes_room(row: Row) -> bool:
    """Whether a claimed item is about to be sent to one of the providers whose room is counted: the live ones."""
    return row["provider_ref"] is None and row["mode"] == "live"


def note_submit(row: Row, provider: str, ref: str) -> bool:
    """Write where an item is about to be sent; False when it is not ours any more or a gate has closed meanwhile."""
    with worker_scope("worker"):
        return SQL.execute("note_submit", id=row["id"], token=row["token"], provider=provider, ref=ref) == 1


def write_steps(steps: Sequence[Step]) -> Ended:
    """Attempts, new due times and endings of a set, with money, in one transaction."""
    claim = new_id("claim")
    with worker_scope("worker"):
        _record_attempts(steps)
        _reschedule([step for step in steps if step.ending is None])
        ended = end_items([step.ending for step in steps if step.ending], from_state="running", claim=claim)
        stored = [step.stored for step in steps if step.stored is not None]
        kept = _owned([step for step in steps if step.stored is not None])
        record_files(
            [file for file in stored if kept.get(file.public_id) is False],
            purpose="output",
            kept_days=limits.OUTPUT_KEPT_DAYS,
        )
    # A late success has no row to belong to: it stays an internal attempt, never delivered and never billed.
    discard_objects([file for file in stored if file.public_id not in kept])
    return ended


def _owned(steps: Sequence[Step]) -> dict[str, bool]:
    """The stored files that these items own, and whether an earlier try of the same transaction has recorded them."""
    if not steps:
        return {}
    rows = run(
        "SELECT i.output, f.id IS NOT NULL AS recorded FROM item i LEFT JOIN file f ON f.public_id = i.output"
        " WHERE i.id = ANY(%s) AND i.output IS NOT NULL",
        [[step.row["id"] for step in steps]],
    )
    return {row["output"]: row["recorded"] for row in rows}


def _record_attempts(steps: Sequence[Step]) -> None:
    calls = [(step, call) for step in steps for call in step.attempts]
    if not calls:
        return
    SQL.execute(
        "record_attempts",
        tenants=[step.row["tenant"] for step, _ in calls],
        items=[step.row["id"] for step, _ in calls],
        ns=[step.row["attempt"] + 1 for step, _ in calls],
        providers=[call.provider for _, call in calls],
        steps=[call.step for _, call in calls],
        outcomes=[call.outcome for _, call in calls],
        reasons=[step.ending.reason if step.ending else None for step, _ in calls],
        errors=[call.error for _, call in calls],
        milliseconds=[call.milliseconds for _, call in calls],
    )


def _reschedule(steps: Sequence[Step]) -> None:
    if not steps:
        return
    SQL.execute(
        "reschedule_items",
        ids=[step.row["id"] for step in steps],
        tokens=[step.row["token"] for step in steps],
        providers=[step.provider for step in steps],
        refs=[step.ref for step in steps],
        errors=[step.error for step in steps],
        attempts=[step.attempt for step in steps],
        waits=[step.waits for step in steps],
        progress=[step.progress for step in steps],
        wait_s=[step.wait_s for step in steps],
    )


def mark_stuck(step: Step, error: Exception) -> None:
    """Mark an item whose step cannot be written; the never-stuck detector opens an incident for it."""
    log.error("item_stuck", item=step.row["public_id"], error=str(error))
    with worker_scope("worker"):
        run(
            "UPDATE item SET stuck_error = %s, lease_until = NULL WHERE id = %s AND token = %s AND state = 'running'",
            [f"{type(error).__name__}: {error}"[:500], step.row["id"], step.row["token"]],
        )
