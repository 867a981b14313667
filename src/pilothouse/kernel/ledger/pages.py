"""The ledger's pages: its rows, and the statement of a month with its files. All read the same as API and export."""

import tempfile
from datetime import date, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.caller import Caller, member_page
from pilothouse.kernel.base.days import day, day_begins, first_of_month, month, next_month, previous_month
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.ui.links import search_words, with_query

from . import limits
from .exports import statement_csv, statement_xlsx
from .models import CREDIT, TEST
from .periods import time_zone
from .places import open_place, seal_place
from .queries import KINDS, LABELS, TYPES, Entry, balance, ledger_entries
from .sealing import seal_for_export
from .statements import Cut, Statement, statement

SCOPE = "ledger:read"
UNITS = {"live": CREDIT, "test": TEST}
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_GET
@member_page
def rows(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Ledger rows, newest first, by kind, batch and days."""
    caller.require(SCOPE)
    chosen = _filter(request)
    unit, cursor = UNITS[chosen["mode"] or "live"], request.GET.get("cursor", "")
    with tenant_scope(caller.tenant, caller.actor):
        zone = time_zone(caller.tenant)
        since, until = day_begins(day(chosen["from"]), zone), day_begins(day(chosen["to"]), zone, days_later=1)
        page = ledger_entries(
            caller.tenant,
            unit,
            type=chosen["kind"] or None,
            ref_id=chosen["batch"] or None,
            since=since,
            until=until,
            cursor=cursor or None,
            count=limits.PAGE_ROWS,
        )
        wallet = balance(caller.tenant, unit)
    _echo(request, page.rows)
    here = reverse("ledger:rows")
    following = with_query(here, **chosen, cursor=page.next_cursor or "") if page.next_cursor else ""
    export = {
        "format": "csv",
        "type": TYPES.get(chosen["kind"], chosen["kind"]),
        "batch_id": chosen["batch"],
        "since": clock.iso(since) if since else "",
        "until": clock.iso(until) if until else "",
        "unit": "" if unit == CREDIT else unit,
    }
    context = {
        "rows": page.rows,
        "wallet": wallet,
        "unit": unit,
        "chosen": chosen,
        "zone": zone,
        "kinds": [{"value": kind, "label": LABELS[kind], "current": kind == chosen["kind"]} for kind in KINDS],
        "filtered": any(chosen.values()) or bool(cursor),
        "pager": {"previous_url": with_query(here, **chosen) if cursor else "", "next_url": following}
        if cursor or following
        else None,
        "export_url": with_query("/v1/ledger", **export),
    }
    return render(request, "ledger/rows.html", context)


@require_GET
@member_page
def statement_page(request: HttpRequest, caller: Caller) -> HttpResponse:
    """One month: opening, each row with the balance after it, closing; its files are of exactly the same rows."""
    caller.require(SCOPE)
    with tenant_scope(caller.tenant, caller.actor):
        zone = time_zone(caller.tenant)
        now = first_of_month(clock.now(), zone)
        first, found = _statement(request, caller, zone)
        seen = _seen(request, found)
        lines = list(found.rows(seen, count=limits.STATEMENT_PAGE_ROWS + 1))
        tenant_name = Tenant.objects.values_list("name", flat=True).get(id=caller.tenant)
    more = len(lines) > limits.STATEMENT_PAGE_ROWS
    lines = lines[: limits.STATEMENT_PAGE_ROWS]
    _echo(request, [entry for entry, _after in lines])
    query = {"month": f"{first:%Y-%m}", "cut": str(found.cut)}
    here = reverse("ledger:statement")
    following = with_query(here, **query, seen=seal_place(found, *lines[-1])) if more else ""
    context = {
        "first": first,
        "statement": found,
        "lines": lines,
        "opening": None if seen else found.opening,
        "closing": None if more else found.closing,
        "so_far": found.end > found.cut.as_of,
        "change": found.closing.available - found.opening.available,
        "zone": zone,
        "tenant_title": tenant_name,
        "tenant_id": caller.tenant_public_id,
        "months": _months(now, first),
        "earlier_url": with_query(here, month=f"{previous_month(first):%Y-%m}"),
        "later_url": with_query(here, month=f"{next_month(first):%Y-%m}") if first < now else "",
        "csv_url": with_query(reverse("ledger:statement_csv"), **query),
        "xlsx_url": with_query(reverse("ledger:statement_xlsx"), **query),
        "pager": {"previous_url": with_query(here, **query) if seen else "", "next_url": following}
        if seen or following
        else None,
    }
    return render(request, "ledger/statement.html", context)


@require_GET
@member_page
def statement_as_csv(request: HttpRequest, caller: Caller) -> HttpResponse:
    """The statement as CSV; the same bytes for the same `month` and `cut`."""
    caller.require(SCOPE)
    caller.count_export()
    with tenant_scope(caller.tenant, caller.actor):
        first, found = _statement(request, caller, time_zone(caller.tenant))
        text = "".join(statement_csv(found, caller.tenant_public_id))
    name = f'attachment; filename="statement-{first:%Y-%m}.csv"'
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": name})


@require_GET
@member_page
def statement_as_xlsx(request: HttpRequest, caller: Caller) -> HttpResponse:
    """The statement as XLSX; the same bytes for the same `month` and `cut`."""
    caller.require(SCOPE)
    caller.count_export()
    with tempfile.TemporaryFile() as target, tenant_scope(caller.tenant, caller.actor):
        first, found = _statement(request, caller, time_zone(caller.tenant))
        statement_xlsx(found, caller.tenant_public_id, target)
        target.seek(0)
        name = f'attachment; filename="statement-{first:%Y-%m}.xlsx"'
        return HttpResponse(target.read(), content_type=XLSX_TYPE, headers={"Content-Disposition": name})


def _filter(request: HttpRequest) -> dict[str, str]:
    """What the address asks for; words that mean nothing are left out."""
    kind, mode = request.GET.get("kind", ""), request.GET.get("mode", "")
    days = {name: day(request.GET.get(name)) for name in ("from", "to")}
    return {
        "kind": kind if kind in KINDS else "",
        "batch": search_words(request.GET.get("batch"), limits.REF_MAX_CHARACTERS),
        **{name: value.isoformat() if value else "" for name, value in days.items()},
        "mode": mode if mode == "test" else "",
    }


def _statement(request: HttpRequest, caller: Caller, zone: str) -> tuple[date, Statement]:
    """The statement that the address names: `month` (this one without it), and the `cut` of an earlier reading."""
    asked = request.GET.get("month", "")
    first = day(f"{asked}-01") if asked else first_of_month(clock.now(), zone)
    if first is None or not 2000 <= first.year <= 9000:
        raise Http404
    start, end = month(first, zone)
    cut = Cut.parse(request.GET["cut"]) if request.GET.get("cut") else None
    if cut is None:
        seal_for_export()
    return first, statement(caller.tenant, CREDIT, start, end, cut=cut)


def _seen(request: HttpRequest, found: Statement) -> tuple[datetime, int, int] | None:
    """Where the page goes on."""
    mark = request.GET.get("seen")
    return open_place(found, mark) if mark else None


def _months(now: date, shown: date) -> list[dict[str, Any]]:
    listed = [now]
    while len(listed) < limits.MONTHS_LISTED_COUNT:
        listed.append(previous_month(listed[-1]))
    if shown not in listed:
        listed.append(shown)
    return [{"value": f"{first:%Y-%m}", "first": first, "current": first == shown} for first in listed]


def _echo(request: HttpRequest, entries: list[Entry]) -> None:
    for entry in entries:
        echo(request, entry.request_id, entry.description)
