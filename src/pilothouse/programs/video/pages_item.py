"""The page of one video: what was asked, what happened to it and its credits, and the file."""

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.page_access import member_page
from pilothouse.kernel.access.principal import Principal, require
from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.ledger.queries import LABELS
from pilothouse.ui.links import actor_words

from . import views
from .addresses import batch_url, item_url
from .commands import access_batch
from .models import Batch
from .queries import access_item, history, item_money, item_rows

MONEY_STEPS = {"pending": "reserve", "succeeded": "settle", "refunded": "refund"}


@require_GET
@member_page
def item_detail(request: HttpRequest, principal: Principal, public_id: str, item_id: str) -> HttpResponse:
    """One video of a batch: history with money, fingerprint, parameters, failure in plain words, player, download."""
    require(principal, "batches:read")
    try:
        with tenant_scope(principal.tenant, principal.actor):
            batch = access_batch(public_id)
            row = access_item(batch.id, item_id)
            moved = item_money(row["id"], principal.tenant)
            earlier = item_rows(batch.id, count=1, before=row["position"])
            later = item_rows(batch.id, count=1, after=row["position"])
    except NotFound:
        raise Http404 from None
    echo(request, batch.request_id, row["params"]["prompt"], json.dumps(row["metadata"], ensure_ascii=False))
    money = {kind: sum(each["amount"] for each in moved if each["kind"] == kind) for kind in MONEY_STEPS.values()}
    context = {
        "batch": views.batch(batch.__dict__, {}),
        "item": views.item(row, public_id),
        "reason": views.FAILURE_SENTENCES.get(row["failure_reason"] or ""),
        "image": row["image"],
        "image_sha256": row["image_sha256"],
        "money": {
            "reserved": money["reserve"],
            "settled": money["settle"],
            "refunded": money["refund"],
            "in_flight": batch.cost if row["state"] in ("pending", "running") else 0,
        },
        "journals": [{**each, "label": LABELS[each["kind"]]} for each in moved],
        "show_journals": principal.may("ledger:read"),
        "events": _events(row, batch, moved),
        "batch_url": batch_url(public_id),
        "earlier_url": item_url(public_id, earlier[0]["public_id"]) if earlier else "",
        "later_url": item_url(public_id, later[0]["public_id"]) if later else "",
    }
    return render(request, "video/item_detail.html", context)


def _events(row: Row, batch: Batch, moved: list[Row]) -> list[dict[str, Any]]:
    """The item's history, oldest first, each step with the credits that it moved."""
    sentences = {
        "pending": _("Accepted; its credits were reserved"),
        "running": _("Dispatched"),
        "succeeded": _("Finished; its credits were settled"),
        "failed": _("Failed"),
        "refunded": _("Its credits went back to the wallet"),
    }
    amounts = {each["kind"]: each["amount"] for each in moved}
    return [
        {
            "at": step["at"],
            "actor": actor_words(batch.created_by) if step["status"] == "pending" else _("the platform"),
            "type": step["status"],
            "sentence": sentences[step["status"]],
            "amount": amounts.get(MONEY_STEPS.get(step["status"], "")),
        }
        for step in history(row)
    ]
