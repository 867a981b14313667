"""The post-mortem of an incident, written by its own history: what happened, to whom, why, and what was done."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.sql import Row
from pilothouse.ui.papers import Paper, one_line, table

from . import desk_queries
from .desk_views import duration, sample_table, sentence, tenants_in
from .queries import history

# The steps whose distance from the opening says how fast an incident was dealt with.
STEPS = {"acknowledge": "Taken", "mitigate": "Harm stopped", "root_cause": "Root cause written", "resolve": "Resolved"}
ENDS = ("resolve", "dismiss")


def postmortem(public_id: str) -> Paper:
    """The paper, as of now (operators' scope). Raises NotFound."""
    incident = desk_queries.incident(public_id)
    events = history(public_id)
    gates = desk_queries.gates_of_incident(incident["id"])
    title = f"Post-mortem: {one_line(incident['title'])}"
    scope = " / ".join(filter(None, (incident["program"] or "platform", incident["tenant_name"], incident["subject"])))
    ends = [sentence(each) for each in events if each["type"] in ENDS]
    parts = [
        f"# {title}",
        f"**Incident**: {public_id}, {incident['severity']} `{incident['kind']}`, {incident['state']}\n"
        f"**Scope**: {one_line(scope)}\n**Owner**: {_who(incident['owner'])}",
        "## What happened",
        f"Opened {_at(incident['opened_at'])} UTC by {_who(incident['opened_by'])}. Seen {incident['seen_count']} "
        f"{'time' if incident['seen_count'] == 1 else 'times'}, last {_at(incident['seen_at'])} UTC.",
        _sample(incident["sample"]),
        "## How long it took",
        table(("Step", "When (UTC)", "After"), _steps(events), right=("When (UTC)", "After")),
        "## What stood still",
        _gates(gates),
        "## Why",
        one_line(incident["root_cause"]) or "No root cause is written.",
        "## What was done",
        one_line(ends[-1]) if ends else "It is not ended yet.",
        "## Timeline",
        table(
            ("What", "Who", "When (UTC)"),
            [(sentence(each), _who(each["actor"]), _at(each["at"])) for each in events],
            right=("When (UTC)",),
        ),
    ]
    inputs = {
        "incident": {key: _plain(value) for key, value in incident.items() if key not in ("now", "id", "tenant")},
        "events": [{key: _plain(value) for key, value in each.items()} for each in events],
        "gates": [{key: _plain(value) for key, value in each.items() if key != "id"} for each in gates],
    }
    return Paper(title, "\n\n".join(filter(None, parts)), inputs)


def _sample(sample: Sequence[Row]) -> str:
    """The offending rows that were kept, one point each."""
    found = sample_table(sample, dict(Tenant.objects.filter(id__in=tenants_in(sample)).values_list("id", "name")))
    if found is None:
        return ""
    points = [", ".join(f"{head} {cell}" for head, cell in line if cell != "—") for line in found["lines"]]
    return "The rows that showed it:\n\n" + "\n".join(f"- {one_line(point)}" for point in points)


def _steps(events: Sequence[Row]) -> list[tuple[str, str, str]]:
    """(what, when, how long after the opening) of each step; one that an ended incident never took was left out."""
    missing = "left out" if events[-1]["type"] in ENDS else "not yet"
    found = []
    for type_, words in STEPS.items():
        at = next((each["at"] for each in events if each["type"] == type_), None)
        after = duration((at - events[0]["at"]).total_seconds()) if at else missing
        found.append((words, _at(at) if at else "—", after))
    return found


def _gates(gates: Sequence[Row]) -> str:
    if not gates:
        return "Nothing was paused."
    rows = [
        (
            gate["mode"], gate["program"] or "platform", _at(gate["closed_at"]),
            duration((gate["opened_at"] - gate["closed_at"]).total_seconds()) if gate["opened_at"] else "still closed",
        )
        for gate in gates
    ]  # fmt: skip
    return table(("Gate", "Over", "Closed (UTC)", "For"), rows, right=("Closed (UTC)", "For"))


def _who(actor: str) -> str:
    """An actor without the role before its name: `operator:ada@ours.example` is `ada@ours.example`."""
    return one_line(actor.partition(":")[2] or actor)


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
