"""Runs the promises, remembers each run, and acts on a breach in the same transaction.

A failed promise check is the verification itself: it opens a P0 and closes the gate over what is broken, before
anything further is sent upstream.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.queries import stuck_subjects

from .checks import REGISTRY, Promise, Seen, declared, look, sample_json
from .commands import open_incident
from .limits import CHECK_RUN_KEEP_DAYS, PROCESS_KEEP_DAYS, SAMPLE_MAX_ROWS, SCOPED_TENANTS_MAX_COUNT

SQL = Statements(__file__)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """One promise of one program after a run: what was seen, and the public ids of the incidents it opened or met."""

    promise: Promise
    seen: Seen
    incidents: tuple[str, ...] = ()


def run(names: Sequence[str] | None = None, batches: Sequence[int] | None = None) -> list[Result]:
    """Run promises by name (None = all four), over everything or only these batches (internal ids).

    Each promise is one transaction in the worker's scope: the look, its CheckRun, and for a breach the incident and
    the closed gate. Call it after the commit that completed the batches.
    """
    return [_run(promise, batches) for promise in declared(names)]


def check_completed(program: str, batches: Sequence[int]) -> list[Result]:
    """The promises of one program over the batches that just completed, after their commit.

    A breach acts as in `run`. A check that cannot run is logged and left to the scheduled look over everything: the
    work that completed stands in any case.
    """
    try:
        return [_run(promise, batches) for promise in declared() if promise.program == program]
    except Exception:
        log.exception("check_on_completion_failed", program=program, batches=len(batches))
        return []


def _run(promise: Promise, batches: Sequence[int] | None) -> Result:
    with worker_scope("check"):
        return run_here(promise, batches)


def run_here(promise: Promise, batches: Sequence[int] | None = None) -> Result:
    """Run one promise in the open scope, the worker's or an operator's: the look, its CheckRun and what follows."""
    seen = look(promise, batches)
    record(promise.check_name, promise.program, seen, None if batches is None else len(batches))
    if seen.ok:
        return Result(promise, seen)
    return Result(promise, seen, tuple(_open(promise, seen)))


def record(name: str, program: str, seen: Seen, batches: int | None = None) -> None:
    """Remember one run of a check."""
    record_all([(name, program, seen)], batches)


def record_all(runs: Sequence[tuple[str, str, Seen]], batches: int | None = None) -> None:
    """Remember runs of checks, (name, program, what was seen) each, in one statement."""
    SQL.execute(
        "record_check_runs",
        names=[name for name, _, _ in runs],
        programs=[program for _, program, _ in runs],
        batches=batches,
        rows=[seen.rows for _, _, seen in runs],
        samples=[sample_json(seen.sample) for _, _, seen in runs],
        ms=[seen.ms for _, _, seen in runs],
    )


def _open(promise: Promise, seen: Seen) -> list[str]:
    tenants: list[Any] = sorted(seen.tenants, key=lambda tenant: tenant or 0)
    if promise.wide or len(tenants) > SCOPED_TENANTS_MAX_COUNT:
        tenants = [None]
    opened = []
    for tenant in tenants:
        sample = [row for row in seen.sample if tenant is None or row["tenant"] == tenant]
        rows = seen.rows if tenant is None else seen.tenants[tenant]
        what = sample[0]["what"] if sample else promise.title
        incident = open_incident(
            promise.kind,
            f"Promise {promise.name}: {rows} rows, first: {what}",
            severity="P0",
            program=promise.program,
            tenant=tenant,
            check_name=promise.check_name,
            sample=sample,
            gate=promise.mode,
        )
        opened.append(incident["public_id"])
    return opened


def watch_for_stuck() -> list[Row]:
    """Open `stuck_subject` (P1) for each kind of subject that nothing will move on; returns the stuck rows."""
    with worker_scope("check"):
        rows = stuck_subjects()
        for kind in sorted({row["kind"] for row in rows}):
            of_kind = [row for row in rows if row["kind"] == kind]
            open_incident(
                "stuck_subject",
                f"{len(of_kind)} of kind {kind} wait for nothing, first: {of_kind[0]['id']} in {of_kind[0]['state']}",
                subject=kind,
                check_name=f"stuck:{kind}",
                sample=of_kind[:SAMPLE_MAX_ROWS],
            )
    return rows


def forget_old_runs() -> int:
    """Delete green runs older than the time they are kept, and processes that are gone; returns how many runs.
    Breaches stay."""
    with worker_scope("check"):
        SQL.execute("forget_processes", days=PROCESS_KEEP_DAYS)
        return SQL.execute("forget_check_runs", days=CHECK_RUN_KEEP_DAYS)


def known_programs() -> tuple[str, ...]:
    """The programs that declare promises, sorted: what a platform-wide P0 pauses."""
    return tuple(sorted({promise.program for promise in REGISTRY.values()}))
