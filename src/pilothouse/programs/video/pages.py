"""The pages of batches: the list, and one batch live. They read and command through the same functions as the API."""

import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from pilothouse.kernel.access.page_access import member_page
from pilothouse.kernel.access.principal import Principal, require
from pilothouse.kernel.access.roles import MODES
from pilothouse.kernel.base.cursors import open_parts, seal_cursor
from pilothouse.kernel.base.days import day, day_begins
from pilothouse.kernel.base.errors import NotFound, PilothouseError
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.ledger.models import CREDIT
from pilothouse.kernel.ledger.periods import time_zone
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.outbox.queries import has_endpoints
from pilothouse.kernel.watch.queries import closed_gates
from pilothouse.ui.links import search_words, whole_number, with_query

from . import limits, views
from .addresses import batch_url
from .commands import PROGRAM_NAME, access_batch, cancel_batch
from .models import Batch
from .pages_confirmations import confirmations_of
from .queries import (
    BATCH_OUTCOMES,
    BATCH_SORTS,
    BATCH_STATES,
    batch_counts,
    batch_rows,
    failures,
    item_rows,
)

ITEM_TABS = ("pending", "running", "succeeded", "failed")


@require_GET
@member_page
def batch_list(request: HttpRequest, principal: Principal) -> HttpResponse:
    """A page of the tenant's batches by state, mode, outcome, day and a search for a request or batch id."""
    require(principal, "batches:read")
    chosen = _filter(request)
    last = request.GET.get("last")
    place = open_parts("batches page", principal.tenant, last) if last else []
    with tenant_scope(principal.tenant, principal.actor):
        zone = time_zone(principal.tenant)
        rows = batch_rows(
            principal.tenant,
            count=limits.LIST_PAGE_ROWS + 1,
            before=int(place[0]) if place else None,
            last_total=int(place[1]) if place else None,
            sort=chosen["sort"] or "newest",
            state=chosen["state"] or None,
            mode=chosen["mode"] or None,
            outcome=chosen["outcome"] or None,
            since=day_begins(day(chosen["from"]), zone),
            until=day_begins(day(chosen["to"]), zone, days_later=1),
            search=chosen["q"] or None,
        )
        counts = batch_counts(principal.tenant)
        wallet = balance(principal.tenant)
        gate = next(iter(closed_gates(PROGRAM_NAME, principal.tenant)), None)
    for row in rows:
        echo(request, row["request_id"], row["webhook_url"] or "")
    shown, more = rows[: limits.LIST_PAGE_ROWS], len(rows) > limits.LIST_PAGE_ROWS
    here = reverse("video:batches")
    end = seal_cursor("batches page", principal.tenant, shown[-1]["id"], shown[-1]["total"]) if more else ""
    following = with_query(here, **chosen, last=end) if more else ""
    context = {
        "batches": [{**views.batch(row, {}), "url": batch_url(row["public_id"])} for row in shown],
        "wallet": {"available": wallet.available, "in_flight": wallet.held, "unit": CREDIT},
        "tabs": _tabs(here, chosen, counts),
        "chosen": chosen,
        "zone": zone,
        "narrowed": bool(chosen["mode"] or chosen["outcome"] or chosen["from"] or chosen["to"] or chosen["sort"]),
        "filtered": bool(any(value for key, value in chosen.items() if key != "sort") or last),
        "modes": _options(MODES, chosen["mode"], {"live": _("Live"), "test": _("Test")}),
        "outcomes": _options(BATCH_OUTCOMES, chosen["outcome"], views.OUTCOME_LABELS),
        "sorts": _options(BATCH_SORTS, chosen["sort"] or "newest", views.SORT_LABELS),
        "pager": _pager(with_query(here, **chosen) if last else "", following),
        "new_url": reverse("video:new") if principal.may("batches:write") else "",
        "gate": views.gate(gate),
    }
    return render(request, "video/batch_list.html", context)


@require_GET
@member_page
def batch_detail(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """One batch, which moves while it is looked at."""
    return render(request, "video/batch_detail.html", _detail(request, principal, public_id))


@require_GET
@member_page
def batch_live(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """The part of a batch's page that moves, fetched again on each change."""
    return render(request, "video/_batch_live.html", _detail(request, principal, public_id))


@require_POST
@member_page
def cancel(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """Cancel the waiting videos of a batch, and say what came back."""
    require(principal, "batches:write")
    try:
        with tenant_scope(principal.tenant, principal.actor):
            count = cancel_batch(public_id)
    except NotFound:
        raise Http404 from None
    except PilothouseError as refused:
        messages.error(request, str(refused))
    else:
        messages.success(
            request,
            ngettext(
                "%(count)s waiting video was cancelled; its credits are back in the wallet.",
                "%(count)s waiting videos were cancelled; their credits are back in the wallet.",
                count,
            )
            % {"count": count}
            if count
            else _("No video was waiting any more; nothing was cancelled."),
        )
    return HttpResponseRedirect(batch_url(public_id))


def _filter(request: HttpRequest) -> dict[str, str]:
    """What the address asks for; words that mean nothing are left out."""

    def one_of(name: str, known: tuple[str, ...]) -> str:
        value = request.GET.get(name, "")
        return value if value in known else ""

    days = {name: day(request.GET.get(name)) for name in ("from", "to")}
    return {
        "state": one_of("state", BATCH_STATES),
        "mode": one_of("mode", MODES),
        "outcome": one_of("outcome", BATCH_OUTCOMES),
        **{name: value.isoformat() if value else "" for name, value in days.items()},
        "sort": one_of("sort", BATCH_SORTS[1:]),
        "q": search_words(request.GET.get("q"), limits.SEARCH_MAX_CHARACTERS),
    }


def _tabs(here: str, chosen: dict[str, str], counts: dict[str, int]) -> list[dict[str, Any]]:
    labels = {"": _("All"), "pending": _("Waiting"), "running": _("Running"), "completed": _("Completed")}
    return [
        {
            "label": label,
            # Only a completed batch has an outcome; the other tabs would be empty with one.
            "url": with_query(here, **{**chosen, "state": key, "outcome": chosen["outcome"] if not key else ""}),
            "current": key == chosen["state"],
            "count": counts.get(key),
        }
        for key, label in labels.items()
    ]


def _options(keys: tuple[str, ...], current: str, labels: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"value": key, "label": labels[key], "current": key == current} for key in keys]


def _detail(request: HttpRequest, principal: Principal, public_id: str) -> dict[str, Any]:
    require(principal, "batches:read")
    status = request.GET.get("status", "")
    status = status if status in ITEM_TABS else ""
    goto, before = whole_number(request.GET.get("goto")), whole_number(request.GET.get("before"))
    after = goto - 1 if goto else whole_number(request.GET.get("after"))
    try:
        with tenant_scope(principal.tenant, principal.actor):
            batch = access_batch(public_id)
            items = _page_of_items(batch, after, before, status)
            failed = failures(batch.id)
            events = views.batch_events(batch)
            told = views.webhooks(batch)
            will_be_told = batch.state != "completed" and has_endpoints(batch.mode)
            confirmations = confirmations_of(batch.id) if principal.may("ledger:read") else []
            gate = next(iter(closed_gates(PROGRAM_NAME, principal.tenant)), None)
    except NotFound:
        raise Http404 from None
    echo(request, batch.request_id, batch.webhook_url or "")
    for item in items["rows"]:
        echo(request, item["params"]["prompt"], json.dumps(item["metadata"], ensure_ascii=False))
    here = batch_url(public_id)
    shown = views.batch(batch.__dict__, told)
    return {
        "batch": shown,
        "failures": failed,
        "items": [views.item(row, public_id) for row in items["rows"]],
        "item_tabs": _item_tabs(here, status, batch),
        "status": status,
        "pager": _item_pager(here, status, items, batch),
        "jump": batch.total > limits.ITEMS_PAGE_ROWS,
        "events": events,
        "live_fragment_url": with_query(
            reverse("video:live", args=[public_id]),
            status=status,
            after=after,
            before=before,
        ),
        "stream_url": "" if shown["settled_for_good"] else f"{settings.LIVE_URL}/live/batches/{public_id}",
        "batches_url": reverse("video:batches"),
        "cancel_url": reverse("video:cancel", args=[public_id]) if principal.may("batches:write") else "",
        "gate": views.gate(gate) if batch.state != "completed" else None,
        "confirmations": confirmations,
        "will_be_told": will_be_told,
        "exports": [
            {"label": _("Ledger rows (CSV)"), "url": f"/v1/ledger?format=csv&batch_id={public_id}&unit={batch.unit}"}
        ]
        if principal.may("ledger:read")
        else [],
    }


def _page_of_items(batch: Batch, after: int, before: int, status: str) -> dict[str, Any]:
    """One page of items forwards from `after` or backwards from `before`, and whether there are more on each side."""
    size = limits.ITEMS_PAGE_ROWS
    start = {"before": before} if before else {"after": after}
    rows = item_rows(batch.id, count=size + 1, status=status or None, **start)
    if before:
        return {"rows": rows[-size:], "earlier": len(rows) > size, "later": True}
    return {"rows": rows[:size], "earlier": after > 0, "later": len(rows) > size}


def _item_tabs(here: str, current: str, batch: Batch) -> list[dict[str, Any]]:
    labels = {"pending": _("Waiting"), "running": _("Running"), "succeeded": _("Finished"), "failed": _("Failed")}
    counts = {
        "pending": batch.pending_count,
        "running": batch.running_count,
        "succeeded": batch.succeeded_count,
        "failed": batch.failed_count,
    }
    tabs = [{"label": _("All"), "url": here, "current": not current, "count": batch.total}]
    return tabs + [
        {"label": labels[key], "url": with_query(here, status=key), "current": key == current, "count": counts[key]}
        for key in ITEM_TABS
        if counts[key] or key == current
    ]


def _item_pager(here: str, status: str, page: dict[str, Any], batch: Batch) -> dict[str, Any] | None:
    """Steps to both sides; the places are shown where every item is listed, so that position and place are the same."""
    rows = page["rows"]
    if not rows:
        return None
    earlier = with_query(here, status=status, before=rows[0]["position"]) if page["earlier"] else ""
    later = with_query(here, status=status, after=rows[-1]["position"]) if page["later"] else ""
    places = {} if status else {"first": rows[0]["position"], "last": rows[-1]["position"], "total": batch.total}
    pager = _pager(earlier, later)
    return {**pager, **places} if pager else None


def _pager(previous_url: str, next_url: str) -> dict[str, str] | None:
    """The links of a pager; None where everything is on this page."""
    return {"previous_url": previous_url, "next_url": next_url} if previous_url or next_url else None
