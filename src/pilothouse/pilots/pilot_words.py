"""What pages say of a pilot: its states, lines and numbers in words and tones."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pilothouse.ui.units import share_text

from .evaluation import CriterionState, FailureState, LineState, MetricState, Verdict
from .lifecycle import LABELS
from .runbook import Runbook

MINUTES_PER_HOUR = 60
TONES = {
    "prospect": "returned",
    "qualified": "accent",
    "rejected": "returned",
    "locked": "accent",
    "preparing": "accent",
    "active": "settled",
    "paused": "held",
    "review": "held",
    "succeeded": "settled",
    "failed": "breach",
    "inconclusive": "held",
    "retrying": "accent",
    "enterprise": "settled",
    "closed": "returned",
}
STATES = {state: (label, TONES[state]) for state, label in LABELS.items()}
# The columns of the board, in the order of a pilot's life.
COLUMNS = {
    "before": (gettext_lazy("Before the pilot"), ("prospect", "qualified", "locked", "preparing", "retrying")),
    "running": (gettext_lazy("Running"), ("active", "paused")),
    "review": (gettext_lazy("To judge"), ("review",)),
    "judged": (gettext_lazy("Judged"), ("succeeded", "failed", "inconclusive")),
    "ended": (gettext_lazy("Ended"), ("enterprise", "closed", "rejected")),
}
KINDS = {
    "machine": gettext_lazy("by facts"),
    "ours": gettext_lazy("by us"),
    "customer": gettext_lazy("by the customer"),
}
LINE_MARKS = {
    "done": ("settled", "check", gettext_lazy("done")),
    "no": ("breach", "cross", gettext_lazy("answered against")),
    "na": ("returned", "minus", gettext_lazy("does not apply")),
    "open": ("held", "clock", gettext_lazy("open")),
    "waiting": ("returned", "clock", gettext_lazy("waits for another line")),
}
NEXT = {
    "prospect": gettext_lazy("Answer the qualification with the company."),
    "qualified": gettext_lazy("The customer confirms what to expect, on their pilot page."),
    "locked": gettext_lazy("Begin the preparation."),
    "preparing": gettext_lazy("Finish the preparation, then activate."),
    "retrying": gettext_lazy("Prepare the next attempt."),
    "active": gettext_lazy("Facts and people tick the lines; the pilot moves on by itself."),
    "paused": gettext_lazy("Find the cause, then resume; or give up and judge."),
    "review": gettext_lazy("Sign the computed verdict."),
    "succeeded": gettext_lazy("Wait for their questions; close, or upgrade when they ask for a contract."),
    "failed": gettext_lazy("Record the cause and whose side can mend it; then retry or close."),
    "inconclusive": gettext_lazy("Record what was missing; then retry or close."),
}
LOCK_IT = gettext_lazy("Lock the scope: its runbook leaves the customer nothing to confirm.")
SIGNALS = {
    "concurrency": gettext_lazy("Concurrency: scale need"),
    "webhook_event": gettext_lazy("Webhook event: integration depth"),
    "sla_contract": gettext_lazy("Contract or SLA: moves to Enterprise"),
    "parity_question": gettext_lazy("“Is Demo the same as API?”"),
    "other": gettext_lazy("Something else"),
}
PROOFS = {
    "pass": ("settled", "check", gettext_lazy("The same: both batches have one fingerprint.")),
    "fail": ("breach", "cross", gettext_lazy("They differ.")),
    "inconclusive": (
        "returned", "minus", gettext_lazy("They asked for different things, or under other versions: nothing follows."),
    ),
}  # fmt: skip
FIX_SIDES = {
    "ours": gettext_lazy("Ours: docs or API"),
    "theirs": gettext_lazy("Theirs: webhook or bandwidth"),
    "none": gettext_lazy("Not fixable"),
}

# What a person may type into a text before it is sent.
SPOKEN_LABELS = {
    "notes": gettext_lazy("Notes: any blockers or observations"),
    "friction": gettext_lazy("Friction points"),
    "requests": gettext_lazy("Feature requests"),
    "template_concerns": gettext_lazy("Template concerns"),
    "ux_issues": gettext_lazy("UI/UX issues"),
    "rationale": gettext_lazy("Rationale for changes"),
    "expand": gettext_lazy("Expand to more countries or categories?"),
    "parameters": gettext_lazy("Additional template parameters needed?"),
    "ui_improvements": gettext_lazy("UI/UX improvements needed?"),
    "sender": gettext_lazy("Signed by"),
}


def next_words(state: str, *, confirms: bool) -> str:
    """What comes next, for operators; `confirms` says that its runbook has something for the customer to confirm."""
    return str(LOCK_IT if state == "qualified" and not confirms else NEXT.get(state, ""))


def line_shown(each: LineState, role: str = "") -> dict[str, Any]:
    """A line with its mark; `role` is the member's who may tick it, or `operator`."""
    tone, mark, word = LINE_MARKS[each.state]
    kind = each.line.kind
    mine = (kind == "ours" and role == "operator") or (kind == "customer" and role in each.line.roles)
    return {
        "line": each.line, "text": _text(each), "state": each.state, "tone": tone, "mark": mark, "word": word,
        "kind": KINDS[kind],
        "sentence": each.sentence, "at": each.at, "who": _who(each), "url": each.url, "due_at": each.due_at,
        "is_late": each.is_late, "can_tick": mine and each.state != "done", "can_untick": mine and each.state == "done",
    }  # fmt: skip


def _text(each: LineState) -> str:
    """A reject line that is done was denied: its words alone would say the opposite."""
    if each.line.group == "reject" and each.state == "done":
        return _("Not so: %(words)s") % {"words": each.line.text}
    return each.line.text


def _who(each: LineState) -> str:
    return "" if each.who in ("", "machine") else each.who.partition(":")[2] or each.who


def criterion_shown(each: CriterionState) -> dict[str, Any]:
    """A criterion as a proof line."""
    return {
        "criterion": each.criterion, "verdict": each.verdict, "url": each.measure.url,
        "value": value_words(each.measure.value, each.criterion.unit), "sentence": each.measure.sentence,
        "interval": interval_words(each.measure.low, each.measure.high, each.criterion.unit),
        "plain": value_words(each.measure.plain, each.criterion.unit) if each.measure.plain is not None else "",
        "target": rule_words(each.criterion.target, each.criterion.unit),
    }  # fmt: skip


def failure_shown(each: FailureState) -> dict[str, Any]:
    """A failure condition: it holds, was taken back, or does not hold."""
    state = ("cleared" if each.cleared else "holds") if each.holds else "none"
    tone, mark, word = {
        "holds": ("breach", "cross", _("it holds")),
        "cleared": ("settled", "check", _("taken back by an accepted proof")),
        "none": ("returned", "minus", _("does not hold")),
    }[state]
    return {"failure": each.failure, "tone": tone, "mark": mark, "word": word, "sentence": each.sentence}


def proof_shown(proof: dict[str, Any], url: str = "") -> dict[str, Any]:
    """A proof of parity with its verdict in words; `url` is the page that compares it field by field."""
    tone, mark, sentence = PROOFS[proof["state"]]
    return {**proof, "tone": tone, "mark": mark, "sentence": sentence, "url": url}


def metric_shown(each: MetricState) -> dict[str, Any]:
    """A metric with its target; one without a measure is told in words."""
    if each.measure is None:
        return {"title": each.metric.title, "value": _("in words"), "target": "", "tone": "returned", "sentence": ""}
    tone = "returned" if each.met is None else "settled" if each.met else "held"
    return {
        "title": each.metric.title, "value": value_words(each.measure.value, each.metric.unit), "tone": tone,
        "target": rule_words(each.metric.target, each.metric.unit) if each.metric.target else "",
        "sentence": each.measure.sentence, "url": each.measure.url,
    }  # fmt: skip


def value_words(value: float | None, unit: str) -> str:
    """A number in its unit: a share as percent, hours (minutes below one), days, seconds, or a count."""
    if value is None:
        return "—"
    if unit == "hours" and 0 < value < 1:
        return f"{value * MINUTES_PER_HOUR:.0f} min" if value * MINUTES_PER_HOUR >= 1 else "< 1 min"
    return {
        "share": share_text(value).replace(".0 %", " %"),
        "hours": f"{value:.1f} h".replace(".0 h", " h"),
        "days": f"{value:.1f} d".replace(".0 d", " d"),
        "seconds": f"{value:.2f} s",
    }.get(unit, f"{value:g}")


def interval_words(low: float | None, high: float | None, unit: str) -> str:
    """A 95 % interval in words; empty where it cannot be told."""
    if low is None or high is None:
        return ""
    return _("95 %%: %(low)s to %(high)s") % {"low": value_words(low, unit), "high": value_words(high, unit)}


def rule_words(rule: str, unit: str) -> str:
    """A rule with its limit in the unit: `> 90 %`."""
    sign, _space, limit = rule.partition(" ")
    return f"{sign.replace('>=', '≥').replace('<=', '≤')} {value_words(float(limit), unit)}"


def verdict_words(verdict: Verdict, runbook: Runbook) -> str:
    """The verdict as the runbook's own word for it, or that there is not enough data."""
    if verdict.state == "inconclusive" and verdict.insufficient:
        return _("Not enough data yet")
    return str(runbook.body["verdict_names"][verdict.state])


def reasons_of(verdict: Verdict, runbook: Runbook) -> list[str]:
    """The titles of what decides the verdict."""
    titles = {each.id: each.title for each in runbook.criteria} | {each.id: each.title for each in runbook.failures}
    return [titles.get(reason, _("A P0 is open")) for reason in verdict.reasons]
