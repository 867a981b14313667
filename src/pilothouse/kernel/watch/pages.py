"""The operator desk's first page: what needs me now."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.desk import looking
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.ledger.grants import grant_requests

from . import desk_queries
from .desk_work import NEEDS
from .limits import DESK_HOME_ROWS


@require_GET
@operator_page()
def home(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """What needs an operator now, the worst first; when nothing does, when that was last looked at."""
    with looking(request, operator):
        incidents = desk_queries.incidents(state="open", count=DESK_HOME_ROWS)
        gates = desk_queries.closed_gates(count=DESK_HOME_ROWS)
        grants = grant_requests("requested", count=DESK_HOME_ROWS)
        red = desk_queries.red_checks()
        jobs = desk_queries.failing_jobs(count=DESK_HOME_ROWS)
        dead = desk_queries.dead_deliveries(count=DESK_HOME_ROWS)
        counts = desk_queries.home_counts()
        checked = desk_queries.last_looks()
        others = [{"title": need.title, "url": reverse(need.url_name), "rows": need.rows()} for need in NEEDS.values()]
    needs = [len(red), *(counts[key] for key in ("incidents", "gates", "grants", "jobs", "dead"))]
    context = {
        "quiet": not any(needs) and not any(each["rows"] for each in others),
        "others": [each for each in others if each["rows"]],
        "incidents": incidents,
        "gates": gates,
        "grants": grants,
        "red": red,
        "jobs": jobs,
        "dead": dead,
        "counts": counts,
        "checked": checked,
        "stats": _stats(counts, len(red)),
    }
    return render(request, "watch/home.html", context)


def _stats(counts: Row, red: int) -> list[dict[str, Any]]:
    """Each number of the desk with the page that explains it."""
    return [
        {"label": _("Open incidents"), "value": counts["incidents"], "url": reverse("desk:incidents"), "bad": True},
        {"label": _("Closed gates"), "value": counts["gates"], "url": reverse("desk:gates"), "bad": False},
        {"label": _("Grants to approve"), "value": counts["grants"], "url": reverse("desk:grants"), "bad": False},
        {"label": _("Red checks"), "value": red, "url": reverse("desk:promises"), "bad": True},
        {"label": _("Stuck"), "value": counts["stuck"], "url": reverse("desk:stuck"), "bad": True},
        {"label": _("Failing jobs"), "value": counts["jobs"], "url": reverse("desk:health"), "bad": False},
        {"label": _("Events given up"), "value": counts["dead"], "url": reverse("desk:deliveries"), "bad": False},
    ]
