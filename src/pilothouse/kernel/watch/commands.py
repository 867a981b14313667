"""The life of an incident: opened once, acknowledged, understood, ended by the right person with a green check."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_ids
from pilothouse.kernel.base.scope import current_scope, worker_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.commands import apply

from .alerts import alert_incidents
from .checks import REGISTRY, finding_key, look, sample_json
from .errors import ResolveRefused, ResumeRefused, SecondPersonNeeded
from .gates import close_gate, red_check, reopen_gate
from .lifecycle import INCIDENT, KINDS
from .limits import ACCEPT_MAX_ROWS, ACK_DUE_S, ESCALATE_CHUNK_ROWS, UPDATE_DUE_S
from .models import MODES
from .words import words

SQL = Statements(__file__)
PAUSE_REASON = "We stopped to check that every number is right. Work in hand and credits held for it are kept."


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen: its scope (program, tenant, subject), and the rows that show it."""

    title: str
    program: str = ""
    tenant: int | None = None
    subject: str = ""
    check_name: str = ""
    sample: Sequence[Any] = ()


def open_incident(
    kind: str,
    title: str,
    *,
    severity: str | None = None,
    program: str = "",
    tenant: int | None = None,
    subject: str = "",
    check_name: str = "",
    sample: list[Any] | None = None,
    gate: str = "no_dispatch",
    gate_programs: tuple[str, ...] = (),
) -> Row:
    """Open an incident for its scope (program, tenant, subject), or count one more sighting of the open one.

    A P0 closes the gate `gate` over its scope in the same transaction; `gate_programs` names the programs when the
    incident is the platform's own. An open incident of lower severity is promoted when `severity` is higher: a check
    that confirms a person's report is the verification. Returns {id, public_id, severity, state, opened, …}.
    """
    if kind not in KINDS or gate not in MODES:
        raise InvalidInput(reason=f"There is no incident kind {kind!r} with a gate {gate!r}.")
    severity = severity or KINDS[kind]
    (row,) = _sight(kind, severity, [Sighting(title, program, tenant, subject, check_name, sample or [])])
    if not row["opened"] and severity == "P0" and row["severity"] != "P0":
        why = f"the check {check_name} confirms it" if check_name else title
        row = {**row, **_promote(row, why, role="check", check_name=check_name)}
    if row["severity"] == "P0":
        _close_gates(row, gate, gate_programs)
    return row


def open_incidents(kind: str, sightings: Sequence[Sighting]) -> list[Row]:
    """Open incidents of a kind that closes no gate for many scopes at once, as `open_incident` does for one."""
    assert KINDS[kind] != "P0"
    return _sight(kind, KINDS[kind], sightings)


def _sight(kind: str, severity: str, sightings: Sequence[Sighting]) -> list[Row]:
    """Open or count, in one statement, and tell of those that opened."""
    if not sightings:
        return []
    by_id = dict(zip(new_ids("inc", len(sightings)), sightings, strict=True))
    rows = SQL.rows(
        "sight_incidents",
        kind=kind,
        severity=severity,
        actor=current_scope().actor,
        ack_due_s=ACK_DUE_S[severity],
        public_ids=list(by_id),
        programs=[each.program for each in sightings],
        tenants=[each.tenant for each in sightings],
        subjects=[each.subject for each in sightings],
        titles=[words("title", each.title) for each in sightings],
        check_names=[each.check_name for each in sightings],
        samples=[sample_json(each.sample) for each in sightings],
    )
    opened = [row for row in rows if row["opened"]]
    told = [
        {"severity": severity, "title": row["title"], "rows": len(by_id[row["public_id"]].sample)} for row in opened
    ]
    _tell_each([row["id"] for row in opened], "open", told)
    alert_incidents([(row, "opened") for row in opened])
    return rows


def _close_gates(incident: Row, mode: str, programs: tuple[str, ...]) -> None:
    for program in (incident["program"],) if incident["program"] else programs:
        close_gate(
            program,
            PAUSE_REASON,
            mode="no_dispatch" if mode == "no_dispatch" else "no_new",
            tenant=incident["tenant"],
            incident=incident["id"],
        )


def acknowledge(public_id: str, owner: str = "") -> Row:
    """Take an incident: `owner` (the actor by default) now owes news at the interval of its severity."""
    incident = _access(public_id)
    changes = {"owner": owner or current_scope().actor, "ack_due_at": None, "update_due_at": _next_update(incident)}
    return _apply("acknowledge", incident, changes, {"owner": changes["owner"]})


def post_update(public_id: str, news: str) -> Row:
    """Write what is known now; the next news is due one interval later. What stands there last is no news."""
    incident = _access(public_id)
    told = {"news": words("news", news)}
    *_, last = SQL.rows("history", public_id=public_id)
    if (last["type"], last["data"]) == ("update", told):
        return incident
    return _apply("update", incident, {"update_due_at": _next_update(incident)}, told)


def promote(public_id: str, why: str) -> Row:
    """Raise an incident to P0, whatever its state: an invariant is truly violated. Its scope is paused at once."""
    incident = _access(public_id)
    row = {**incident, **_promote(incident, words("reason", why), role="operator")}
    _close_gates(row, "no_dispatch", ())
    return row


def mitigate(public_id: str, *, paused: str, logs: str, verification: str) -> Row:
    """The harm has stopped: what was paused (or why nothing had to be), what the logs say, what the guarantees say."""
    incident = _access(public_id)
    steps = {
        "paused": words("pause step", paused),
        "logs": words("log step", logs),
        "verification": words("verification step", verification),
    }
    return _apply("mitigate", incident, {"update_due_at": _next_update(incident)}, steps)


def write_root_cause(public_id: str, text: str, evidence: str = "") -> Row:
    """Say why it happened; this, with a green check, is what lets a P0's gate reopen."""
    incident = _access(public_id)
    changes = {
        "root_cause": words("root cause", text),
        "root_cause_by": current_scope().actor,
        "root_cause_at": incident["now"],
        "update_due_at": _next_update(incident),
    }
    return _apply("root_cause", incident, changes, {"text": changes["root_cause"], "evidence": evidence.strip()})


def accept_findings(public_id: str, reason: str) -> int:
    """Accept what the incident's promise still finds, because history cannot be rewritten: returns how many rows.

    Only once the root cause is written, and by somebody else than its author. `reason` says how the harm was put
    right. New rows, and these rows with another number in them, offend as before. An invariant is never accepted: it
    has to hold. Raises SecondPersonNeeded or ResolveRefused.
    """
    incident = _access(public_id)
    if incident["state"] != "root_caused":
        raise ResolveRefused(missing="the root cause has to be written first", incident=public_id)
    if current_scope().actor == incident["root_cause_by"]:
        raise SecondPersonNeeded(author=incident["root_cause_by"])
    promise = REGISTRY.get(incident["check_name"])
    if promise is None:
        raise ResolveRefused(missing="only what a promise finds can be accepted", incident=public_id)
    seen = look(promise, sample_rows=ACCEPT_MAX_ROWS)
    rows = [row for row in seen.sample if incident["tenant"] in (None, row["tenant"])]
    if seen.rows > ACCEPT_MAX_ROWS:
        raise ResolveRefused(missing=f"{seen.rows} rows are too many to accept", incident=public_id)
    SQL.execute(
        "accept_findings",
        check_name=promise.check_name,
        incident=incident["id"],
        reason=words("reason", reason),
        actor=current_scope().actor,
        keys=[finding_key(row) for row in rows],
        findings=[json.dumps(row) for row in rows],
    )
    _tell(incident["id"], "accept", {"rows": len(rows), "reason": reason})
    return len(rows)


def resolve(public_id: str, resolution: str) -> Row:
    """End an incident whose cause is known and whose check is green; a P0 by somebody other than who wrote the cause.

    Its gates stay closed until they are reopened, one by one. Raises SecondPersonNeeded or ResolveRefused.
    """
    incident = _access(public_id)
    actor = current_scope().actor
    if incident["severity"] == "P0" and incident["state"] == "root_caused" and actor == incident["root_cause_by"]:
        raise SecondPersonNeeded(author=incident["root_cause_by"])
    missing = red_check(incident) if incident["state"] == "root_caused" else []
    if missing:
        raise ResolveRefused(missing=missing[0], incident=public_id)
    changes = {"resolution": words("resolution", resolution), "resolved_by": actor, "ended_at": incident["now"]}
    return _apply("resolve", incident, {**changes, "ack_due_at": None, "update_due_at": None}, {"text": resolution})


def dismiss(public_id: str, reason: str, note: str) -> Row:
    """A false alarm: `reason` is a code, `note` says why. A P0 that a check opened needs that check green as proof.

    The gates that nothing else holds reopen.
    """
    incident = _access(public_id)
    missing = red_check(incident) if incident["severity"] == "P0" else []
    if missing:
        raise ResolveRefused(missing=missing[0], incident=public_id)
    changes = {
        "resolution": words("note", note), "resolved_by": current_scope().actor, "ended_at": incident["now"],
        "ack_due_at": None, "update_due_at": None,
    }  # fmt: skip
    gates = SQL.rows("gates_of_incident", incident=incident["id"])
    row = _apply("dismiss", incident, changes, {"note": note}, reason=reason)
    for gate in gates:
        _reopen_if_free(gate["public_id"])
    return row


def escalate_due(limit: int = ESCALATE_CHUNK_ROWS) -> int:
    """Tell again about incidents that nobody acknowledged or has news of; returns how many. Runs in the worker."""
    with worker_scope("timer"):
        rows = SQL.rows("escalate_due", count=limit, ack_s=json.dumps(ACK_DUE_S), update_s=json.dumps(UPDATE_DUE_S))
        told = [{"overdue": row["overdue"], "times": row["escalations"], "owner": row["owner"]} for row in rows]
        _tell_each([row["id"] for row in rows], "escalate", told)
        alert_incidents([(row, f"{row['overdue']} overdue, escalation {row['escalations']}") for row in rows])
    return len(rows)


def _reopen_if_free(gate: str) -> None:
    # When another incident still holds it, its own end will reopen it.
    with contextlib.suppress(ResumeRefused):
        reopen_gate(gate)


def _promote(incident: Row, why: str, role: str, check_name: str = "") -> Row:
    if incident["severity"] == "P0":
        return {}
    # What is due next is due at the interval of a P0 from now on.
    due = "ack_due_at" if incident["state"] == "open" else "update_due_at"
    wait = ACK_DUE_S if incident["state"] == "open" else UPDATE_DUE_S
    changes = {"severity": "P0", due: incident["now"] + timedelta(seconds=wait["P0"])}
    if check_name:
        # Whoever reported it, this is the check that has to be green before it ends.
        changes["check_name"] = check_name
    _apply("promote", incident, changes, {"from": incident["severity"], "why": why}, role=role)
    alert_incidents([({**incident, **changes}, "promoted")])
    return changes


def _access(public_id: str) -> Row:
    incident = SQL.one("lock_incident", public_id=public_id)
    if incident is None:
        raise NotFound(what="incident")
    return incident


def _next_update(incident: Row) -> Any:
    return incident["now"] + timedelta(seconds=UPDATE_DUE_S[incident["severity"]])


def _apply(
    event: str, incident: Row, changes: Mapping[str, Any], told: Mapping[str, Any], *, role: str = "operator",
    reason: str = "",
) -> Row:  # fmt: skip
    (row,) = apply(INCIDENT, event, [incident["id"]], role=role, changes=changes, reason=reason)
    _tell(incident["id"], event, {**told, **({"reason": reason} if reason else {})})
    return {**incident, **changes, "state": row["state"]}


def _tell(incident: int, event: str, data: Mapping[str, Any]) -> None:
    _tell_each([incident], event, [data])


def _tell_each(incidents: Sequence[int], event: str, data: Sequence[Mapping[str, Any]]) -> None:
    SQL.execute(
        "append_incident_events",
        incidents=list(incidents),
        actor=current_scope().actor,
        type=event,
        data=[json.dumps(dict(each), default=str) for each in data],
    )
