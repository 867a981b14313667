"""The three playbooks for a customer who is stuck (requirement ENP-027), as pages that run each check for the reader.

A stranger reads the text. A member's page also runs the checks in their own tenant's scope, and each shows its rows;
what the member's role may not read is said to be so. Nothing here changes anything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from pilothouse.kernel.access import queries as access
from pilothouse.kernel.access.authenticate import principal_of_session
from pilothouse.kernel.access.principal import Principal
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.ledger.models import CREDIT
from pilothouse.kernel.ledger.queries import balance, ledger_page
from pilothouse.kernel.outbox import queries as outbox
from pilothouse.programs.video.commands import batch_size_limits
from pilothouse.programs.video.prices import price_in_force
from pilothouse.programs.video.queries import batch_rows, batches_json
from pilothouse.ui.tables import Column, Table

from .guides import PLAYBOOKS, page

ROWS_COUNT = 10
BATCHES_COUNT = 5
PASS, FAIL, UNKNOWN = "pass", "fail", "insufficient"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a playbook: a claim about the account, whether it holds, its rows, and what to do when it does not.

    `state` is `pass`, `fail` or `insufficient` (nothing to judge yet, or not for this role).
    """

    claim: str
    value: str
    target: str
    state: str
    advice: str = ""
    table: Table | None = None


def playbook(request: HttpRequest, name: str) -> HttpResponse:
    """A playbook's text, with its checks for a signed-in member."""
    shown = next((one for one in PLAYBOOKS if one.slug == f"playbooks/{name}"), None)
    if shown is None:
        raise Http404
    if not request.user.is_authenticated:
        return page(request, shown, asks_sign_in=f"{reverse(settings.LOGIN_URL)}?next={shown.url}")
    principal = principal_of_session(request)
    if principal is None:
        return page(request, shown)
    scope, checks = CHECKS[name]
    if principal.may(scope):
        with tenant_scope(principal.tenant, principal.actor):
            found = checks(request, principal)
    else:
        needed = _("Your role does not show this. Ask an owner or an engineer of your account to open this page.")
        found = [Check(_("Your role may read what this page checks"), principal.role, scope, UNKNOWN, needed)]
    failed = sum(check.state == FAIL for check in found)
    response = page(request, shown, checks=found, failed=failed)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def check_keys(request: HttpRequest, principal: Principal) -> list[Check]:
    """Is there a key that works, may it order, and what became of the last calls?"""
    keys = access.keys(principal.tenant, ROWS_COUNT)
    calls = access.usage(principal.tenant, ROWS_COUNT)
    echo(request, *(key["name"] for key in keys), *(call["key_name"] or "" for call in calls))
    active = [key for key in keys if key["is_active"]]
    ordering = [key for key in active if "batches:write" in key["scopes"]]
    recent = [call for call in calls if call["key_id"]]
    refused = [call for call in recent if call["status"] in (401, 403, 429)]
    return [
        Check(
            _("A key of your account is active"), str(len(active)), "≥ 1", PASS if active else FAIL,
            _("No active key: ask an owner of your account for a new one. A key that was switched off stays off."),
            _table(_("Your keys, the newest first"), keys, [
                Column("name", _("Name")), Column("hint", _("Key")), Column("state", _("State"), "state"),
                Column("last_used_at", _("Last used"), "instant"),
                Column("rate_limit_per_min", _("Requests a minute"), "number"),
            ]),
        ),
        Check(
            _("An active key may order batches"), str(len(ordering)), "≥ 1", PASS if ordering else FAIL,
            _("Its scopes lack batches:write: issue a key that has it."),
            _table(_("What each active key may do"), [{**k, "may": ", ".join(k["scopes"])} for k in active], [
                Column("name", _("Name")), Column("hint", _("Key")), Column("may", _("Scopes")),
            ]),
        ),
        Check(
            _("A call with one of your keys has reached us"), str(len(recent)), "≥ 1", PASS if recent else FAIL,
            _("We know of no call. A key that is not known cannot be counted as yours: compare the first and last "
              "characters of what you send with the list above, and the address with this site's."),
        ),
        Check(
            _("The last call was not refused for its key"), _last_status(recent), "< 400",
            (FAIL if recent[0] in refused else PASS) if recent else UNKNOWN,
            _("401: the key is off. 403: it lacks a scope. 429: wait as long as Retry-After says."),
            _table(_("The last calls"), recent, [
                Column("at", _("When"), "instant"), Column("key_name", _("Key")), Column("method", _("Method")),
                Column("path", _("Address")), Column("status", _("Answer"), "number"),
            ]),
        ),
    ]  # fmt: skip


def check_credits(request: HttpRequest, principal: Principal) -> list[Check]:
    """Does the wallet pay for the smallest batch, what is held, and does the ledger explain the balance?"""
    wallet = balance(principal.tenant)
    least, _most = batch_size_limits(principal.tenant)
    price = int(price_in_force().body["cost_per_video"])
    rows, _more = ledger_page(principal.tenant, CREDIT, count=ROWS_COUNT)
    echo(request, *(row["request_id"] for row in rows), *(row["description"] for row in rows))
    granted = [row for row in rows if row["type"] == "add"]
    return [
        Check(
            _("Your wallet pays for your smallest batch"), str(wallet.available), f"≥ {least * price}",
            PASS if wallet.available >= least * price else FAIL,
            _("Order fewer items, wait for what is held, or ask us for more credits."),
        ),
        Check(
            _("Nothing of it is held by batches that run"), str(wallet.held), "0",
            PASS if wallet.held == 0 else UNKNOWN,
            _("These credits are reserved. Each finished video settles its share, each failed one returns it."),
        ),
        Check(
            _("The ledger has rows that explain the balance"), str(len(rows)), "≥ 1", PASS if rows else FAIL,
            _("Nothing was ever granted or bought: tell us, and we look for the grant."),
            _table(_("The last ten rows of the ledger"), rows, [
                Column("created_at", _("When"), "instant"), Column("entry", _("Entry")),
                Column("request_id", _("Request")), Column("credits_delta", _("Balance change"), "amount"),
                Column("amount", _("Amount"), "amount"),
            ]),
        ),
        *([] if granted or not rows else [
            Check(_("A grant or purchase is among the last rows"), "0", "≥ 1", UNKNOWN,
                  _("It is further back: the ledger page shows all rows."))
        ]),
    ]  # fmt: skip


def check_webhooks(request: HttpRequest, principal: Principal) -> list[Check]:
    """Has anything ended, is there an address, did it answer, and what waits or was given up?"""
    batches = batches_json(batch_rows(principal.tenant, count=BATCHES_COUNT))
    endpoints = outbox.endpoints()
    deliveries = outbox.deliveries(count=ROWS_COUNT)
    for row in deliveries:
        row["error_text"] = outbox.ERROR_TEXT.get(row["last_error"], row["last_error"])
    shown = [{**b, "address": b["webhook"]["url"] or "", "told": b["webhook"]["status"]} for b in batches]
    echo(request, *(b["request_id"] for b in shown), *(b["address"] for b in shown))
    echo(request, *(e["url"] for e in endpoints), *(d["url"] for d in deliveries))
    ended = [b for b in batches if b["status"] == "completed"]
    active = [e for e in endpoints if e["state"] == "active"]
    own = [b for b in shown if b["address"]]
    lost = [d for d in deliveries if d["state"] in ("dead", "disabled")]
    return [
        Check(
            _("A batch has ended"), str(len(ended)), "≥ 1", PASS if ended else UNKNOWN,
            _("The message is sent when all items of a batch have ended; nothing is due before."),
            _table(_("Your last five batches"), shown, [
                Column("request_id", _("Request")), Column("batch_id", _("Batch"), "id"),
                Column("status", _("State"), "state"), Column("address", _("Its own address")),
                Column("told", _("Webhook"), "state"),
            ]),
        ),
        Check(
            _("There is an address to tell"), str(len(active) + len(own)), "≥ 1", PASS if active or own else FAIL,
            _("Register an endpoint, resume a paused one, or give the batch a webhook_url."),
            _table(_("Your endpoints"), endpoints, [
                Column("url", _("Address")), Column("state", _("State"), "state"),
                Column("last_at", _("Last try"), "instant"), Column("last_status", _("Its answer"), "number"),
            ]),
        ),
        Check(
            _("The last delivery was answered with 2xx"), _last_answer(deliveries), "200 – 299",
            _judged(deliveries),
            _("Your endpoint must take POST on a public https address and answer 200 within 10 seconds."),
            _table(_("The last deliveries"), deliveries, [
                Column("created_at", _("When"), "instant"), Column("type", _("Event")), Column("url", _("Address")),
                Column("state", _("State"), "state"), Column("attempt", _("Tries"), "number"),
                Column("last_status", _("Answer"), "number"), Column("error_text", _("What stood in the way")),
            ]),
        ),
        Check(
            _("Nothing was given up"), str(len(lost)), "0", FAIL if lost else PASS,
            _("Mend the endpoint, then replay these deliveries: the message is the same to the last byte."),
        ),
    ]  # fmt: skip


def _table(caption: str, rows: Sequence[Mapping[str, Any]], columns: list[Column]) -> Table | None:
    return Table(caption, columns, rows) if rows else None


def _last_status(calls: Sequence[Row]) -> str:
    return str(calls[0]["status"]) if calls else _("no call yet")


def _last_answer(deliveries: Sequence[Row]) -> str:
    if not deliveries:
        return _("nothing sent yet")
    return str(deliveries[0]["last_status"] or _("no answer"))


def _judged(deliveries: Sequence[Row]) -> str:
    if not deliveries or deliveries[0]["state"] in ("queued", "sending"):
        return UNKNOWN
    return PASS if deliveries[0]["state"] == "delivered" else FAIL


# Of each playbook: the scope that its rows need, and its checks.
CHECKS: dict[str, tuple[str, Callable[[HttpRequest, Principal], list[Check]]]] = {
    "key": ("usage:read", check_keys),
    "credits": ("ledger:read", check_credits),
    "webhook": ("webhooks:write", check_webhooks),
}
