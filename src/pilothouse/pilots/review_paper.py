"""The weekly review as a paper: the same numbers as its page, as Markdown and PDF."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from pilothouse.kernel.watch.pilot_facts import PilotFacts
from pilothouse.ui.charts import columns
from pilothouse.ui.papers import Paper, one_line, table

from .daily_models import DigestPlan
from .feedback import answer_words, question
from .review import DIFFERS, VERDICTS, interval, review, written


def review_paper(plan: DigestPlan, facts: PilotFacts, now: datetime) -> Paper:
    """The review of one account as of now (operators' or worker's scope)."""
    found = review(plan, facts, now)
    title = _("Weekly review: %(name)s, week %(week)s") % {"name": one_line(plan.tenant.name), "week": found["week"]}
    parts = [f"# {title}", f"{found['phase']}.", *(f"**!** {one_line(words)}" for words in found["triggers"])]
    parts += [_("## Against the targets"), _primary(found["primary"])]
    parts += [_("## What explains them"), _secondary(found["secondary"])]
    if found["weeks"]:
        parts += [_("## Week by week"), _weeks(found["weeks"], found["primary"])]
    for pair in found["versions"]:
        parts += [f"## {one_line(pair['name'])} {pair['old']} → {pair['new']}", _version(pair)]
    parts += [_("## What people said"), _said(found["feedback"]) or _("No form yet.")]
    head = [(_("Program"), facts.title), (_("As of"), f"{now:%Y-%m-%d %H:%M} UTC")]
    inputs = {"tenant": plan.tenant.public_id, "program": plan.program, "review": found}
    return Paper(title, "\n\n".join(parts), inputs, charts=_charts(found["weeks"]), head=head)


def _primary(measures: Sequence[Mapping[str, Any]]) -> str:
    value, of, sure, target = _("Value"), _("Of"), _("95 %"), _("Target")
    rows = [
        (
            each["title"], written(each), f"{each['count']} / {each['of']}", interval(each) or "—", each["target"],
            VERDICTS[each["verdict"]],
        )
        for each in measures
    ]  # fmt: skip
    return table((_("Metric"), value, of, sure, target, _("Verdict")), rows, right=(value, of, sure, target))


def _secondary(measures: Sequence[Mapping[str, Any]]) -> str:
    value, of = _("Value"), _("Of")
    rows = [(each["title"], written(each), f"{each['count']} / {each['of']}") for each in measures]
    return table((_("Metric"), value, of), rows, right=(value, of))


def _weeks(weeks: Sequence[Mapping[str, Any]], primary: Sequence[Mapping[str, Any]]) -> str:
    heads = [_("Begun"), *(each["title"] for each in primary)]
    rows = [(one["part"], one["of"], *(written(each) for each in one["measures"])) for one in weeks]
    return table((_("Week"), *heads), rows, right=heads)


def _version(pair: Mapping[str, Any]) -> str:
    rows = [
        (line["old"]["title"], written(line["old"]), written(line["new"]), DIFFERS[line["differs"]])
        for line in pair["lines"]
    ]
    return table((_("Metric"), pair["old"], pair["new"], _("Told apart")), rows, right=(pair["old"], pair["new"]))


def _said(feedback: Sequence[Mapping[str, Any]]) -> str:
    rows = [(question(row["name"]), answer_words(row["name"], row["answer"]), row["count"]) for row in feedback]
    times = _("Times")
    return table((_("Question"), _("Answer"), times), rows, right=(times,))


def _charts(weeks: Sequence[Mapping[str, Any]]) -> list[tuple[str, Any]]:
    """The first metric over the weeks, the oldest first."""
    if not weeks:
        return []
    shown = [(one["part"][5:], one["measures"][0]) for one in reversed(weeks)]
    title = _("%(title)s, by week") % {"title": shown[0][1]["title"]}
    rows = [(part, each["value"], f"{each['count']}/{each['of']}") for part, each in shown]
    return [(title, columns(rows, None, title))]
