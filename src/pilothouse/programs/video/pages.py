"""The pages of batches: the list, and one batch live. They read and command through the same functions as the API."""

import json
from typing import Any
from urllib.parse import urlencode

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
from pilothouse.kernel.base.errors import NotFound, PilothouseError
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.ledger.models import CREDIT
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.watch.queries import closed_gates

from . import views
from .commands import PROGRAM_NAME, access_batch, cancel_batch
from .models import Batch
from .queries import BATCH_STATES, batch_counts, batch_rows, failures, item_rows

LIST_PAGE_ROWS = 25
ITEMS_PAGE_ROWS = 12
SEARCH_MAX_CHARACTERS = 255
ITEM_TABS = ("pending", "running", "succeeded", "failed")


@require_GET
@member_page
def batch_list(request: HttpRequest, principal: Principal) -> HttpResponse:
    """A page of the tenant's batches, newest first, by state and by a search for a request or batch id."""
    require(principal, "batches:read")
    state = request.GET.get("state", "")
    state = state if state in BATCH_STATES else ""
    query = request.GET.get("q", "").strip().replace("\x00", "")[:SEARCH_MAX_CHARACTERS]
    before = _number(request.GET.get("before"))
    with tenant_scope(principal.tenant, principal.actor):
        rows = batch_rows(
            principal.tenant, count=LIST_PAGE_ROWS + 1, before=before, state=state or None, search=query or None
        )
        counts = batch_counts(principal.tenant)
        wallet = balance(principal.tenant)
        gate = next(iter(closed_gates(PROGRAM_NAME, principal.tenant)), None)
    for row in rows:
        echo(request, row["request_id"], row["webhook_url"] or "")
    more = len(rows) > LIST_PAGE_ROWS
    here = reverse("video:batches")
    following = _with(here, state=state, q=query, before=str(rows[LIST_PAGE_ROWS - 1]["id"])) if more else ""
    context = {
        "batches": [{**views.batch(row, {}), "url": _url(row["public_id"])} for row in rows[:LIST_PAGE_ROWS]],
        "wallet": {"available": wallet.available, "in_flight": wallet.held, "unit": CREDIT},
        "tabs": [
            {"label": label, "url": _with(here, state=key, q=query), "current": key == state, "count": counts.get(key)}
            for key, label in (
                ("", _("All")), ("pending", _("Waiting")), ("running", _("Running")), ("completed", _("Completed"))
            )
        ],
        "query": query,
        "filtered": bool(state or query or before),
        "pager": _pager(_with(here, state=state, q=query) if before else "", following),
        "docs_url": "/openapi.json",
        "gate": views.gate(gate),
    }  # fmt: skip
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
    return HttpResponseRedirect(_url(public_id))


def _detail(request: HttpRequest, principal: Principal, public_id: str) -> dict[str, Any]:
    require(principal, "batches:read")
    status = request.GET.get("status", "")
    status = status if status in ITEM_TABS else ""
    after = _number(request.GET.get("after")) or 0
    try:
        with tenant_scope(principal.tenant, principal.actor):
            batch = access_batch(public_id)
            items = item_rows(batch.id, count=ITEMS_PAGE_ROWS + 1, after=after, status=status or None)
            failed = failures(batch.id)
            events = views.batch_events(batch)
            told = views.webhooks(batch)
    except NotFound:
        raise Http404 from None
    echo(request, batch.request_id, batch.webhook_url or "")
    for item in items:
        echo(request, item["params"]["prompt"], json.dumps(item["metadata"], ensure_ascii=False))
    here = _url(public_id)
    more = len(items) > ITEMS_PAGE_ROWS
    shown = views.batch(batch.__dict__, told)
    return {
        "batch": shown,
        "failures": failed,
        "items": [views.item(row) for row in items[:ITEMS_PAGE_ROWS]],
        "item_tabs": _item_tabs(here, status, batch),
        "pager": _pager(
            _with(here, status=status) if after else "",
            _with(here, status=status, after=str(items[ITEMS_PAGE_ROWS - 1]["position"])) if more else "",
        ),
        "events": events,
        "live_fragment_url": _with(
            reverse("video:live", args=[public_id]), status=status, after=str(after) if after else ""
        ),
        "stream_url": "" if shown["settled_for_good"] else f"{settings.LIVE_URL}/live/batches/{public_id}",
        "batches_url": reverse("video:batches"),
        "cancel_url": reverse("video:cancel", args=[public_id]) if principal.may("batches:write") else "",
        "exports": [{"label": _("Ledger rows (CSV)"), "url": f"/v1/ledger?format=csv&batch_id={public_id}"}]
        if principal.may("ledger:read")
        else [],
    }


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
        {"label": labels[key], "url": _with(here, status=key), "current": key == current, "count": counts[key]}
        for key in ITEM_TABS
        if counts[key] or key == current
    ]


def _pager(previous_url: str, next_url: str) -> dict[str, str] | None:
    """The links of a pager; None where everything is on this page."""
    return {"previous_url": previous_url, "next_url": next_url} if previous_url or next_url else None


def _url(public_id: str) -> str:
    return reverse("video:batch", args=[public_id])


def _with(url: str, **query: str) -> str:
    given = {key: value for key, value in query.items() if value}
    return f"{url}?{urlencode(given)}" if given else url


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 19 else None
