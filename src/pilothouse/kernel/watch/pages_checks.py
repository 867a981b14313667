"""The promise board: each promise and invariant with its claim, its SQL, its runs and what offends; what is stuck."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from pilothouse.kernel.access.desk import DESK_WRITERS, act, link, looking, may_act, page_number, paged
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.ledger.invariants import FOLDER, read_invariants
from pilothouse.kernel.lifecycle.queries import stuck_subjects

from . import desk_queries, desk_views
from .checks import INVARIANT_FOLDERS, REGISTRY, declared, offending
from .invariants import run_all_here
from .promises import run_here
from .slos import read_slos

INVARIANT = "invariant"
EVERYTHING = "everything"


def run_check(name: str) -> int:
    """Run one check by its name over everything, in the open scope; how many rows offend.

    A promise or invariant is recorded and acted on as on its schedule; another check is only looked at.
    """
    if name in REGISTRY:
        return run_here(REGISTRY[name]).seen.rows
    family, _colon, rest = name.partition(":")
    if family == INVARIANT:
        results = run_all_here()
        return sum(row["rows"] for row in results if rest in (row["name"], EVERYTHING) or rest == EVERYTHING)
    return offending(name)


@require_GET
@operator_page()
def board(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Every promise and every invariant with its newest run."""
    readings = read_slos()
    with looking(request, operator):
        seen = desk_queries.checks()
        looks = desk_queries.last_looks()
    promises = [
        {"name": promise.check_name, "short": promise.name, "program": promise.program, "claim": promise.title}
        for promise in declared()
    ]
    invariants = [
        {"name": f"{INVARIANT}:{invariant.name}", "short": invariant.name, "program": "", "claim": invariant.title}
        for invariant in read_invariants([FOLDER, *INVARIANT_FOLDERS])
    ]
    context = {
        "promises": [_line(check, seen) for check in promises],
        "invariants": [_line(check, seen) for check in invariants],
        "objectives": [desk_views.objective(reading) for reading in readings],
        "looks": looks,
        "may_act": may_act(operator),
    }
    return render(request, "watch/board.html", context)


def _line(check: dict[str, str], seen: dict[str, Any]) -> dict[str, Any]:
    run = seen.get(check["name"])
    if run is None or run["id"] is None:
        state, value = "insufficient", _("not run yet")
    elif run["rows"] or run["red_since"]:
        count = run["rows"] or run["red_since"]
        state, value = "fail", ngettext("%(n)s row", "%(n)s rows", count) % {"n": count}
    else:
        state, value = "pass", _("0 rows")
    return {**check, "state": state, "value": value, "run": run, "url": reverse("desk:check", args=[check["name"]])}


@require_GET
@operator_page()
def check_detail(request: HttpRequest, operator: OperatorPrincipal, name: str) -> HttpResponse:
    """One check: what it claims, the SQL behind it, what offends, and its last runs."""
    check = desk_views.check_of(name)
    if check is None:
        raise Http404
    here = reverse("desk:check", args=[name])
    number = page_number(request)
    wide = request.GET.get("runs") != "all"
    with looking(request, operator):
        runs = desk_queries.check_runs(name, wide=wide, skip=number * DESK_PAGE_ROWS)
        latest = desk_queries.checks().get(name)
        incidents = desk_queries.incidents(state="open", check_name=name, count=5)
        accepted = desk_queries.accepted(name)
        red = next((run for run in runs if run["rows"]), None)
        sample = red["sample"] if red else []
        names = dict(Tenant.objects.filter(id__in=desk_views.tenants_in(sample)).values_list("id", "name"))
    runs, pager = paged(runs, number, here, runs="" if wide else "all")
    context = {
        "check": check,
        "line": _line({"name": name, "claim": check["claim"]}, {name: latest} if latest else {}),
        "runs": runs,
        "pager": pager,
        "wide": wide,
        "all_url": link(here, runs="all"),
        "wide_url": here,
        "sample": desk_views.sample_table(sample, names),
        "sample_at": red["at"] if red else None,
        "incidents": incidents,
        "accepted": accepted,
        "is_promise": name in REGISTRY,
        "may_act": may_act(operator),
    }
    return render(request, "watch/check.html", context)


@require_POST
@operator_page(*DESK_WRITERS)
def check_run(request: HttpRequest, operator: OperatorPrincipal, name: str) -> HttpResponse:
    """Run one check now. A breach opens its incident and closes its gate, as on the schedule."""
    everything = name == f"{INVARIANT}:{EVERYTHING}"
    if not everything and desk_views.check_of(name) is None:
        raise NotFound(what="check")
    return act(
        request,
        operator,
        lambda: run_check(name),
        done=lambda rows: (
            _("It finds nothing: green.")
            if not rows
            else _("It finds %(rows)s rows. The incident is open and the gate is closed.") % {"rows": rows}
        ),
        back=reverse("desk:promises") if everything else reverse("desk:check", args=[name]),
    )


@require_GET
@operator_page()
def stuck(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Subjects in an open state that nothing will move on; each kind has its incident."""
    with looking(request, operator):
        found = stuck_subjects()
        names = dict(Tenant.objects.filter(id__in=desk_views.tenants_in(found)).values_list("id", "name"))
        looks = desk_queries.last_looks()
        incidents = {
            kind: desk_queries.incidents(state="open", check_name=f"stuck:{kind}", count=1)
            for kind in sorted({row["kind"] for row in found})
        }
    kinds = [
        {
            "kind": kind,
            "count": sum(row["kind"] == kind for row in found),
            "incident": incidents[kind][0] if incidents[kind] else None,
            "rows": [{**row, "tenant_name": names.get(row["tenant"], "")} for row in found if row["kind"] == kind][
                :DESK_PAGE_ROWS
            ],
        }
        for kind in incidents
    ]
    return render(request, "watch/stuck.html", {"kinds": kinds, "looked": looks.get("watch_stuck")})
