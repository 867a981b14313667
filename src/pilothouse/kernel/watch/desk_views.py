"""What the desk's templates show: rows made into lines, sentences and steps."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pilothouse.kernel.base.sql import Row
from pilothouse.ui.links import actor_words

from .checks import INVARIANT_FOLDERS, REGISTRY
from .highlight import highlighted
from .lifecycle import INCIDENT
from .limits import ACK_DUE_S, UPDATE_DUE_S
from .slos import SloReading

SENTENCES = {
    "open": gettext_lazy("Opened as {severity}: {title}"),
    "acknowledge": gettext_lazy("Taken by {owner}"),
    "update": gettext_lazy("News: {news}"),
    "promote": gettext_lazy("Raised from {from} to P0: {why}"),
    "mitigate": gettext_lazy("The harm has stopped. Paused: {paused} Logs: {logs} Guarantees: {verification}"),
    "root_cause": gettext_lazy("Root cause: {text}"),
    "accept": gettext_lazy("{rows} findings accepted: {reason}"),
    "resolve": gettext_lazy("Resolved: {text}"),
    "dismiss": gettext_lazy("False alarm ({reason}): {note}"),
    "escalate": gettext_lazy("Told again: {overdue} is overdue ({times}), owner {owner}"),
}

# Where an offending row is comes before what is wrong with it.
FIRST_HEADS = ("tenant", "batch", "item")
SHORT = {"seconds": "s", "hours": "h"}


class _Told(dict[str, Any]):
    """Data of an event; what an older event does not hold is a dash."""

    def __missing__(self, key: str) -> str:
        return "—"


def sentence(event: Row) -> str:
    """One line of an incident's history."""
    text, data = SENTENCES.get(event["type"]), event["data"]
    if "owner" in data:
        data = {**data, "owner": actor_words(data["owner"])}
    return str(text).format_map(_Told(data)) if text else str(event["type"]).replace("_", " ")


def duration(seconds: float) -> str:
    """Seconds as two of days, hours, minutes and seconds: `2 h 5 min`, `14 s`."""
    whole = max(0, int(seconds))
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    shown = [part for part in parts if part][:2]
    return " ".join(shown) if shown else f"{left} s"


def objective(reading: SloReading) -> dict[str, Any]:
    """A service-level objective as a proof line; an objective is aimed at, not promised.

    With too few measurements the value is the exact count.
    """
    slo = reading.slo
    states = {"met": "pass", "breached": "fail", "insufficient_data": "insufficient"}
    few = reading.state == "insufficient_data"
    parts = [str(slo.title), _("%(days)s days") % {"days": slo.window_days}]
    if not few:
        parts.append(reading.counted)
    if reading.burn_rate is not None:
        parts.append(_("the last day missed %(times)s times what is allowed") % {"times": f"{reading.burn_rate:.1f}"})
    return {
        "claim": ", ".join(parts),
        "value": reading.counted if few and reading.sample else _measure(reading.value, slo.unit),
        "target": _measure(slo.target, slo.unit),
        "state": states[reading.state],
    }


def _measure(value: float | None, unit: str) -> str:
    if value is None:
        return _("nothing measured")
    return f"{100 * value:.2f} %" if unit == "ratio" else f"{value:.2g} {SHORT[unit]}"


def history(events: Sequence[Row]) -> list[dict[str, Any]]:
    """An incident's history for the timeline, the newest first."""
    return [
        {"at": row["at"], "actor": row["actor"], "type": row["type"], "sentence": sentence(row), "amount": None}
        for row in reversed(events)
    ]


def sample_table(sample: Sequence[Mapping[str, Any]], names: Mapping[int, str]) -> dict[str, Any] | None:
    """Offending rows as heads and lines; a tenant's key is shown by its name."""
    if not sample:
        return None
    given = dict.fromkeys(key for row in sample for key in row)
    heads = [*(key for key in FIRST_HEADS if key in given), *(key for key in given if key not in FIRST_HEADS)]
    lines = [[(head, _cell(head, row.get(head), names)) for head in heads] for row in sample]
    return {"heads": heads, "lines": lines}


def _cell(head: str, value: Any, names: Mapping[int, str]) -> str:
    if value is None:
        return "—"
    if head == "tenant" and isinstance(value, int):
        return names.get(value, str(value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def tenants_in(sample: Sequence[Mapping[str, Any]]) -> list[int]:
    """The tenants' keys that offending rows name."""
    return sorted({row["tenant"] for row in sample if isinstance(row.get("tenant"), int)})


def check_of(name: str) -> dict[str, Any] | None:
    """A check by its name: its claim and the SQL behind it; None when nobody declares it any longer."""
    if name in REGISTRY:
        promise = REGISTRY[name]
        return {
            "name": name,
            "claim": promise.title,
            "sql": highlighted(promise.sql.read_text(encoding="utf-8").strip()),
            "also": (promise.look.__doc__ or "").strip().split("\n\n")[0] if promise.look else "",
            "kind": promise.kind,
            "mode": promise.mode,
            "program": promise.program,
            "wide": promise.wide,
        }
    family, _colon, rest = name.partition(":")
    if family == "invariant":
        from pilothouse.kernel.ledger.invariants import FOLDER, read_invariants

        for invariant in read_invariants([FOLDER, *INVARIANT_FOLDERS]):
            if invariant.name == rest:
                return {
                    "name": name, "claim": invariant.title, "sql": highlighted(invariant.sql.strip()), "also": "",
                    "kind": "data_integrity", "mode": "no_dispatch", "program": "", "wide": True,
                }  # fmt: skip
    return None


def due(incident: Row) -> dict[str, Any] | None:
    """The countdown of an open incident: to its acknowledgement, then to its next news."""
    if incident["ended_at"] is not None:
        return None
    if incident["ack_due_at"] is not None:
        seconds, at = ACK_DUE_S[incident["severity"]], incident["ack_due_at"]
        then = _("Nobody has taken it. Then everybody on call is told again.")
    else:
        seconds, at = UPDATE_DUE_S[incident["severity"]], incident["update_due_at"]
        then = _("%(owner)s owes news. Then everybody on call is told again.") % {
            "owner": actor_words(incident["owner"])
        }
    return {"due_at": at, "started_at": at - timedelta(seconds=seconds), "consequence": then}


def steps(
    incident: Row, *, actor: str, red_rows: int, gates: Sequence[Row], told: Collection[str]
) -> list[dict[str, Any]]:
    """The way from an open incident to its end: each step with `state` done, now or later; `told` are its events."""
    state, ended = incident["state"], incident["ended_at"] is not None
    caused = bool(incident["root_cause"])
    second = incident["severity"] != "P0" or actor != incident["root_cause_by"]
    green = red_rows == 0
    held = [gate for gate in gates if gate["opened_at"] is None]
    found = [
        ("acknowledge", _("Take it"), state != "open", state == "open"),
        ("mitigate", _("Stop the harm and say how"), "mitigate" in told, state == "investigating"),
        ("root_cause", _("Write the root cause"), caused, state in ("investigating", "mitigated")),
        ("correct", _("Put the money right by new transfers"), caused and green, caused and not ended and not green),
        ("recheck", _("Look again until the check is green"), green and caused, caused and not green),
        ("resolve", _("Resolve it"), state == "resolved", state == "root_caused" and green and second),
        ("reopen", _("Reopen the gates"), not held and (caused or ended), bool(held) and caused and green),
    ]  # fmt: skip
    # A step that the incident went past, or that nothing belongs to, is not shown.
    skipped = {
        *(() if gates else ("reopen",)),
        *(() if incident["check_name"] else ("correct", "recheck")),
        *(("mitigate",) if "mitigate" not in told and (caused or ended) else ()),
    }
    return [
        {"key": key, "title": title, "state": "done" if done else "now" if now else "later"}
        for key, title, done, now in found
        if key not in skipped
    ]


def allowed(incident: Row) -> set[str]:
    """The events that an operator may apply to it now."""
    return {transition.event for transition in INCIDENT.allowed(incident["state"], "operator")}
