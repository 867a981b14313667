"""Money that goes out, at the desk: payouts, and what waits for a second operator."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import Model
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from pilothouse.kernel.access.desk import (
    DESK_WRITERS,
    DeskList,
    act,
    commanding,
    looking,
    may_act,
    refused_in,
)
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import Conflict, PilothouseError
from pilothouse.kernel.lifecycle.queries import timeline
from pilothouse.ui.units import amount_text

from . import bank_files, desk_views, limits, outgoing, queries
from .forms import FailForm, ReferenceForm, RefuseForm
from .models import Payout, SendRequest
from .pages import said_of
from .sending import approve_sending, refuse_sending, send_payout

STATES = {
    "due": gettext_lazy("Due"),
    "sent": gettext_lazy("Sent"),
    "failed": gettext_lazy("Failed"),
    "confirmed": gettext_lazy("Arrived"),
    "all": gettext_lazy("All"),
}
OPEN_FILES_SHOWN_ROWS = 5
REQUEST_STATES = {
    "requested": gettext_lazy("Waiting"),
    "approved": gettext_lazy("Approved"),
    "refused": gettext_lazy("Refused"),
    "expired": gettext_lazy("Expired"),
    "all": gettext_lazy("All"),
}


@require_GET
@operator_page()
def payout_list(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """What is owed and on its way, the most urgent first."""
    asked = DeskList.of(request, "payments:payouts", STATES, "due")
    with looking(request, operator):
        rows = queries.payouts(asked.wanted, asked.words, count=DESK_PAGE_ROWS + 1, skip=asked.skip)
        nowhere = queries.without_account([each["row"] for each in rows])
        files = bank_files.open_files(OPEN_FILES_SHOWN_ROWS + 1)
        can_file = bank_files.can_file()
    rows, frame = asked.shown(rows)
    context = {
        **frame,
        "rows": [
            {**each, "nowhere": each["row"].id in nowhere, "stuck": outgoing.needs_a_person(each["row"])}
            for each in rows
        ],
        "may_act": may_act(operator),
        "files": files[:OPEN_FILES_SHOWN_ROWS],
        "more_files": len(files) > OPEN_FILES_SHOWN_ROWS,
        "can_file": can_file,
    }
    return render(request, "payments/payouts.html", context)


@require_GET
@operator_page()
def payout(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """One payout: to whom, how it stands, and what can be done now."""
    kept = kept_form(request, operator)
    kind = FailForm if kept and kept.to.endswith("/fail") else ReferenceForm
    return _detail(request, operator, public_id, kind(kept) if kept else None)


@require_POST
@operator_page(*DESK_WRITERS)
def payout_send(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """It was sent by the bank; above the limit a second operator has to approve that."""
    form = ReferenceForm(request.POST)
    return _form_step(
        request, operator, public_id, form, lambda: send_payout(public_id, form.cleaned_data["reference"])
    )


@require_POST
@operator_page(*DESK_WRITERS)
def payout_fail(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """The bank did not pay it."""
    form = FailForm(request.POST)
    return _form_step(request, operator, public_id, form, lambda: outgoing.fail(public_id, form.cleaned_data["reason"]))


@require_POST
@operator_page(*DESK_WRITERS)
def payout_confirm(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """The bank says that it arrived: the ledger moves."""
    return act(
        request,
        operator,
        lambda: outgoing.confirm(public_id),
        done=lambda row: _("%(amount)s arrived.") % {"amount": amount_text(row.amount, row.unit)},
        back=reverse("payments:payout", args=[public_id]),
        tenant=_tenant_of(request, operator, Payout, public_id),
    )


@require_POST
@operator_page(*DESK_WRITERS)
def payout_retry(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Send it again, to the account that its person names now."""
    return act(
        request,
        operator,
        lambda: outgoing.retry(public_id),
        done=_("It is due again."),
        back=reverse("payments:payout", args=[public_id]),
        tenant=_tenant_of(request, operator, Payout, public_id),
    )


@require_GET
@operator_page()
def approvals(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """What one operator asked to send and another has to approve."""
    return _approvals(request, operator)


@require_POST
@operator_page(*DESK_WRITERS)
def approve(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Approve as the second operator: it is written as sent, or ordered, now."""
    return act(
        request,
        operator,
        lambda: approve_sending(public_id),
        done=said_of,
        back=reverse("payments:approvals"),
        tenant=_tenant_of(request, operator, SendRequest, public_id),
    )


@require_POST
@operator_page(*DESK_WRITERS)
def refuse(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Refuse a request, or withdraw one's own; nothing is sent."""
    tenant = _tenant_of(request, operator, SendRequest, public_id)
    form = RefuseForm(request.POST, auto_id=f"{public_id}_%s")
    if not form.is_valid():
        return _approvals(request, operator, {public_id: form}, 422)
    return act(
        request,
        operator,
        lambda: refuse_sending(public_id, form.cleaned_data["reason"]),
        done=_("Refused. Nothing was sent."),
        back=reverse("payments:approvals"),
        tenant=tenant,
    )


def _approvals(
    request: HttpRequest, operator: OperatorPrincipal, bound: dict[str, RefuseForm] | None = None, status: int = 200
) -> HttpResponse:
    asked = DeskList.of(request, "payments:approvals", REQUEST_STATES, "requested")
    with looking(request, operator):
        found, frame = asked.shown(
            queries.requests(asked.wanted, search=asked.words, count=DESK_PAGE_ROWS + 1, skip=asked.skip)
        )
    bound = bound or {}
    made: list[dict[str, Any]] = [
        {
            "row": row,
            "mine": row.asked_by == operator.actor,
            "form": bound.get(row.public_id) or RefuseForm(auto_id=f"{row.public_id}_%s"),
        }
        for row in found
    ]
    context = {**frame, "rows": made, "may_act": may_act(operator)}
    return render(request, "payments/approvals.html", context, status=status)


def _form_step(
    request: HttpRequest, operator: OperatorPrincipal, public_id: str, form: Form, command: Callable[[], Any]
) -> HttpResponse:
    tenant = _tenant_of(request, operator, Payout, public_id)
    if not form.is_valid():
        return _detail(request, operator, public_id, form, 422)
    try:
        with commanding(request, operator, tenant):
            done = command()
    except Conflict as stale:
        # The page is older than what it shows; it is shown anew with the reason.
        messages.error(request, str(stale))
        return HttpResponseRedirect(reverse("payments:payout", args=[public_id]))
    except PilothouseError as refused:
        return _detail(request, operator, public_id, form, refused_in(form, refused))
    messages.success(request, _("It is written as failed.") if isinstance(done, Payout) else said_of(done))
    return HttpResponseRedirect(reverse("payments:payout", args=[public_id]))


def _tenant_of(request: HttpRequest, operator: OperatorPrincipal, model: type[Model], public_id: str) -> int:
    with looking(request, operator):
        key = model._default_manager.filter(public_id=public_id).values_list("tenant_id", flat=True).first()
    if key is None:
        raise Http404
    return int(key)


def _detail(
    request: HttpRequest, operator: OperatorPrincipal, public_id: str, form: Form | None = None, status: int = 200
) -> HttpResponse:
    with looking(request, operator):
        rows = Payout.objects.select_related("tenant", "person", "bank_account")
        found = rows.filter(public_id=public_id).first()
        if found is None:
            raise Http404
        account = outgoing.account_of(found)
        asked = queries.waiting_request(public_id)
        events = timeline("payout", [found.id], "internal")
        now = clock.business_now()
    context = {
        "payout": found,
        "bank_account": account,
        "overdue": found.due_at is not None and found.due_at < now,
        "stuck": outgoing.needs_a_person(found),
        "asked": asked,
        "mine": asked is not None and asked.asked_by == operator.actor,
        "send_form": form if isinstance(form, ReferenceForm) else ReferenceForm(),
        "fail_form": form if isinstance(form, FailForm) else FailForm(),
        "two": found.amount >= limits.SECOND_PERSON_FROM_MINOR,
        "events": desk_views.history("payout", events),
        "may_act": may_act(operator),
    }
    return render(request, "payments/payout.html", context, status=status)
