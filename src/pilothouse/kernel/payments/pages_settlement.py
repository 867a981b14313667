"""What the card processor holds and what it paid to our bank, at the desk."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from pilothouse.kernel.access.desk import DESK_WRITERS, commanding, looking, refused_in
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import NotFound, PilothouseError
from pilothouse.ui.units import amount_text

from .forms import SettlementForm
from .pages import account_key
from .settlements import held_by_processor, holdings, record_settlement


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def settlement(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Record one payout of the processor; the same reference with the same values is recorded once."""
    form = SettlementForm(request.POST or kept_form(request, operator), initial=request.GET.dict())
    status = 200
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            tenant = account_key(request, operator, given["tenant"])
            with commanding(request, operator, tenant):
                made = record_settlement(
                    tenant,
                    reference=given["reference"],
                    amount=given["amount_minor"],
                    fees=given["fees_minor"],
                    unit=given["unit"],
                )
                held = held_by_processor(tenant, made.unit)
        except PilothouseError as refused:
            status = refused_in(form, refused, "tenant" if isinstance(refused, NotFound) else "amount")
        else:
            said = _("%(amount)s is recorded as arrived. The card processor still holds %(held)s.")
            words = {"amount": amount_text(made.amount, made.unit), "held": amount_text(held, made.unit)}
            messages.success(request, said % words)
            return HttpResponseRedirect(reverse("payments:incoming"))
    elif request.method == "POST":
        status = 422
    with looking(request, operator):
        held_now = holdings()
    context = {
        "holdings": held_now,
        "form": form,
        "title": _("Card money arrived"),
        "verb": _("Record it"),
        "lead": _("The card processor pays out in sums of many payments, less its fees. Write each of them down here."),
    }
    return render(request, "payments/settlement.html", context, status=status)
