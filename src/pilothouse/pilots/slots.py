"""What the texts of a runbook are filled with: facts of one look at the pilot, its program's, and what a person typed.

Every value is one line; a slot that nobody fills is a dash.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from django.conf import settings
from django.urls import reverse

from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.watch.pilot_facts import FAIL, facts_of, piloted
from pilothouse.ui.papers import one_line

from . import pilot_words
from .checklist import checklist
from .daily_models import DigestPlan
from .evaluation import CriterionState, Look, look, open_p0, verdict_of
from .feedback import YES_NO, question
from .lifecycle import JUDGED
from .limits import EMPTY_SLOT, REPORTS_QUOTED_COUNT
from .pilot_models import Pilot, Signal
from .pilot_reads import fixes_of
from .registry import program_slots
from .review import REPORT_WORDS
from .times import local_day

SQL = Statements(__file__, "sql/messages")
# What somebody may type before a text is sent; most have a value from the data that is offered first.
SPOKEN = (
    "notes", "friction", "requests", "template_concerns", "ux_issues", "rationale", "expand", "parameters",
    "ui_improvements", "sender",
)  # fmt: skip
# The answers of the feedback form that are a concern, and about what (requirement ESC-051).
CONCERNS = {
    "template_concerns": ("inspection_length", "dispute_length", "holdback_known", "amount_expected"),
    "ux_issues": ("timer_seen", "timer_end_known", "money_known", "evidence_added"),
}
DAY_SLOTS = frozenset({"deals_created", "deals_settled", "disputes_opened", "issues"})
FINE = frozenset({"", "right", "yes"})


def values(pilot: Pilot, names: Collection[str], spoken: Mapping[str, str], seen: Look | None = None) -> dict[str, str]:
    """The value of each of these slots, on one line, in the open scope (operators' or worker's)."""
    found = {key: one_line(value) for key, value in spoken.items() if key in names and value.strip()}
    known = _common(pilot)
    rest = [name for name in names if name not in found and not known.get(name)]
    told: Mapping[str, str] = {}
    if rest:
        seen = seen or look(pilot)
        told = {**_looked(seen, rest), **_of_program(seen, rest)}
    for name in names:
        if name not in found:
            found[name] = one_line(known.get(name) or told.get(name) or "") or EMPTY_SLOT
    return found


def _common(pilot: Pilot) -> dict[str, str]:
    return {
        "product": settings.PRODUCT_NAME,
        "company": pilot.company,
        "name": pilot.form.get("contact_name", pilot.company),
        "docs_url": settings.ENTERPRISE_DOCS_URL,
        "example_url": settings.ENTERPRISE_EXAMPLES_URL,
        "pilot_url": settings.SITE_URL + reverse("pilots:mine"),
        "sender": f"The {settings.PRODUCT_NAME} team",
        "recommendation": pilot.recommendation,
    }


def _looked(seen: Look, names: Iterable[str]) -> dict[str, str]:
    pilot, zone = seen.pilot, Tenant.objects.values_list("timezone", flat=True).get(id=seen.pilot.tenant_id)
    today = local_day(seen.scope.now, zone)
    since = local_day(pilot.since, zone) if pilot.since else None
    ended = pilot.verdict_at or pilot.ended_at
    lines = {each.line.id: each.state for each in seen.lines}
    criteria = {each.criterion.id: each for each in seen.criteria}
    heard = set(Signal.objects.filter(pilot_id=pilot.id).values_list("kind", flat=True))
    simple: dict[str, Callable[[], str]] = {
        "date": today.isoformat,
        "day": lambda: str((today - since).days) if since else "0",
        "from_date": lambda: since.isoformat() if since else "",
        "to_date": lambda: (local_day(ended, zone) if ended else today).isoformat(),
        "status": lambda: _status(seen),
        "verdict": lambda: _verdict(seen),
        "notes": lambda: _notes(seen),
        "friction": lambda: "; ".join(fix.cause for fix in fixes_of(pilot)),
        "requests": lambda: _quoted(pilot, ("concurrency", "webhook_event", "other")),
    }
    found = {name: simple[name]() for name in names if name in simple}
    for name in names:
        kind, _, key = name.partition("_")
        if kind == "tick" and key in lines:
            found[name] = "[x]" if lines[key] == "done" else "[ ]"
        elif kind == "heard":
            found[name] = "[x]" if key in heard else "[ ]"
        elif kind == "criterion" and key in criteria:
            found[name] = criterion_line(criteria[key])
    return found


def _status(seen: Look) -> str:
    """On Track, Blocked or Complete, as the internal update says it (requirement ENP-064)."""
    pilot = seen.pilot
    if pilot.state in JUDGED or pilot.ended_at is not None:
        return "Complete"
    fails = any(each.holds and not each.cleared for each in seen.failures)
    late = any(each.is_late for each in seen.open_lines())
    return "Blocked" if pilot.state == "paused" or fails or late or open_p0(pilot) else "On Track"


def _verdict(seen: Look) -> str:
    if seen.pilot.verdict:
        return str(seen.runbook.body["verdict_names"][seen.pilot.verdict])
    now = pilot_words.verdict_words(verdict_of(seen, open_p0(seen.pilot)), seen.runbook)
    return f"not signed; the facts say: {now}"


def _notes(seen: Look) -> str:
    pilot = seen.pilot
    told = [f"Paused ({pilot.pause_reason}): {pilot.pause_note}"] if pilot.state == "paused" else []
    told += [f"Late: {each.line.text}" for each in seen.open_lines() if each.is_late]
    told += [each.sentence for each in seen.failures if each.holds and not each.cleared]
    return "; ".join(told) or "No blocker."


def _quoted(pilot: Pilot, kinds: tuple[str, ...]) -> str:
    said = Signal.objects.filter(pilot_id=pilot.id, kind__in=kinds).order_by("id")[:REPORTS_QUOTED_COUNT]
    return "; ".join(f"“{each.quote}” ({each.person})" for each in said)


def criterion_line(each: CriterionState) -> str:
    """A criterion on one line: its value, of how many, its interval, its target and what follows."""
    unit = each.criterion.unit
    told = [each.measure.sentence, pilot_words.interval_words(each.measure.low, each.measure.high, unit)]
    told.append(f"target {pilot_words.rule_words(each.criterion.target, unit)}")
    if each.measure.plain is not None:
        told.append(f"of all created {pilot_words.value_words(each.measure.plain, unit)}")
    words = "; ".join(part for part in told if part)
    return f"{pilot_words.value_words(each.measure.value, unit)} ({words}): {VERDICTS[each.verdict]}"


VERDICTS = {"pass": "on target", "fail": "missed", "inconclusive": "not on target", "insufficient": "not enough data"}


def _of_program(seen: Look, names: Collection[str]) -> Mapping[str, str]:
    """What the program fills, and what the people of the account said in forms and reports."""
    told = dict(program_slots(seen.scope))
    if DAY_SLOTS & set(names) or any(name.startswith("tick_") for name in names):
        told |= _day(seen)
    if "confusion" in names:
        told["confusion"] = _confusion(seen.pilot)
    for name, asked in CONCERNS.items():
        if name in names:
            told[name] = _concerns(seen.pilot, asked)
    if "impact" in names and seen.pilot.program in {facts.program for facts in piloted()}:
        told["impact"] = _impact(seen.pilot)
    return {**_advice(seen, told), **told}


def _day(seen: Look) -> dict[str, str]:
    """The daily checklist of today as its lines' boxes and its four counters; nothing for a program without days."""
    pilot = seen.pilot
    plan = DigestPlan.objects.select_related("tenant").filter(tenant_id=pilot.tenant_id, program=pilot.program).first()
    if plan is None or not seen.runbook.daily:
        return {}
    zone, now = plan.tenant.timezone, seen.scope.now
    found = checklist(plan, facts_of(pilot.program), local_day(now, zone), now, zone)
    lines = [line for each in found["blocks"] for line in each["lines"]]
    boxes = {
        f"tick_{line}": "[x]" if state["ok"] else "[ ]" for line, state in zip(seen.runbook.daily, lines, strict=True)
    }
    counted = zip(
        ("deals_created", "deals_settled", "disputes_opened", "issues"), found["counters"].values(), strict=False
    )
    return {**boxes, **{name: str(count) for name, count in counted}}


def _confusion(pilot: Pilot) -> str:
    rows = SQL.rows("reports", tenant=pilot.tenant_id, program=pilot.program, since=pilot.since)
    counted = [f"{REPORT_WORDS[row['kind']].lower()} {row['n']}" for row in rows if row["kind"] in REPORT_WORDS]
    words = SQL.rows("confused", tenant=pilot.tenant_id, program=pilot.program, count=REPORTS_QUOTED_COUNT)
    return "; ".join([*counted, *(f"“{row['words']}”" for row in words)]) or "none reported"


def _concerns(pilot: Pilot, asked: Collection[str]) -> str:
    rows = SQL.rows("answers", tenant=pilot.tenant_id, program=pilot.program, names=list(asked))
    forms = {row["name"]: row["forms"] for row in rows}
    against = [row for row in rows if row["answer"] not in FINE]
    if not forms:
        return "no form of feedback was given"
    yes_no = dict(YES_NO)
    told = [
        f"{question(row['name'])} {yes_no.get(row['answer'], row['answer'])}: {row['n']} of {row['forms']}"
        for row in against
    ]
    return "; ".join(told) or f"none in {max(forms.values())} forms"


def _impact(pilot: Pilot) -> str:
    told = []
    for pair in facts_of(pilot.program).versions(pilot.tenant_id):
        for old, new, differs in pair.lines:
            values_ = [
                pilot_words.value_words(each.value, "share" if each.unit == "share" else each.unit)
                for each in (old, new)
            ]
            words = {"yes": "differs", "no": "no difference shown"}.get(differs, "not enough data")
            told.append(f"{old.title}, {pair.old} to {pair.new}: {values_[0]} to {values_[1]} ({words})")
    return "; ".join(told) or "no version to compare"


def _advice(seen: Look, told: Mapping[str, str]) -> dict[str, str]:
    """What the figures alone recommend; a person may say otherwise before the report is kept."""
    missed = [each.criterion.title for each in seen.criteria if each.verdict != "pass"]
    failed = any(each.verdict == FAIL for each in seen.criteria)
    if not missed:
        expand = "Yes: every criterion is on target."
    elif failed:
        expand = f"No: missed {', '.join(missed)}."
    else:
        expand = f"Not yet: {', '.join(missed)} cannot be said to be on target."
    concerns = told.get("template_concerns", "")
    calm = concerns.startswith("no")
    return {
        "expand": expand,
        "parameters": "None that a form asked for." if calm else f"Look at: {concerns}",
        "ui_improvements": f"Look at: {told['ux_issues']}"
        if told.get("ux_issues") and not told["ux_issues"].startswith("no")
        else "None that a form asked for.",
    }
