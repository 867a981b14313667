"""The overview: what needs a look now, for the role that looks. Engineers see the work, finance the money."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.page_access import member_page
from pilothouse.kernel.access.principal import Principal, require
from pilothouse.kernel.access.queries import keys
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.days import first_of_month, month
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.ledger.models import CREDIT
from pilothouse.kernel.ledger.periods import time_zone
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.outbox.queries import ERROR_TEXT, endpoints, webhook_statuses
from pilothouse.kernel.watch.queries import closed_gates
from pilothouse.ui.links import with_query

from . import limits, views
from .addresses import batch_url, item_url
from .commands import PROGRAM_NAME
from .lifecycle import COMPLETED_EVENT
from .prices import price_in_force
from .queries import batch_counts, batch_rows, equation, recent_failures

# Who is shown what first; every page behind the cards asks for its own permission.
WORK_ROLES = ("owner", "engineer", "creator", "support")
MONEY_ROLES = ("owner", "finance")


@require_GET
@member_page
def overview(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The first page of a member: running, failed and undelivered work; wallet, holds and the month's equation."""
    require(principal, "batches:read")
    work, money = principal.role in WORK_ROLES, principal.role in MONEY_ROLES
    with tenant_scope(principal.tenant, principal.actor):
        gate = next(iter(closed_gates(PROGRAM_NAME, principal.tenant)), None)
        newest = batch_rows(principal.tenant, count=limits.LIST_PAGE_ROWS)
        context: dict[str, Any] = {
            "gate": views.gate(gate),
            "steps": _first_steps(principal) if not newest else [],
            "work": _work(request, principal) if work and newest else None,
            "hooks": _webhooks(request, newest) if principal.may("webhooks:write") and newest else None,
            "wallet": _wallet(principal) if principal.may("ledger:read") else None,
            "money": _money(request, principal) if money else None,
        }
    context["new_url"] = reverse("video:new") if principal.may("batches:write") else ""
    context["batches_url"] = reverse("video:batches")
    return render(request, "video/overview.html", context)


def _work(request: HttpRequest, principal: Principal) -> dict[str, Any]:
    open_rows = [
        row
        for state in ("running", "pending")
        for row in batch_rows(principal.tenant, count=limits.OVERVIEW_ROWS, state=state)
    ][: limits.OVERVIEW_ROWS]
    failed = recent_failures(principal.tenant)
    for row in [*open_rows, *failed]:
        echo(request, row["request_id"], row.get("prompt") or "")
    here = reverse("video:batches")
    counts = batch_counts(principal.tenant)
    return {
        "running": [{**views.batch(row, {}), "url": batch_url(row["public_id"])} for row in open_rows],
        "open_count": sum(counts.values()),
        "open_url": with_query(here, state="running" if counts.get("running") else "pending"),
        "failed": [
            {**row, "url": item_url(row["batch"], row["item"]), "batch_url": batch_url(row["batch"])} for row in failed
        ],
        "failed_url": with_query(here, outcome="partial"),
    }


def _webhooks(request: HttpRequest, newest: list[Any]) -> dict[str, Any]:
    """Endpoints with their last attempt, and how the messages of the newest completed batches fared."""
    found = endpoints()
    for row in found:
        echo(request, row["url"], row["description"])
    ended = [row["id"] for row in newest if row["state"] == "completed"]
    told = webhook_statuses("batch", ended, COMPLETED_EVENT)
    counts = {
        state: sum(row["status"] == state for row in told.values()) for state in ("delivered", "pending", "failed")
    }
    return {
        "endpoints": [{**row, "error_text": ERROR_TEXT.get(row["last_error"] or "", "")} for row in found],
        "counts": counts,
        "due": sum(counts.values()),
        "ended": len(ended),
        "url": _address("outbox:endpoints"),
    }


def _wallet(principal: Principal) -> dict[str, Any]:
    found, cost = balance(principal.tenant), int(price_in_force().body["cost_per_video"])
    return {
        "available": found.available,
        "held": found.held,
        "unit": CREDIT,
        "videos": found.available // cost,
        "cost": cost,
        "url": _address("ledger:rows"),
    }


def _money(request: HttpRequest, principal: Principal) -> dict[str, Any]:
    zone = time_zone(principal.tenant)
    first = first_of_month(clock.now(), zone)
    start, end = month(first, zone)
    held = [
        row
        for state in ("running", "pending")
        for row in batch_rows(principal.tenant, count=limits.OVERVIEW_ROWS, state=state, mode="live")
    ][: limits.OVERVIEW_ROWS]
    for row in held:
        echo(request, row["request_id"])
    return {
        **equation(principal.tenant, CREDIT, start, end),
        "unit": CREDIT,
        "month": first,
        "holds": [{**views.batch(row, {}), "url": batch_url(row["public_id"])} for row in held],
        "statement_url": _address("ledger:statement"),
        "reconcile_url": reverse("video:reconcile"),
    }


def _first_steps(principal: Principal) -> list[dict[str, Any]]:
    """What an account without a batch does first, each with whether it is done."""
    has_key = bool(keys(principal.tenant, count=1))
    steps = []
    if principal.may("ledger:read"):
        funded = balance(principal.tenant).available > 0
        text = _("Credits are prepaid. Your contact adds them; every change has a row in the ledger.")
        steps.append({"title": _("Have credits in the wallet"), "text": text, "done": funded,
                      "url": _address("ledger:rows"), "action": _("Open the ledger")})  # fmt: skip
    if principal.may("keys:write"):
        text = _("A key lets your program create batches. It is shown once.")
        steps.append({"title": _("Issue an API key"), "text": text, "done": has_key,
                      "url": _address("access_keys"), "action": _("API keys")})  # fmt: skip
    if principal.may("webhooks:write"):
        text = _("We tell your endpoint when a batch has ended, signed and retried. Polling works as well.")
        steps.append({"title": _("Add a webhook endpoint"), "text": text, "done": bool(endpoints()),
                      "url": _address("outbox:endpoints"), "action": _("Webhooks")})  # fmt: skip
    if principal.may("batches:write"):
        text = _("Paste your prompts into the form, or send the same from your program. Both take the same way.")
        steps.append({"title": _("Create the first batch"), "text": text, "done": False,
                      "url": reverse("video:new"), "action": _("New batch")})  # fmt: skip
    return steps


def _address(name: str) -> str:
    """The address of a page of another room, or nothing where this house has no such page."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
