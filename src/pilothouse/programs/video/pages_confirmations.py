"""Confirmations of received webhooks: the form's answer, the account's list, and the operators'."""

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from pilothouse.kernel.access.desk import DeskList, looking
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import member_page, operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal, Principal, require
from pilothouse.kernel.base.errors import Forbidden, PilothouseError
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.ui.links import actor_words, whole_number, with_query

from . import limits
from .addresses import batch_url
from .confirmations import FIELDS, confirm_receipt
from .models import Confirmation

SCOPE = "ledger:read"
# Who speaks for the account; the others read.
ROLES = ("owner", "engineer", "finance")
SHOWN = {"all": gettext_lazy("All"), "differs": gettext_lazy("Not agreed")}


@require_POST
@member_page
def confirm(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Store the confirmation of a body that the reconcile page has just compared."""
    require(principal, SCOPE)
    if principal.role not in ROLES:
        raise Forbidden(needed=" or ".join(ROLES))
    try:
        raw = base64.b64decode(request.POST.get("raw", ""), validate=True)
    except binascii.Error:
        raw = b""
    ticked = {name for name in request.POST.getlist("field") if name in FIELDS}
    key = request.POST.get("key", "").replace("\x00", "")[:64]
    if not raw or not key:
        messages.error(request, _("This page is too old. Give the body again; nothing was kept."))
        return redirect("video:reconcile")
    try:
        with tenant_scope(principal.tenant, principal.actor):
            made = confirm_receipt(raw, ticked, key, principal.role)
            batch = made.batch.public_id
    except PilothouseError as refused:
        messages.error(request, str(refused))
        return redirect("video:reconcile")
    if made.agrees:
        messages.success(request, _("Confirmed: all eight fields are as the ledger and the batch have them."))
    else:
        messages.warning(request, _("Kept with what is not confirmed or differs. Our operators see it too."))
    return redirect(batch_url(batch))


@require_GET
@member_page
def confirmation_list(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The account's confirmations, newest first."""
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        context = _page(request, reverse("video:confirmations"))
    echo(request, *(row["request_id"] for row in context["rows"]))
    for row in context["rows"]:
        echo(request, *(field["given"] for field in row["fields"]))
    return render(request, "video/confirmations.html", context)


@require_GET
@operator_page()
def desk_confirmations(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """What customers have confirmed, over all accounts; those that differ first asked for."""
    asked = DeskList.of(request, "video:desk_confirmations", SHOWN, "all")
    with looking(request, operator):
        found = _of(asked.state)
        if asked.words:
            found = found.filter(
                Q(tenant__name__icontains=asked.words) | Q(batch__request_id__icontains=asked.words)
                | Q(batch__public_id=asked.words) | Q(public_id=asked.words)
            )  # fmt: skip
        kept, frame = asked.shown(list(found[asked.skip : asked.skip + DESK_PAGE_ROWS + 1]))
        rows = _rows(kept)
    return render(request, "video/confirmations.html", {**frame, "rows": rows, "show": asked.state, "at_desk": True})


def confirmations_of(batch: int) -> list[dict[str, Any]]:
    """The confirmations of one batch, newest first, for its page."""
    return _rows(Confirmation.objects.filter(batch_id=batch).select_related("batch", "tenant").order_by("-id")[:5])


def _page(request: HttpRequest, here: str) -> dict[str, Any]:
    show = request.GET.get("show", "")
    show = show if show in SHOWN else "all"
    before = whole_number(request.GET.get("before"))
    found = _of(show)
    found = found.filter(id__lt=before) if before else found
    kept = list(found[: limits.CONFIRMATIONS_PAGE_ROWS + 1])
    rows, more = kept[: limits.CONFIRMATIONS_PAGE_ROWS], len(kept) > limits.CONFIRMATIONS_PAGE_ROWS
    earlier = with_query(here, show=show) if before else ""
    later = with_query(here, show=show, before=rows[-1].id) if more else ""
    return {
        "rows": _rows(rows),
        "show": show,
        "tabs": [
            {"label": label, "url": with_query(here, show=key), "current": key == show} for key, label in SHOWN.items()
        ],
        "pager": {"previous_url": earlier, "next_url": later} if earlier or later else None,
        "at_desk": False,
    }


def _of(show: str) -> QuerySet[Confirmation]:
    found = Confirmation.objects.select_related("batch", "tenant").order_by("-id")
    return found.filter(agrees=False) if show == "differs" else found


def _rows(found: Iterable[Confirmation]) -> list[dict[str, Any]]:
    return [
        {
            "public_id": row.public_id,
            "tenant_name": row.tenant.name,
            "tenant_id": row.tenant.public_id,
            "batch_id": row.batch.public_id,
            "request_id": row.batch.request_id,
            "batch_url": batch_url(row.batch.public_id),
            "at": row.at,
            "who": actor_words(row.actor),
            "role": row.role,
            "agrees": row.agrees,
            "fields": row.fields,
            "wrong": [field for field in row.fields if not field["same"]],
            "open": [field["field"] for field in row.fields if field["same"] and not field["ticked"]],
            "confirmed": sum(field["same"] and field["ticked"] for field in row.fields),
            "body_sha256": row.body_sha256,
            "delivery": row.delivery,
        }
        for row in found
    ]
