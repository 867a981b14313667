"""Verbs that move subjects and write their timeline; each works on a set in the caller's transaction."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Row, Statements, run

from .errors import TransitionRefused
from .table import Lifecycle

SQL = Statements(__file__)


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event to append: the subject, what happened, who did it and who may see it."""

    tenant: int
    kind: str
    subject: int
    type: str
    actor: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    visibility: str = "customer"


def append_events(events: Sequence[NewEvent]) -> None:
    """Append events to their subjects' timelines, in one statement."""
    if not events:
        return
    actor = current_scope().actor
    SQL.prepared(
        "append_events",
        tenants=[e.tenant for e in events],
        kinds=[e.kind for e in events],
        subjects=[e.subject for e in events],
        actors=[e.actor or actor for e in events],
        types=[e.type for e in events],
        data=[json.dumps(dict(e.data)) for e in events],
        visibilities=[e.visibility for e in events],
    )


def arm(kind: str, name: str, subjects: Iterable[tuple[int, int]], seconds: float) -> None:
    """Arm a timer on each (tenant, subject id), due `seconds` of business time from now."""
    pairs = list(subjects)
    SQL.execute(
        "arm_timers",
        tenants=[tenant for tenant, _ in pairs],
        kinds=[kind] * len(pairs),
        subjects=[subject for _, subject in pairs],
        names=[name] * len(pairs),
        seconds=[seconds] * len(pairs),
    )


def cancel(kind: str, subjects: Sequence[int], name: str | None = None) -> int:
    """Cancel the armed timers of these subjects (all, or those of one name); returns how many."""
    return SQL.execute("cancel_timers", kind=kind, subjects=list(subjects), name=name)


def apply(
    lifecycle: Lifecycle,
    event: str,
    ids: Sequence[int],
    *,
    role: str,
    reason: str = "",
    data: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    visibility: str = "customer",
    strict: bool = True,
) -> list[Row]:
    """Move a set of subjects by one event of their lifecycle.

    1. Lock the rows in id order and read their states.
    2. Refuse what the table does not hold for that state, role and reason (`strict`), or leave those rows alone.
    3. One UPDATE guarded by the old state, with `changes` to other columns.
    4. Append the timeline event, with the passing state first.

    Returns the moved rows as {id, tenant, state, old_state}. Raises TransitionRefused or ReasonRefused; nothing is
    changed then.
    """
    tenant = "NULL::bigint AS tenant" if lifecycle.platform else "tenant"
    rows = run(
        f'SELECT id, {tenant}, state AS old_state FROM "{lifecycle.table}" '  # nosec
        "WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE",
        {"ids": list(ids)},
    )
    moves: dict[int, tuple[Row, str, str | None]] = {}
    for row in rows:
        try:
            transition = lifecycle.judge(event, row["old_state"], role, reason)
        except TransitionRefused:
            if strict:
                raise
            continue
        moves[row["id"]] = (row, transition.to, transition.passes)
    if strict and len(rows) < len(set(ids)):
        raise lifecycle.refusal(event, "not there")
    for target in sorted({to for _, to, _ in moves.values()}):
        chosen = [key for key, (_, to, _) in moves.items() if to == target]
        columns = "".join(f', "{name}" = %({name})s' for name in (changes or {}))
        run(
            f'UPDATE "{lifecycle.table}" SET state = %(target)s{columns} WHERE id = ANY(%(chosen)s)',  # nosec
            {**(changes or {}), "target": target, "chosen": chosen},
        )
    details = {**(data or {}), **({"reason": reason} if reason else {})}
    append_events(
        [
            NewEvent(row["tenant"], lifecycle.name, key, step, data=details, visibility=visibility)
            for key, (row, to, passes) in moves.items()
            for step in ((passes, to) if passes else (event,))
            if row["tenant"] is not None
        ]
    )
    return [{**row, "state": to} for row, to, _ in moves.values()]
