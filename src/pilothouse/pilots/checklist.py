"""The daily checklist (requirement ESC-033): three blocks of three lines and four counters, filled from data.

A line that says that somebody looked is done when an operator opened its page on that local day, which the log of
operators' looks tells; nobody ticks a box.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.watch.pilot_facts import Line, PilotFacts
from pilothouse.ui.links import actor_words

from .daily_models import DigestPlan
from .limits import LOOKS_TAIL_ROWS
from .times import PARTS, TIMES, span

SQL = Statements(__file__)
ERRORS_PAGE, INBOX_PAGE, FEEDBACK_PAGE = "/desk/errors/", "/desk/inbox/", "/desk/feedback/"


def checklist(plan: DigestPlan, facts: PilotFacts, day: date, now: datetime, zone: str) -> dict[str, Any]:
    """One local day of a plan: {day, blocks: [{part, time, lines: [{title, value, ok}]}], counters: {words: count}}."""
    since, until = span(day, zone)
    own = facts.lines(plan.tenant_id, since, until)
    room = _one(
        "daily_counts", plan=plan.id, tenant=plan.tenant_id, program=plan.program, day=day, since=since, until=until
    )
    blocks = {
        "morning": [own["morning"][0], _errors(room), own["morning"][1]],
        "afternoon": [*own["afternoon"], _support(room)],
        "evening": _evening(room),
    }
    looked = _looks(since, until)
    return {
        "day": day.isoformat(),
        "blocks": [
            {
                "part": part,
                "time": TIMES[part].strftime("%H:%M"),
                "lines": [_judged(line, looked, zone) for line in blocks[part]],
            }
            for part in PARTS
        ],
        "counters": {**facts.day(plan.tenant_id, since, until), _("Issues identified"): room["issues"]},
    }


def _errors(room: Row) -> Line:
    words = _("%(server)s of ours, %(browser)s in browsers in 24 hours") % room
    return Line(_("Errors checked"), words, page=ERRORS_PAGE)


def _support(room: Row) -> Line:
    words = _("%(answered)s answered today, %(waiting)s wait, %(late)s of them for over a day") % room
    return Line(_("User support provided"), words, room["late"] == 0)


def _evening(room: Row) -> list[Line]:
    return [
        Line(
            _("Daily summary completed"),
            _("sent at the end of the day") if room["sent"] else _("comes at 17:00"),
            bool(room["sent"]),
        ),
        Line(
            _("Feedback documented"),
            _("%(feedback)s forms and %(asked)s questions or reports today") % room,
            page=FEEDBACK_PAGE,
        ),
        Line(_("Issues logged"), _("%(issues)s incidents opened today, %(unowned)s without an owner") % room,
             room["unowned"] == 0),
    ]  # fmt: skip


def _looks(since: datetime, until: datetime) -> Sequence[Row]:
    return SQL.rows("looks", since=since, until=until, tail=LOOKS_TAIL_ROWS)


def _judged(line: Line, looks: Sequence[Row], zone: str) -> Mapping[str, Any]:
    if not line.page or line.ok is False:
        return {"title": line.title, "value": line.value, "ok": line.ok}
    seen = next((row for row in looks if row["page"] == line.page), None)
    if seen is None:
        return {"title": line.title, "value": line.value, "ok": False}
    by = _("opened by %(who)s at %(time)s") % {
        "who": actor_words(seen["actor"]), "time": seen["at"].astimezone(ZoneInfo(zone)).strftime("%H:%M"),
    }  # fmt: skip
    done = replace(line, value=f"{line.value}; {by}", ok=True)
    return {"title": done.title, "value": done.value, "ok": True}


def as_text(found: Mapping[str, Any], parts: Sequence[str] = PARTS) -> str:
    """The checklist as the template of the source writes it, with what the data say behind each line."""
    names = {
        "morning": _("Morning Check (9:00 AM)"),
        "afternoon": _("Afternoon Check (2:00 PM)"),
        "evening": _("End of Day (5:00 PM)"),
    }
    out = [_("Date: %(day)s") % {"day": found["day"]}]
    for block in found["blocks"]:
        if block["part"] in parts:
            out += ["", f"{names[block['part']]}:"]
            out += [f"[{'x' if line['ok'] else ' '}] {line['title']}: {line['value']}" for line in block["lines"]]
    return "\n".join([*out, "", *(f"{words}: {count}" for words, count in found["counters"].items())])


def _one(name: str, **params: Any) -> Row:
    row = SQL.one(name, **params)
    assert row is not None
    return row
