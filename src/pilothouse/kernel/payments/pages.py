"""Money that came in, at the desk: record it, import it, match it to what it pays, send back what is left."""

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pilothouse.kernel.access.desk import (
    DESK_WRITERS,
    DeskList,
    act,
    commanding,
    looking,
    may_act,
    refused_in,
    search_words,
)
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import Conflict, NotFound, PilothouseError, UnknownAccount
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.lifecycle.queries import timeline
from pilothouse.ui.units import amount_text

from . import desk_views, limits, queries
from .bank_import import import_payments
from .forms import CardBackForm, ImportForm, RecordForm, ReferenceForm
from .incoming import match, record_payment
from .models import Payment
from .refunds import retry_refund
from .sending import Sent, send_payment_back

STATES = {"waiting": gettext_lazy("Waiting"), "closed": gettext_lazy("Closed"), "all": gettext_lazy("All")}


@require_GET
@operator_page()
def incoming(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """What came in and waits, the most urgent first."""
    asked = DeskList.of(request, "payments:incoming", STATES, "waiting")
    with looking(request, operator):
        rows = queries.payments(asked.wanted, asked.words, count=DESK_PAGE_ROWS + 1, skip=asked.skip)
    rows, frame = asked.shown(rows)
    return render(request, "payments/incoming.html", {**frame, "rows": rows, "may_act": may_act(operator)})


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def record(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Record one transfer; the same reference with the same values is recorded once."""
    form = RecordForm(request.POST or kept_form(request, operator), initial=request.GET.dict())
    status = 200
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with commanding(request, operator, account_key(request, operator, given["tenant"])):
                tenant = Tenant.objects.get(public_id=given["tenant"].strip()).pk
                payment = record_payment(
                    tenant,
                    source="bank",
                    reference=given["reference"],
                    amount=given["minor"],
                    unit=given["unit"],
                    payer=given["payer"],
                    note=given["note"],
                )
        except PilothouseError as refused:
            status = refused_in(form, refused, "tenant" if isinstance(refused, NotFound) else "reference")
        else:
            said = _("%(amount)s is recorded and waits in suspense.") % {
                "amount": amount_text(payment.amount, payment.unit)
            }
            messages.success(request, said)
            return HttpResponseRedirect(reverse("payments:payment", args=[payment.public_id]))
    elif request.method == "POST":
        status = 422
    context = {
        "form": form,
        "title": _("Record a payment"),
        "verb": _("Record the payment"),
        "lead": _("It lies in suspense until it is matched to what it pays, or goes back to its sender."),
    }
    return render(request, "payments/form.html", context, status=status)


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def import_file(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Record a bank's file, whole or not at all; rows that stand from before are counted and left alone."""
    form = ImportForm(request.POST or kept_form(request, operator), request.FILES or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        data = given["file"].read(limits.IMPORT_MAX_BYTES + 1)
        try:
            tenant = account_key(request, operator, given["tenant"])
            with commanding(request, operator, tenant):
                done = import_payments(tenant, given["unit"], data)
        except PilothouseError as refused:
            status = refused_in(form, refused, "tenant" if isinstance(refused, NotFound) else "file")
        else:
            said = _("Recorded: %(recorded)s. Known from before: %(known)s.")
            messages.success(request, said % {"recorded": done.recorded, "known": done.known})
            return HttpResponseRedirect(reverse("payments:incoming"))
    elif request.method == "POST":
        status = 422
    context = {
        "form": form,
        "title": _("Import a bank's file"),
        "verb": _("Record its payments"),
        "upload": True,
        "lead": _("One row for each transfer: reference, amount, payer, note. One bad row, and nothing is recorded."),
        "sample": "reference,amount,payer,note\nTRX-1029,30000000,B. Bat,deal_01k…\nTRX-1030,4500000.00,D. Saran,",
    }
    return render(request, "payments/form.html", context, status=status)


@require_GET
@operator_page()
def payment(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """One payment: where its money is, what it may be meant for, and what happened to it."""
    return _detail(request, operator, public_id)


@require_POST
@operator_page(*DESK_WRITERS)
def payment_match(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Pay a subject with this payment, and with others that were ticked."""
    others = [each for each in request.POST.getlist("with") if each != public_id][: limits.SUGGESTIONS_MAX_ROWS]
    kind, ref = request.POST.get("kind", "")[:40], request.POST.get("ref", "").strip()[:100]
    unit = _of(request, operator, public_id).unit

    def said(left: int) -> str:
        if not left:
            return _("%(ref)s is paid.") % {"ref": ref}
        return _("%(ref)s is paid. %(left)s is left in suspense.") % {"ref": ref, "left": amount_text(left, unit)}

    return act(
        request,
        operator,
        lambda: match([public_id, *others], kind, ref),
        done=said,
        back=reverse("payments:payment", args=[public_id]),
        tenant=_of(request, operator, public_id).tenant_id,
    )


@require_POST
@operator_page(*DESK_WRITERS)
def payment_back(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Send the rest back to its sender, at once or when a second operator approves it."""
    found = _of(request, operator, public_id)
    form = (CardBackForm if found.source == "stripe" else ReferenceForm)(request.POST)
    if not form.is_valid():
        return _detail(request, operator, public_id, form, 422)
    try:
        with commanding(request, operator, found.tenant_id):
            done = send_payment_back(public_id, form.cleaned_data["reference"])
    except Conflict as stale:
        # The page is older than what it shows; it is shown anew with the reason.
        messages.error(request, str(stale))
        return HttpResponseRedirect(reverse("payments:payment", args=[public_id]))
    except PilothouseError as refused:
        return _detail(request, operator, public_id, form, refused_in(form, refused))
    messages.success(request, said_of(done))
    return HttpResponseRedirect(reverse("payments:payment", args=[public_id]))


@require_POST
@operator_page(*DESK_WRITERS)
def refund_retry(request: HttpRequest, operator: OperatorPrincipal, public_id: str, refund: str) -> HttpResponse:
    """Order a failed refund at the card processor anew."""
    return act(
        request,
        operator,
        lambda: retry_refund(refund),
        done=_("The card processor is asked again."),
        back=reverse("payments:payment", args=[public_id]),
        tenant=_of(request, operator, public_id).tenant_id,
    )


def said_of(done: Sent) -> str:
    """What became of a wish to send money out, in a sentence."""
    words = {"amount": amount_text(done.amount, done.unit)}
    if done.state == "requested":
        return _("%(amount)s waits for a second operator. Nothing was sent yet.") % words
    if done.state == "ordered":
        return _("%(amount)s is on its way back through the card processor.") % words
    return _("%(amount)s is written as sent.") % words


def account_key(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> int:
    """The key of an account by its public id; NotFound."""
    with looking(request, operator):
        key = Tenant.objects.filter(public_id=public_id.strip()).values_list("id", flat=True).first()
    if key is None:
        raise UnknownAccount()
    return int(key)


def _of(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> Payment:
    with looking(request, operator):
        found = Payment.objects.select_related("tenant").filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return found


def _detail(
    request: HttpRequest, operator: OperatorPrincipal, public_id: str, form: Form | None = None, status: int = 200
) -> HttpResponse:
    found = _of(request, operator, public_id)
    words = search_words(request)
    with looking(request, operator):
        asked = queries.waiting_request(public_id)
        refunds, chargebacks = queries.refunds_of(found), queries.chargebacks_of(found)
        events = timeline("payment", [found.id], "internal")
        now = clock.business_now()
    with tenant_scope(found.tenant_id, operator.actor):
        open_ = found.state == "waiting"
        suggested = queries.suggestions(found, words) if open_ else []
        partners = queries.partners(found) if open_ else []
    kind = CardBackForm if found.source == "stripe" else ReferenceForm
    context = {
        "payment": found,
        "overdue": found.due_at is not None and found.due_at < now,
        "suggestions": suggested,
        "partners": partners,
        "query": words,
        "asked": asked,
        "mine": asked is not None and asked.asked_by == operator.actor,
        "refunds": refunds,
        "on_its_way": any(each.state in ("due", "sent") for each in refunds),
        "chargebacks": chargebacks,
        "events": desk_views.history("payment", events),
        "form": form or kind(kept_form(request, operator)),
        "two": found.rest >= limits.SECOND_PERSON_FROM_MINOR,
        "may_act": may_act(operator),
    }
    return render(request, "payments/payment.html", context, status=status)
