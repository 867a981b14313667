"""The status page of a customer: what is paused, and how the objectives stand over the account's own rows."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.page_access import member_page
from pilothouse.kernel.access.principal import Principal
from pilothouse.kernel.base.program import program_title
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.base.sql import Row

from .desk_views import objective
from .limits import SLO_WINDOW_DAYS
from .queries import pauses
from .slos import customer_slos, slo_report


@require_GET
@member_page
def status(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Pauses of the last weeks, those that last still first, and the objectives with their exact counts."""
    with tenant_scope(principal.tenant, principal.actor):
        rows = pauses(principal.tenant, SLO_WINDOW_DAYS)
        readings = slo_report(customer_slos())
    context = {
        "closed": [_notice(row) for row in rows if row["opened_at"] is None],
        "over": [{**row, "what": program_title(row["program"])} for row in rows if row["opened_at"] is not None],
        "objectives": [objective(reading) for reading in readings],
        "days": SLO_WINDOW_DAYS,
    }
    return render(request, "watch/status.html", context)


def _notice(row: Row) -> dict[str, object]:
    what = program_title(row["program"])
    return {"name": row["mode"], "reason": row["reason"], "since": row["closed_at"], "what": what}
