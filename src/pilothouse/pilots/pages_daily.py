"""The days and weeks of each pilot at the desk: its checklist filled from data, its digests, its weekly review."""

from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.desk import DeskList, link, looking
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.days import day as parsed_day
from pilothouse.kernel.watch.pilot_facts import facts_of
from pilothouse.ui.paper_files import FORMATS, as_file

from . import review as reviews
from .checklist import checklist
from .daily_models import Digest, DigestPlan
from .digests import access_plan
from .feedback import answer_words, question
from .review_paper import review_paper
from .rollback import open_rollback
from .times import TIMES, due_at, local_day, next_due, week_of

PART_TITLES = {
    "morning": gettext_lazy("Morning"), "afternoon": gettext_lazy("Afternoon"),
    "evening": gettext_lazy("End of the day"), "week": gettext_lazy("Weekly review"),
}  # fmt: skip


@require_GET
@operator_page()
def plans(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Every pilot that is followed, with what is done of its day."""
    asked = DeskList.of(request, "pilots:plans")
    with looking(request, operator):
        found = DigestPlan.objects.select_related("tenant").order_by("tenant__name", "program")
        if asked.words:
            found = found.filter(tenant__name__icontains=asked.words)
        shown, frame = asked.shown(list(found[asked.skip : asked.skip + DESK_PAGE_ROWS + 1]))
        now = business_now()
        rows = [_plan_row(plan, now) for plan in shown]
    return render(request, "pilots/plans.html", {**frame, "plans": rows})


def _plan_row(plan: DigestPlan, now: Any) -> dict[str, Any]:
    facts, zone = facts_of(plan.program), plan.tenant.timezone
    day = checklist(plan, facts, local_day(now, zone), now, zone)
    lines = [line for block in day["blocks"] for line in block["lines"]]
    part, due = min(((part, next_due(part, now, zone)) for part in TIMES), key=lambda pair: pair[1])
    return {
        "program": plan.program,
        "title": facts.title,
        "tenant_id": plan.tenant.public_id,
        "tenant_name": plan.tenant.name,
        "done": sum(line["ok"] is True for line in lines),
        "of": len(lines),
        "week": week_of(plan.started_at, now, zone),
        "counters": day["counters"],
        "next": PART_TITLES[part],
        "next_at": due,
        "rollback": open_rollback(plan.program, plan.tenant_id),
    }


@require_GET
@operator_page()
def day(request: HttpRequest, operator: OperatorPrincipal, tenant: str, program: str) -> HttpResponse:
    """One local day: the checklist as the data say it now, and the digests as they were sent."""
    with looking(request, operator):
        plan = access_plan(program, tenant)
        facts, now, zone = facts_of(program), business_now(), plan.tenant.timezone
        today = local_day(now, zone)
        shown = min(parsed_day(request.GET.get("day")) or today, today)
        found = checklist(plan, facts, shown, now, zone)
        digests = list(Digest.objects.filter(plan=plan, day=shown).order_by("id"))
        rollback = open_rollback(program, plan.tenant_id)
    here = reverse("pilots:day", args=[tenant, program])
    begun = local_day(plan.started_at, zone)
    context = {
        "plan": plan,
        "facts": facts,
        "day": shown,
        "is_today": shown == today,
        "blocks": [
            {**block, "title": PART_TITLES[block["part"]], "due_at": due_at(block["part"], shown, zone)}
            for block in found["blocks"]
        ],
        "counters": found["counters"],
        "digests": [{"title": PART_TITLES[one.part], "made_at": one.made_at, "part": one.part} for one in digests],
        "previous_url": link(here, day=_iso(shown - timedelta(days=1))) if shown > begun else "",
        "next_url": link(here, day=_iso(shown + timedelta(days=1))) if shown < today else "",
        "rollback": rollback,
        "zone": zone,
    }
    return render(request, "pilots/day.html", context)


def _iso(day: date) -> str:
    return day.isoformat()


@require_GET
@operator_page()
def review(request: HttpRequest, operator: OperatorPrincipal, tenant: str, program: str) -> HttpResponse:
    """The weekly review as of now."""
    with looking(request, operator):
        plan = access_plan(program, tenant)
        facts, now = facts_of(program), business_now()
        found = reviews.review(plan, facts, now)
        rollback = open_rollback(program, plan.tenant_id)
    context = {
        "plan": plan,
        "facts": facts,
        "found": found,
        "primary": [_measure(each) for each in found["primary"]],
        "secondary": [_measure(each) for each in found["secondary"]],
        "heads": [each["title"] for each in found["primary"]],
        "weeks": [{**one, "cells": [_measure(each) for each in one["measures"]]} for one in found["weeks"]],
        "versions": [
            {
                **pair,
                "lines": [
                    {"title": line["old"]["title"], "old": _measure(line["old"]), "new": _measure(line["new"]),
                     "differs": line["differs"], "differs_words": reviews.DIFFERS[line["differs"]]}
                    for line in pair["lines"]
                ],
            }
            for pair in found["versions"]
        ],
        "answers": [
            {**row, "question": question(row["name"]), "answer": answer_words(row["name"], row["answer"])}
            for row in found["feedback"]
        ],
        "rollback": rollback,
        "pages": [(label, reverse(name)) for label, name in facts.pages],
        "files": [(kind, reverse("pilots:review_file", args=[tenant, program, kind])) for kind in FORMATS],
    }  # fmt: skip
    return render(request, "pilots/review.html", context)


@require_GET
@operator_page()
def review_file(
    request: HttpRequest, operator: OperatorPrincipal, tenant: str, program: str, kind: str
) -> HttpResponse:
    """The weekly review as a file."""
    with looking(request, operator):
        now = business_now()
        paper = review_paper(access_plan(program, tenant), facts_of(program), now)
    return as_file(paper, kind, f"review-{tenant}-{program}", now)


def _measure(each: dict[str, Any]) -> dict[str, Any]:
    interval = reviews.interval(each)
    value = reviews.written(each)
    told = {"value": value, "interval": interval, "of": each["of"], "title": each["title"]}
    few = each["verdict"] == "insufficient"
    if few:
        told["with"] = _("%(value)s, not enough data (%(of)s)") % told
    elif interval:
        told["with"] = _("%(value)s (95 %%: %(interval)s)") % told
    claim = each["title"]
    if each["plain"] is not None:
        claim = _("%(title)s (%(plain)s of all)") % {**told, "plain": reviews.written(each, each["plain"])}
    return {**each, "text": value, "interval": interval, "with_interval": told.get("with", value), "claim": claim}
