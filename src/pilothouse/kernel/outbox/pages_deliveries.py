"""The pages of deliveries: what was sent where, what came back, and sending it again."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from pilothouse.kernel.access.page_access import member_page
from pilothouse.kernel.access.principal import Principal, require
from pilothouse.kernel.base.cursors import open_cursor, seal_cursor
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.base.sql import Row
from pilothouse.ui.links import actor_words, search_words, with_query

from . import commands, queries
from .limits import PAGE_ROWS_MAX, RESPONSE_CAPTURE_BYTES
from .pages_endpoints import SCOPE, result_of
from .resending import OPEN, replay_again, replay_failed

LIST_PAGE_ROWS = 25
ID_MAX_CHARACTERS = 60
# What the tabs call a state: the machine's six are more than a reader needs.
TABS = {"open": OPEN, "delivered": ("delivered",), "failed": ("dead", "disabled")}


@require_GET
@member_page
def delivery_list(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Deliveries, newest first: by state, endpoint and batch."""
    require(principal, SCOPE)
    tab = request.GET.get("state", "")
    tab = tab if tab in TABS else ""
    endpoint = search_words(request.GET.get("endpoint"), ID_MAX_CHARACTERS)
    batch = search_words(request.GET.get("batch"), ID_MAX_CHARACTERS)
    before = request.GET.get("before")
    after = open_cursor("deliveries", principal.tenant, before or None)
    with tenant_scope(principal.tenant, principal.actor):
        rows = queries.deliveries(
            endpoint=endpoint or None, states=TABS.get(tab), reference=batch or None, before=after,
            count=LIST_PAGE_ROWS + 1,
        )  # fmt: skip
        endpoints = queries.endpoints()
    echo(request, *(row["url"] for row in (*rows, *endpoints)))
    here = reverse("outbox:deliveries")
    more = len(rows) > LIST_PAGE_ROWS
    kept = {"state": tab, "endpoint": endpoint, "batch": batch}
    following = seal_cursor("deliveries", principal.tenant, rows[LIST_PAGE_ROWS - 1]["id"]) if more else ""
    labels = {"": _("All"), "open": _("Under way"), "delivered": _("Delivered"), "failed": _("Failed")}
    context = {
        "deliveries": [result_of(row) for row in rows[:LIST_PAGE_ROWS]],
        "endpoints": endpoints,
        "tabs": [
            {"label": label, "url": with_query(here, **{**kept, "state": key}), "current": key == tab}
            for key, label in labels.items()
        ],
        **kept,
        "filtered": bool(tab or endpoint or batch or before),
        "pager": {
            "previous_url": with_query(here, **kept) if before else "",
            "next_url": with_query(here, **kept, before=following) if more else "",
        }
        if before or more
        else None,
    }
    return render(request, "outbox/deliveries.html", context)


@require_GET
@member_page
def delivery(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """One delivery: the exact request, each try and what came back."""
    return render(request, "outbox/delivery.html", _detail(request, principal, public_id))


@require_GET
@member_page
def delivery_live(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """The part of a delivery's page that moves while it is under way."""
    return render(request, "outbox/_delivery_live.html", _detail(request, principal, public_id))


@require_GET
@member_page
def test_result(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """The result of a test event, fetched each second until it is there."""
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        row = queries.delivery_row(public_id)
    return render(request, "outbox/_test_result.html", {"result": result_of(row)})


@require_POST
@member_page
def replay(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """Send one delivery again; while the same event is under way there already, it is shown instead."""
    require(principal, SCOPE)
    try:
        with tenant_scope(principal.tenant, principal.actor):
            newer, sent = replay_again(public_id)
    except PilothouseError as refused:
        if refused.status != 409:
            raise
        messages.error(request, str(refused))
        return redirect("outbox:delivery", public_id)
    if sent:
        messages.success(request, _("The event is sent again: same id, same bytes. This is the new sending."))
    else:
        messages.info(request, _("The event is under way already; nothing was sent a second time. Here it is."))
    return redirect("outbox:delivery", newer)


@require_POST
@member_page
def cancel(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """End a delivery that waits, without sending it."""
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        ended = commands.abort([public_id])
    if ended:
        messages.success(request, _("The delivery was ended. You can send it again later."))
    else:
        messages.info(request, _("It had ended already, or is being sent at this moment. Nothing was changed."))
    return redirect("outbox:delivery", public_id)


@require_POST
@member_page
def replay_all(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Send again all that ended undelivered, of one endpoint or of all."""
    require(principal, SCOPE)
    endpoint = search_words(request.POST.get("endpoint"), ID_MAX_CHARACTERS)
    with tenant_scope(principal.tenant, principal.actor):
        count = replay_failed(endpoint or None)
    if count == PAGE_ROWS_MAX:
        messages.success(request, _("%(count)s events are sent again. More remain: press again.") % {"count": count})
    elif count:
        told = ngettext("%(count)s event is sent again.", "%(count)s events are sent again.", count)
        messages.success(request, told % {"count": count})
    else:
        messages.info(request, _("Nothing was left to send: what failed was sent again, or its endpoint is off."))
    return redirect(with_query(reverse("outbox:deliveries"), endpoint=endpoint, state="open" if count else "failed"))


def _detail(request: HttpRequest, principal: Principal, public_id: str) -> dict[str, Any]:
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        row = queries.delivery_row(public_id)
        tries = queries.attempts(public_id)
    body = bytes(row["body"]).decode("utf-8", "replace")
    echo(request, row["url"], body, *(each["excerpt"] for each in tries))
    return {
        "delivery": {
            **result_of(row),
            "open": row["state"] in OPEN,
            "created_by": actor_words(row["created_by"]),
        },
        "attempts": [_attempt(each) for each in reversed(tries)],
        "body": body,
        "pretty": _pretty(body),
        "size": len(bytes(row["body"])),
        "capture": RESPONSE_CAPTURE_BYTES,
        "may_replay": row["state"] not in OPEN and row["endpoint_state"] in ("active", "paused"),
        "superseded": row["newest"] != row["public_id"],
    }


def _attempt(row: Row) -> dict[str, Any]:
    return {
        **row,
        "sentence": queries.ERROR_TEXT.get(row["error"], row["error"]),
        "timestamp": int(row["at"].timestamp()),
        "ok": row["status"] is not None and 200 <= row["status"] < 300,
    }


def _pretty(body: str) -> str:
    """The body with line breaks, for eyes; what is signed are the bytes as they were sent."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except ValueError:
        return body
