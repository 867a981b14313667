"""What the pages of one pilot show, ready to be drawn."""

from typing import Any

from django.forms import Form
from django.urls import reverse
from django.utils.translation import gettext as _

from pilothouse.kernel.access.roles import ROLE_SCOPES
from pilothouse.kernel.base.program import program_title
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.lifecycle.queries import timeline
from pilothouse.kernel.watch import desk_queries
from pilothouse.kernel.watch.queries import closed_gates

from . import message_words, pilot_forms, pilot_words
from .evaluation import CriterionState, FailureState, Look, look, open_p0, signed_verdict, verdict_of
from .lifecycle import PILOT
from .limits import MESSAGES_SHOWN_COUNT, PILOT_TIMELINE_ROWS
from .message_reads import sent_messages
from .parity import parity_of
from .pilot_models import Pilot
from .pilot_money import credits_of
from .pilot_reads import fixes_of, signals_of
from .registry import parity_url

SQL = Statements(__file__, "sql/pilot")
EVENT_WORDS = {
    "create": "Began as a prospect", "qualify": "Qualified", "reject": "Rejected", "lock": "Expectations confirmed",
    "prepare": "The preparation began", "activate": "Activated: the clock runs", "advance": "Moved to the next phase",
    "pause": "Paused", "resume": "Resumed", "resume_review": "Resumed under review", "give_up": "Given up",
    "review": "Went to review", "succeed": "The verdict was signed: success", "fail": "The verdict was signed: failure",
    "leave_open": "The verdict was signed: inconclusive", "retry": "A retry was decided",
    "prepare_again": "The next attempt is prepared", "abandon": "Ended before it began", "close": "Closed",
    "upgrade": "Moved to Enterprise", "attest": "Said", "message": "A message was sent", "signal": "The customer said",
    "rollback_drill": "The rollback was drilled", "stale_notice": "Nothing has happened for days",
    "fix": "What went wrong was recorded", "fix_closed": "What went wrong was mended",
    "key_ends": "The key ends in 7 days",
    "renew_key_link": "A new link to the key was made", "export": "Exported for a check without us",
}  # fmt: skip


def events_of(pilot: Pilot, viewer: str) -> list[dict[str, Any]]:
    """The newest events of a pilot, each as one sentence."""
    return [
        {**row, "sentence": _sentence(row), "amount": None}
        for row in timeline("pilot", [pilot.id], viewer, count=PILOT_TIMELINE_ROWS)
    ]


def _sentence(row: dict[str, Any]) -> str:
    data = row["data"]
    more = data.get("words") or data.get("quote") or data.get("subject") or data.get("to") or data.get("note") or ""
    if row["type"] == "attest":
        return f"{_('Yes') if data['agrees'] else _('No')}: {data['words']}"
    words = EVENT_WORDS.get(row["type"], row["type"])
    reason = f" ({data['reason']})" if data.get("reason") else ""
    return f"{words}{reason}{': ' + more if isinstance(more, str) and more else ''}"


def phases_of(seen: Look, role: str) -> list[dict[str, Any]]:
    """The phases with their lines; the present one is open."""
    current = next(i for i, phase in enumerate(seen.runbook.phases) if phase.id == seen.pilot.phase)
    shown = []
    for number, phase in enumerate(seen.runbook.phases):
        lines = seen.of_phase(phase.id)
        done = sum(each.state in ("done", "na") for each in lines)
        shown.append(
            {
                "phase": phase, "lines": [pilot_words.line_shown(each, role) for each in lines], "done": done,
                "of": len(lines), "is_current": number == current,
                "status": "done" if number < current else "now" if number == current else "todo",
                "late": sum(each.is_late for each in lines),
            }
        )  # fmt: skip
    return shown


def common_context(seen: Look, role: str) -> dict[str, Any]:
    """What the operator's page and the customer's share."""
    pilot = seen.pilot
    label, tone = pilot_words.STATES[pilot.state]
    # What has ended is read; nobody ticks it any more.
    phases = phases_of(seen, "" if pilot.state in PILOT.terminal else role)
    return {
        "pilot": pilot,
        "runbook": seen.runbook,
        "program_title": program_title(pilot.program),
        "label": label,
        "tone": tone,
        "signed_words": pilot_words.STATES[pilot.verdict][0] if pilot.verdict else "",
        "phases": phases,
        "steps": [{"label": each["phase"].title, "status": each["status"]} for each in phases],
        "criteria": [pilot_words.criterion_shown(each) for each in seen.criteria],
        "failures": [pilot_words.failure_shown(each) for each in seen.failures],
        "later": {
            "criteria": [pilot_words.criterion_shown(each) for each in seen.later if isinstance(each, CriterionState)],
            "failures": [pilot_words.failure_shown(each) for each in seen.later if isinstance(each, FailureState)],
        },
        "now": seen.scope.now,
        "boundary": seen.runbook.body.get("boundary", "").strip(),
    }


def detail_context(pilot: Pilot, *, may_act: bool, bound: tuple[str, Form] | None = None) -> dict[str, Any]:
    """The operator's page of one pilot (operators' scope)."""
    seen = look(pilot)
    p0 = open_p0(pilot)
    verdict = signed_verdict(pilot) if pilot.verdict else verdict_of(seen, p0)
    context = common_context(seen, "operator" if may_act else "")
    for phase in context["phases"]:
        for line in phase["lines"]:
            line["url"] = _desk_url(line["url"], pilot)
    for criterion in context["criteria"]:
        criterion["url"] = _desk_url(criterion["url"], pilot)
    missing = [each.line.text for each in seen.open_lines(group="preparation")]
    signals = signals_of(pilot)
    fixes = [fix for fix in fixes_of(pilot) if fix.attempt == pilot.attempt]
    return {
        **context,
        "may_act": may_act,
        "has_steps": may_act and (bool(fixes) or pilot.state not in (*PILOT.terminal, "paused", "retrying")),
        "next": pilot_words.next_words(pilot.state, confirms=bool(seen.runbook.group("expectation"))),
        "verdict": verdict,
        "verdict_words": pilot_words.verdict_words(verdict, seen.runbook),
        "reasons": pilot_words.reasons_of(verdict, seen.runbook),
        "preparation_open": missing,
        "metrics": {
            side: [pilot_words.metric_shown(each) for each in seen.metrics if each.metric.visibility == side]
            for side in ("customer", "internal")
        },
        "incidents": desk_queries.incidents(tenant=pilot.tenant_id, state="open"),
        "gates": closed_gates(pilot.program, pilot.tenant_id),
        "p0": p0,
        "money": credits_of(pilot),
        "signer": pilot.verdict_by.partition(":")[2],
        "parity": _parity(seen),
        "signals": [
            {
                "quote": each.quote,
                "person": each.person,
                "said_at": each.said_at,
                "words": pilot_words.SIGNALS[each.kind],
            }
            for each in signals
        ],
        "fixes": fixes,
        "asked_contract": any(each.kind == "sla_contract" for each in signals),
        "expectation_lines": seen.runbook.group("expectation"),
        "events": events_of(pilot, "internal"),
        "texts": message_words.ready(seen),
        "account_url": reverse("desk:tenant", args=[pilot.tenant.public_id]),
        "bound": bound[0] if bound else "",
        "forms": _forms(pilot, verdict.state, bound),
    }


def _parity(seen: Look, role: str = "") -> dict[str, Any] | None:
    """The question that an accepted proof takes back; None where the runbook has none or nothing began.

    `role` is a member's: `accepts` is the line on which they may accept a proof. Without one it is for operators, with
    the addresses of the desk.
    """
    pilot, runbook = seen.pilot, seen.runbook
    line = next((each for each in runbook.lines.values() if runbook.takes_back(each.id)), None)
    if line is None or pilot.since is None:
        return None
    told = parity_of(pilot)
    account = pilot.tenant.public_id
    for_us = not role
    return {
        **told,
        "title": next(each.title for each in runbook.failures if each.cleared_by == line.id),
        "line": line,
        "for_us": for_us,
        "make_url": parity_url(pilot.program, account) if for_us else "",
        "accepts": None if role not in line.roles else line,
        "proofs": [
            pilot_words.proof_shown(
                each, parity_url(pilot.program, account, each["first"], each["second"]) if for_us else ""
            )
            for each in told["proofs"]
        ],
    }


def _desk_url(url: str, pilot: Pilot) -> str:
    """Where an operator sees it: the desk's own page, else the account's; the customers' pages are theirs."""
    if not url or url.startswith(("/desk/", "/admin/")):
        return url
    return reverse("desk:tenant", args=[pilot.tenant.public_id])


def _forms(pilot: Pilot, verdict: str, bound: tuple[str, Form] | None) -> dict[str, Form]:
    fixes = [fix for fix in fixes_of(pilot) if fix.attempt == pilot.attempt and fix.closed_at is None]
    forms: dict[str, Form] = {
        "pause": pilot_forms.PauseForm(auto_id="pause_%s"),
        "signal": pilot_forms.SignalForm(auto_id="signal_%s"),
        "fix": pilot_forms.FixForm(auto_id="fix_%s"),
        "close_fix": pilot_forms.CloseFixForm(
            auto_id="close-fix_%s", initial={"fix": fixes[0].public_id if fixes else ""}
        ),
        "sign": pilot_forms.SignForm(auto_id="sign_%s", initial={"expected": verdict}),
        "close": pilot_forms.CloseForm(auto_id="close_%s", initial={"recommendation": pilot.recommendation}),
        "abandon": pilot_forms.AbandonForm(auto_id="abandon_%s"),
    }
    if bound:
        forms[bound[0].replace("-", "_")] = bound[1]
    return forms


def customer_context(pilot: Pilot, role: str) -> dict[str, Any]:
    """The customer's page of their pilot (the account's scope): nothing internal is read for it."""
    seen = look(pilot, "customer")
    context = common_context(seen, role)
    # The desk's pages do not exist for customers, and not every role opens those of the webhooks.
    closed = ("/desk/", "/admin/", *(() if "webhooks:write" in ROLE_SCOPES[role] else ("/webhooks/",)))
    for shown in (*context["criteria"], *(line for phase in context["phases"] for line in phase["lines"])):
        shown["url"] = "" if shown["url"].startswith(closed) else shown["url"]
    mine = [line for phase in context["phases"] for line in phase["lines"] if line["can_tick"]]
    return {
        **context,
        "phases": [phase for phase in context["phases"] if phase["lines"]],
        "my_lines": [line for line in mine if not line["line"].is_optional],
        "expectations_open": seen.open_lines(group="expectation"),
        "metrics": [pilot_words.metric_shown(each) for each in seen.metrics],
        "gates": closed_gates(pilot.program, pilot.tenant_id),
        "events": events_of(pilot, "customer"),
        "objective": seen.runbook.body["objective"],
        "quick": seen.runbook.body.get("quick_references", []),
        "parity": _parity(seen, role),
        "letters": sent_messages(pilot=pilot.id, audience="customer", count=MESSAGES_SHOWN_COUNT),
        "deadline_words": _("Then the pilot is judged by the criteria below."),
    }
