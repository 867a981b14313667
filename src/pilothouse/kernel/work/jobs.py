"""Coarse jobs on due rows: the same claim, lease and token as everything else.

One mechanism instead of two (docs/adr/0001): a job written in a money transaction needs no NOTIFY, follows the
simulated clock, and comes back by itself after a kill.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from pilothouse.kernel.base import machine
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Statements

from .limits import JOB_ATTEMPTS_MAX_COUNT, JOB_BACKOFF_FIRST_S, JOB_BACKOFF_MAX_S, JOB_KEPT_DAYS, JOB_LEASE_S
from .pump import Row

SQL = Statements(__file__)
log = structlog.get_logger(__name__)
Task = Callable[[dict[str, Any]], Any]
_tasks: dict[str, Task] = {}


def job(kind: str) -> Callable[[Task], Task]:
    """Register what runs for jobs of `kind`: a function of the payload, which opens its own scopes.

    It may run twice after a crash, so it must be idempotent. What it returns (JSON) is kept as the result.
    """

    def register(task: Task) -> Task:
        _tasks[kind] = task
        return task

    return register


def queue(
    kind: str, payload: Mapping[str, Any], *, unique: str | None = None, tenant: int | None = None, delay_s: float = 0
) -> None:
    """Queue a job in the caller's transaction; with `unique`, not while an open one of that key exists."""
    SQL.execute(
        "queue_job", kind=kind, unique_key=unique, payload=json.dumps(dict(payload)), tenant=tenant, delay_s=delay_s
    )


def take_turn(name: str, every_s: float) -> bool:
    """True for exactly one caller in each period of `every_s` seconds of business time."""
    with worker_scope("schedule"):
        return SQL.one("take_turn", name=name, every_s=every_s) is not None


def forget_old() -> None:
    """Delete jobs done, and workers not heard of, since a month."""
    with worker_scope("schedule"):
        SQL.execute("forget", days=JOB_KEPT_DAYS)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run of a job ended."""

    row: Row
    result: Any = None
    error: str = ""


class JobPump:
    """Runs coarse jobs on threads."""

    name = "jobs"
    concurrency = 4

    def claim(self, limit: int) -> list[Row]:
        with worker_scope("jobs"):
            return SQL.rows("claim_jobs", count=limit, lease_s=JOB_LEASE_S)

    async def act(self, row: Row) -> Outcome:
        try:
            return Outcome(row, result=await asyncio.to_thread(_tasks[row["kind"]], row["payload"]))
        except Exception as error:
            log.exception("job_failed", kind=row["kind"], job=row["id"], attempt=row["attempt"])
            return Outcome(row, error=f"{type(error).__name__}: {error}"[:1000])

    def finish(self, results: Sequence[Outcome]) -> None:
        states = [_next_state(outcome) for outcome in results]
        with worker_scope("jobs"):
            SQL.execute(
                "finish_jobs",
                ids=[outcome.row["id"] for outcome in results],
                tokens=[outcome.row["token"] for outcome in results],
                states=states,
                results=[json.dumps(outcome.result, default=str) for outcome in results],
                errors=[outcome.error for outcome in results],
                waits=[_wait_s(outcome.row["attempt"]) for outcome in results],
            )

    def renew(self, rows: Sequence[Row]) -> None:
        with worker_scope("jobs"):
            SQL.execute(
                "renew_jobs",
                ids=[row["id"] for row in rows],
                tokens=[row["token"] for row in rows],
                lease_s=JOB_LEASE_S,
            )


def _next_state(outcome: Outcome) -> str:
    if not outcome.error:
        return "done"
    return "failed" if outcome.row["attempt"] >= JOB_ATTEMPTS_MAX_COUNT else "queued"


def _wait_s(attempt: int) -> float:
    longest = min(float(JOB_BACKOFF_MAX_S), JOB_BACKOFF_FIRST_S * 2.0 ** (attempt - 1))
    return longest * machine.uniform(0.5, 1.0)
