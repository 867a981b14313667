"""The metrics of deals on the desk: against their targets, week by week, and one version of terms against another."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.desk import looking
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.watch.pilot_facts import JudgedMetric
from pilothouse.ui.units import share_text

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
    shown = [_shown(each) for each in metrics.primary(whole)]
    context = {
        "primary": shown,
        "whole": whole,
        "minimum": VERDICT_MIN_DEALS,
        "is_triggered": metrics.rollback_triggered(whole),
        "intervention": share_text(whole["decided"] / whole["disputes_ended"] if whole["disputes_ended"] else None),
        "weeks": [_line(row) for row in weeks],
        "versions": [_line(row) for row in versions],
        "pairs": _pairs(versions),
    }
    return render(request, "deals/desk_metrics.html", context)


def _shown(each: JudgedMetric) -> dict[str, Any]:
    write = _days if each.name == "days" else share_text
    value = write(each.value)
    if each.low is not None and each.high is not None:
        value += _(" (95 %%: %(low)s to %(high)s)") % {"low": write(each.low), "high": write(each.high)}
    return {"claim": each.title, "target": each.target, "value": value, "metric": each, "plain": write(each.plain)}


def _line(row: Row) -> dict[str, Any]:
    return {"row": row, "metrics": [
        {"value": (_days if each.name == "days" else share_text)(each.value), "verdict": each.verdict}
        for each in metrics.primary(row)
    ]}  # fmt: skip


def _pairs(versions: Sequence[Row]) -> list[dict[str, Any]]:
    """Each version against the one before it, of the same name."""
    return [
        {
            "name": name,
            "old": old,
            "new": new,
            "lines": [
                {**each, "old": _shown(each["old"]), "new": _shown(each["new"])}
                for each in metrics.compared(before, after)
            ],
        }
        for name, old, before, new, after in metrics.versions(versions)
    ]


def _days(value: float | None) -> str:
    return "—" if value is None else _("%(days)s d") % {"days": f"{value:.1f}"}
