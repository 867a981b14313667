"""The weekly review: the metrics against their targets with intervals, week by week, one version against another, what
people found confusing, and how often calls failed. Where a number stands on too little, it says so."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.watch.pilot_facts import JudgedMetric, PilotFacts, share
from pilothouse.ui.units import share_text

from .daily_models import DigestPlan
from .limits import WEEKS_SHOWN_COUNT
from .times import week_of

SQL = Statements(__file__)
VERDICTS = {
    "pass": "on target", "fail": "missed", "inconclusive": "not on target", "insufficient": "not enough data", "": "",
}  # fmt: skip
DIFFERS = {
    "yes": gettext_lazy("differs"), "no": gettext_lazy("no difference shown"),
    "insufficient": gettext_lazy("not enough data"),
}  # fmt: skip
REPORT_WORDS = {
    "hidden_timer": "Reports of hidden timers",
    "money_unclear": "Reports of unclear money",
    "evidence_upload": "Reports of evidence trouble",
    "question": "Questions",
}


def phase(week: int) -> str:
    """What a week of a pilot is for (requirement ESC-034)."""
    if week <= 1:
        return _("Baseline: first numbers, first issues, first feedback")
    if week <= 3:
        return _("Observation: watch the trends, collect feedback and concerns about the terms")
    if week == 4:
        return _("Analysis: metrics against targets, patterns of feedback, adjustments to make")
    return _("Adjustment: a new version of the terms, new work under it, its effect")


def review(plan: DigestPlan, facts: PilotFacts, now: datetime) -> dict[str, Any]:
    """All of it as plain data: {week, phase, primary, secondary, weeks, versions, feedback, triggers}."""
    week = week_of(plan.started_at, now, plan.tenant.timezone)
    tenant = plan.tenant_id
    return {
        "week": week,
        "phase": phase(week),
        "primary": [each.as_json() for each in facts.primary(tenant)],
        "secondary": [each.as_json() for each in [*facts.secondary(tenant), *_secondary(plan)]],
        "weeks": [
            {"part": one.part, "of": one.of, "measures": [each.as_json() for each in one.measures]}
            for one in facts.weeks(tenant)[:WEEKS_SHOWN_COUNT]
        ],
        "versions": [
            {
                "name": pair.name,
                "old": pair.old,
                "new": pair.new,
                "lines": [
                    {"old": old.as_json(), "new": new.as_json(), "differs": differs} for old, new, differs in pair.lines
                ],
            }
            for pair in facts.versions(tenant)
        ],
        "feedback": feedback_counts(plan),
        "triggers": list(facts.triggers(tenant)),
    }


def _secondary(plan: DigestPlan) -> list[JudgedMetric]:
    calls = SQL.one("calls", tenant=plan.tenant_id) or {}
    kinds = {row["kind"]: row["count"] for row in SQL.rows("report_kinds", tenant=plan.tenant_id, program=plan.program)}
    counted = [
        JudgedMetric(
            kind, _(words), float(kinds.get(kind, 0)), kinds.get(kind, 0), sum(kinds.values()), "count",
            target=_("0") if kind == "hidden_timer" else "",
            verdict="" if kind != "hidden_timer" else "inconclusive" if kinds.get(kind) else "pass",
        )
        for kind, words in REPORT_WORDS.items()
    ]  # fmt: skip
    return [
        *counted,
        share("api_failed", _("API calls that failed of us (5xx)"), calls["failed"], calls["calls"]),
        share("api_refused", _("API calls that were refused (4xx)"), calls["refused"], calls["calls"]),
    ]


def feedback_counts(plan: DigestPlan) -> list[dict[str, Any]]:
    """How the forms answered each question that has choices: {name, answer, count}, and `forms` in all."""
    return SQL.rows("feedback_counts", tenant=plan.tenant_id, program=plan.program)


def written(measure: Mapping[str, Any], value: float | None = None) -> str:
    """A measure's value (or another number of its unit) in words; a dash where there is none."""
    value = measure["value"] if value is None else value
    if value is None:
        return "—"
    if measure["unit"] == "count":
        return f"{value:.0f}"
    return f"{value:.1f} d" if measure["unit"] == "days" else share_text(value)


def interval(measure: Mapping[str, Any]) -> str:
    """The 95 % interval in words; empty where it cannot be told."""
    if measure["low"] is None or measure["high"] is None:
        return ""
    return f"{written(measure, measure['low'])} – {written(measure, measure['high'])}"


def as_text(found: Mapping[str, Any]) -> str:
    """The review for a mail or a terminal."""
    out = [_("Week %(week)s. %(phase)s.") % found, ""]
    for each in found["primary"]:
        plain = "" if each["plain"] is None else _("; of all: %(plain)s") % {"plain": written(each, each["plain"])}
        out.append(
            f"- {each['title']}: {written(each)} ({_in_words(each)}; {_('target')} {each['target']}; "
            f"{VERDICTS[each['verdict']]}{plain})"
        )
    out += ["", _("Beside them:")]
    out += [f"- {each['title']}: {written(each)} ({each['count']} / {each['of']})" for each in found["secondary"]]
    if found["weeks"]:
        out += ["", _("Week by week:")]
        out += [f"- {one['part']} ({one['of']}): {_row(one['measures'])}" for one in found["weeks"]]
    for pair in found["versions"]:
        out += ["", f"{pair['name']} {pair['old']} → {pair['new']}:"]
        out += [
            f"- {line['old']['title']}: {written(line['old'])} → {written(line['new'])} ({DIFFERS[line['differs']]})"
            for line in pair["lines"]
        ]
    out += [f"! {words}" for words in found["triggers"]]
    return "\n".join(out)


def _in_words(each: Mapping[str, Any]) -> str:
    between = interval(each)
    return f"{each['count']} / {each['of']}" + (f", 95 %: {between}" if between else "")


def _row(measures: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{each['title']} {written(each)}" for each in measures)
