"""Fires due timers in sets: the mark and what the handler does commit together."""

from collections.abc import Callable, Iterator
from itertools import groupby

import structlog

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sets import halved
from pilothouse.kernel.base.sql import Row, Statements

SQL = Statements(__file__)
FIRE_CHUNK_ROWS = 5_000
log = structlog.get_logger(__name__)

Handler = Callable[[list[Row]], None]
Lock = Callable[[list[Row]], object]
_handlers: dict[tuple[str, str], Handler] = {}
_locks: dict[tuple[str, str], Lock] = {}


def on_timer(kind: str, name: str, lock: Lock | None = None) -> Callable[[Handler], Handler]:
    """Register what happens when the timer `name` of subjects of `kind` is due.

    The handler gets rows {id, tenant, subject_kind, subject_id, name, due_at} and acts on all of them in the open
    transaction; it must do nothing for a subject that has moved on. Where people's commands lock the subject and then
    cancel its timer, `lock` takes the same rows before the timers: in the other order the two would wait for each
    other. It is called once for all timers registered with it, whatever their names, so that it can lock in one order:
    two workers may see one subject under two names.
    """

    def register(handler: Handler) -> Handler:
        _handlers[(kind, name)] = handler
        if lock is not None:
            _locks[(kind, name)] = lock
        return handler

    return register


def fire_due(limit: int = FIRE_CHUNK_ROWS) -> int:
    """Fire up to `limit` due timers; returns how many this call took, without those that others took meanwhile.

    1. Find a set, lock its subjects where that comes first, mark as fired what is armed still, and run the handlers,
       in one transaction.
    2. When that fails nothing has happened; the set is halved until the bad timer is alone.
    3. The bad timer becomes `stuck` with its error, and the never-stuck detector opens an incident for it.
    """
    try:
        with worker_scope("timer"):
            rows = SQL.rows("due_timers", count=limit)
            taken = _fire(rows) if rows else 0
        return taken
    except Exception:
        log.exception("timers_failed_as_a_set")
        return _fire_halved(limit)


def _fire(rows: list[Row]) -> int:
    subjects: dict[Lock, list[Row]] = {}
    for row in rows:
        if _which(row) in _locks:
            subjects.setdefault(_locks[_which(row)], []).append(row)
    for lock, those in subjects.items():
        lock(those)
    fired = SQL.rows("fire_given_timers", ids=[row["id"] for row in rows])
    for key, group in _grouped(fired):
        _handlers[key](group)
    return len(fired)


def _which(row: Row) -> tuple[str, str]:
    return (row["subject_kind"], row["name"])


def _fire_halved(limit: int) -> int:
    with worker_scope("timer"):
        due = SQL.rows("due_timers", count=limit)
    taken = 0

    def fire(rows: list[Row]) -> None:
        nonlocal taken
        with worker_scope("timer"):
            fired = _fire(rows)
        taken += fired

    def stuck(row: Row, error: Exception) -> None:
        nonlocal taken
        log.error("timer_stuck", timer=row["id"], kind=row["subject_kind"], error=str(error))
        with worker_scope("timer"):
            failed = SQL.execute("fail_timers", ids=[row["id"]], error=f"{type(error).__name__}: {error}"[:500])
        taken += failed

    halved(due, fire, stuck)
    return taken


def _grouped(rows: list[Row]) -> Iterator[tuple[tuple[str, str], list[Row]]]:
    # By their keys as well, so that a handler gets them in the same order whatever plan returned them.
    for key, group in groupby(sorted(rows, key=lambda row: (*_which(row), row["id"])), key=_which):
        yield key, list(group)
