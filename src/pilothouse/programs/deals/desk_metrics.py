"""The metrics of deals on the desk: against their targets, week by week, and one version of terms against another."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.desk import looking
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.sql import Row

from . import metrics
from .limits import VERDICT_MIN_DEALS


@require_GET
@operator_page()
def numbers(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """The four primary metrics with their verdict, what explains them, their weeks, and versions compared."""
    with looking(request, operator):
        rows = metrics.counts()
    whole = metrics.total(metrics.summed(rows))
    weeks, versions = metrics.summed(rows, "week"), metrics.summed(rows, "version")
    labels = {
        "completion": (_("Deals that reach SETTLED"), _("more than 90 %")),
        "days": (_("Average days to settle"), _("less than 7 days")),
        "disputes": (_("Deals with a dispute"), _("less than 10 %")),
        "evidence": (_("Disputes with all evidence"), _("100 %")),
    }
    shown = [_shown(each, *labels[each.name]) for each in metrics.primary(whole)]
    context = {
        "primary": shown,
        "whole": whole,
        "minimum": VERDICT_MIN_DEALS,
        "is_triggered": metrics.rollback_triggered(whole),
        "intervention": _percent(whole["decided"] / whole["disputes_ended"] if whole["disputes_ended"] else None),
        "weeks": [_line(row) for row in weeks],
        "versions": [_line(row) for row in versions],
        "pairs": _pairs(versions, labels),
    }
    return render(request, "deals/desk_metrics.html", context)


def _shown(each: metrics.Metric, claim: str, target: str) -> dict[str, Any]:
    write = _days if each.name == "days" else _percent
    value = write(each.value)
    if each.low is not None and each.high is not None:
        value += _(" (95 %%: %(low)s to %(high)s)") % {"low": write(each.low), "high": write(each.high)}
    return {"claim": claim, "target": target, "value": value, "metric": each, "plain": write(each.plain)}


def _line(row: Row) -> dict[str, Any]:
    return {"row": row, "metrics": [
        {"value": (_days if each.name == "days" else _percent)(each.value), "verdict": each.verdict}
        for each in metrics.primary(row)
    ]}  # fmt: skip


def _pairs(versions: Sequence[Row], labels: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """Each version against the one before it, of the same name."""
    found = []
    by_name: dict[str, list[tuple[int, Row]]] = {}
    for row in versions:
        name, _v, number = row["part"].rpartition(" v")
        by_name.setdefault(name, []).append((int(number), row))
    for name, rows in sorted(by_name.items()):
        rows.sort(key=lambda pair: pair[0])
        for (old, before), (new, after) in pairwise(rows):
            lines = [
                {
                    **each,
                    "old": _shown(each["old"], *labels[each["name"]]),
                    "new": _shown(each["new"], *labels[each["name"]]),
                }
                for each in metrics.compared(before, after)
            ]
            found.append({"name": name, "old": old, "new": new, "lines": lines})
    return found


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{100 * share:.1f} %"


def _days(value: float | None) -> str:
    return "—" if value is None else f"{value:.1f} d"
