"""The pages of a party's money: how to pay into escrow, and the account that payouts go to."""

from typing import Any

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from pilothouse.kernel.access.authenticate import signed_in_lately
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import Principal
from pilothouse.kernel.access.queries import flag
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import NotFound, PilothouseError
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.ledger.periods import time_zone
from pilothouse.kernel.payments.bank_accounts import (
    account_of,
    accounts_of,
    changes_account,
    confirm_account,
    name_account,
    remove_account,
)
from pilothouse.kernel.payments.checkouts import create_checkout
from pilothouse.kernel.payments.stripe_adapter import cards_are_set_up
from pilothouse.ui.links import with_query

from . import commands, queries
from .currencies import CURRENCIES
from .errors import SignInAgain
from .forms import BankForm, LastDigitsForm
from .page_guard import echo_deal, party_page, person_of
from .payment import ESCROW_ACCOUNT_FLAG, KIND
from .terms import in_force_here


@require_http_methods(["GET", "POST"])
@party_page
def fund(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """How the buyer pays: the market's account, the exact amount and the reference; a POST asks for a card payment."""
    with tenant_scope(principal.tenant, principal.actor):
        deal, side = commands.access_deal(public_id, person_of(principal))
        if "fund" not in queries.actions(deal, side):
            return redirect("deals:deal", public_id)
        account = flag(ESCROW_ACCOUNT_FLAG, principal.tenant, default=None)
        timer = queries.armed_timer(deal)
        zone = time_zone(principal.tenant)
    echo_deal(request, deal)
    card_url, card_refused = _card(request, principal, public_id) if request.method == "POST" else ("", "")
    context = {
        "deal": deal, "escrow_account": account, "reference": deal.public_id, "timer": timer, "zone": zone,
        "cards": cards_are_set_up(), "card_url": card_url, "card_refused": card_refused,
    }  # fmt: skip
    return render(request, "deals/fund.html", context)


def _card(request: HttpRequest, principal: Principal, public_id: str) -> tuple[str, str]:
    """Where the card is charged, or why not. A link leads there: a form may not leave this site."""
    room = request.build_absolute_uri(reverse("deals:deal", args=[public_id]))
    back = request.build_absolute_uri(reverse("deals:fund", args=[public_id]))
    try:
        checkout = create_checkout(
            principal.tenant, KIND, public_id, person=person_of(principal), actor=principal.actor,
            success_url=room, cancel_url=back,
        )  # fmt: skip
    except PilothouseError as refused:
        return "", str(refused)
    return checkout.url, ""


@require_http_methods(["GET", "POST"])
@party_page
def bank_account(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The accounts of this person, one for each currency of the market; a new one is named here."""
    person = person_of(principal)
    unit = request.GET.get("unit", "")
    with tenant_scope(principal.tenant, principal.actor):
        accounts, now = accounts_of(person), clock.business_now()
        units = list(dict.fromkeys(each.currency.code for each in in_force_here(principal.tenant))) or ["MNT"]
        unit = unit if unit in CURRENCIES else units[0]
        changes = changes_account(person, unit)
    known = [each for each in accounts if each.unit == unit]
    here = with_query(reverse("deals:bank"), unit=unit)
    asks = changes and request.method == "POST" and not signed_in_lately(request)
    if asks and not did_recently_reauthenticate(request):
        # The sign-in room asks for the password and then sends what was typed again.
        raise ReauthenticationRequired()
    form = BankForm(request.POST or kept_form(request, principal))
    if request.method == "POST" and form.is_valid():
        try:
            if asks:
                # Who has no password to be asked for signs in anew, by the way they came.
                raise SignInAgain()
            with tenant_scope(principal.tenant, principal.actor):
                name_account(person, unit=unit, **form.cleaned_data)
        except PilothouseError as refused:
            form.add_error(None, str(refused))
        else:
            return redirect(here)
    echo(
        request,
        *(text for each in known for text in (each.holder, each.bank)),
        *(str(value) for value in request.POST.values()),
    )
    context: dict[str, Any] = {
        "accounts": [
            {
                "account": each,
                "waits": each.usable_from is not None and each.usable_from > now,
                "form": LastDigitsForm(),
            }
            for each in known
        ],
        "form": form,
        "unit": unit,
        "units": [
            {"label": code, "url": with_query(reverse("deals:bank"), unit=code), "current": code == unit}
            for code in units
        ],
        "changes": changes,
        "here": here,
    }  # fmt: skip
    return render(request, "deals/bank.html", context)


@require_POST
@party_page
def confirm_bank_account(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """The owner types the last digits again."""
    try:
        with tenant_scope(principal.tenant, principal.actor):
            account = confirm_account(person_of(principal), public_id, request.POST.get("last_digits", ""))
    except NotFound:
        raise
    except PilothouseError as refused:
        messages.error(request, str(refused))
        return redirect("deals:bank")
    messages.success(request, _("This account counts. Money that is due to you goes there."))
    return redirect(with_query(reverse("deals:bank"), unit=account.unit))


@require_POST
@party_page
def remove_bank_account(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """Nothing more is sent to this account. One that counts is removed by somebody who signed in shortly before."""
    person = person_of(principal)
    with tenant_scope(principal.tenant, principal.actor):
        account = account_of(person, public_id)
    here = with_query(reverse("deals:bank"), unit=account.unit)
    lately = signed_in_lately(request)
    if account.state == "confirmed" and not lately and not did_recently_reauthenticate(request):
        # The sign-in room asks for the password and then removes it.
        raise ReauthenticationRequired()
    try:
        if account.state == "confirmed" and not lately:
            raise SignInAgain()
        # A second click finds it removed.
        if account.state != "replaced":
            with tenant_scope(principal.tenant, principal.actor):
                remove_account(person, public_id)
    except PilothouseError as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("This account is removed. What a deal owes you waits until you name another."))
    return redirect(here)
