"""The JSON API of a party's money, and of the terms: how to pay a deal, where its money goes, what was promised."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Router
from ninja.params.functions import Query

from pilothouse.kernel.access.authenticate import signed_in_lately
from pilothouse.kernel.access.queries import flag
from pilothouse.kernel.base.clock import iso
from pilothouse.kernel.base.errors import Conflict, InvalidInput, NotFound
from pilothouse.kernel.base.json_api import answer, json_body, only, text_field
from pilothouse.kernel.base.openapi import body, errors, id_path
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.payments import bank_accounts
from pilothouse.kernel.payments.checkouts import create_checkout
from pilothouse.kernel.payments.limits import ACCOUNT_NUMBER_MAX_CHARACTERS, TEXT_MAX_CHARACTERS
from pilothouse.kernel.payments.models import BankAccount
from pilothouse.kernel.payments.stripe_adapter import cards_are_set_up

from . import commands, limits, matrix, payment, queries
from .api_calls import party
from .api_money_schemas import (
    BankAccountOut,
    BankAccountsOut,
    DealCheckoutOut,
    DealPaymentOut,
    DealTermsListOut,
    DealTermsOut,
)
from .api_schemas import field, obj
from .api_views import dated
from .currencies import CURRENCIES
from .errors import NotYourSide, SignInAgain
from .publishing import terms_in_force
from .terms import DealTerms, stored

router = Router(tags=["deals"])
NAME_ACCOUNT = obj(
    ["unit", "holder", "bank", "number"],
    unit=field("string", "The currency that it takes.", "MNT", enum=sorted(CURRENCIES)),
    holder=field("string", "Whose account it is.", "Bat Dorj", minLength=1, maxLength=TEXT_MAX_CHARACTERS),
    bank=field("string", "At which bank.", "Khan Bank", minLength=1, maxLength=TEXT_MAX_CHARACTERS),
    number=field("string", "Its number or IBAN; kept sealed.", "5000123456", maxLength=ACCOUNT_NUMBER_MAX_CHARACTERS),
)
CONFIRM_ACCOUNT = obj(
    ["last_digits"], last_digits=field("string", "The last four digits of the number, typed again.", "3456")
)
VERSION = Query(None, ge=1, le=10**9, description="The number of the version; the one in force when not given.")


@router.get("/bank-accounts", response={200: BankAccountsOut, **errors(401, 403, 429)}, summary="List your accounts")
def get_accounts(request: HttpRequest) -> HttpResponse:
    """The bank accounts that you named, and which of them money is sent to now."""
    principal, who = party(request)
    with tenant_scope(principal.tenant, principal.actor):
        shown = [_account(each) for each in bank_accounts.accounts_of(who.person)]
    return answer({"ok": True, "accounts": shown})


@router.post(
    "/bank-accounts",
    response={201: BankAccountOut, **errors(401, 403, 409, 413, 415, 422, 429)},
    openapi_extra=body(NAME_ACCOUNT),
    summary="Name an account",
)
def post_account(request: HttpRequest) -> HttpResponse:
    """Where what deals owe you is sent. It counts once you confirm it; to change one, sign in again shortly before."""
    principal, who = party(request)
    given = json_body(request)
    only(given, *NAME_ACCOUNT["properties"])
    texts = {
        name: text_field(given, name, maximum=TEXT_MAX_CHARACTERS, required=True) or ""
        for name in NAME_ACCOUNT["properties"]
    }
    if texts["unit"] not in CURRENCIES:
        raise InvalidInput(reason=f"unit is one of {', '.join(sorted(CURRENCIES))}.")
    with tenant_scope(principal.tenant, principal.actor):
        if bank_accounts.changes_account(who.person, texts["unit"]):
            _signed_in_lately(request)
        told = _account(bank_accounts.name_account(who.person, **texts))
    return answer({"ok": True, **told}, 201)


@router.get(
    "/bank-accounts/{account_id}",
    response={200: BankAccountOut, **errors(401, 403, 404, 429)},
    summary="One of your accounts",
)
def get_account(request: HttpRequest, account_id: str = id_path("a bank account")) -> HttpResponse:
    """How it stands: named, confirmed and waiting, or in use."""
    principal, who = party(request)
    with tenant_scope(principal.tenant, principal.actor):
        return answer({"ok": True, **_account(bank_accounts.access_account(who.person, account_id))})


@router.post(
    "/bank-accounts/{account_id}/confirm",
    response={200: BankAccountOut, **errors(401, 403, 404, 409, 413, 415, 422, 429)},
    openapi_extra=body(CONFIRM_ACCOUNT),
    summary="Confirm an account",
)
def post_confirm_account(request: HttpRequest, account_id: str = id_path("a bank account")) -> HttpResponse:
    """Type its last digits again. The first account of a currency is used at once, a changed one after a day."""
    principal, who = party(request)
    given = json_body(request)
    only(given, "last_digits")
    digits = text_field(given, "last_digits", maximum=limits.NAME_MAX_CHARACTERS, required=True) or ""
    with tenant_scope(principal.tenant, principal.actor):
        told = _account(bank_accounts.confirm_account(who.person, account_id, digits))
    return answer({"ok": True, **told})


@router.delete(
    "/bank-accounts/{account_id}",
    response={200: BankAccountsOut, **errors(401, 403, 404, 429)},
    summary="Remove an account",
)
def delete_account(request: HttpRequest, account_id: str = id_path("a bank account")) -> HttpResponse:
    """Nothing more is sent there; what is owed to you waits for another. Sign in again shortly before."""
    principal, who = party(request)
    with tenant_scope(principal.tenant, principal.actor):
        if bank_accounts.access_account(who.person, account_id).state == "confirmed":
            _signed_in_lately(request)
        bank_accounts.remove_account(who.person, account_id)
        shown = [_account(each) for each in bank_accounts.accounts_of(who.person)]
    return answer({"ok": True, "accounts": shown})


@router.get(
    "/deals/{deal_id}/payment",
    response={200: DealPaymentOut, **errors(401, 403, 404, 429)},
    summary="How to pay a deal",
)
def get_payment(request: HttpRequest, deal_id: str = id_path("a deal")) -> HttpResponse:
    """The exact amount, the market's account and the reference for a bank transfer; and whether a card can pay."""
    principal, who = party(request)
    with tenant_scope(principal.tenant, principal.actor):
        deal, _side = commands.access_deal(deal_id, who.person)
        waits = deal.state == "AWAITING_FUNDS"
        timer = queries.armed_timer(deal) if waits else None
        account = flag(payment.ESCROW_ACCOUNT_FLAG, principal.tenant, default=None) if waits else None
    told = {
        "ok": True, "deal_id": deal_id, "amount": deal.price if waits else 0, "unit": deal.unit,
        "reference": deal.public_id, "account": account, "cards": waits and cards_are_set_up(),
        "due_at": iso(timer["due_at"]) if timer else None,
    }  # fmt: skip
    return answer(told)


@router.post(
    "/deals/{deal_id}/checkout",
    response={200: DealCheckoutOut, **errors(401, 403, 404, 409, 422, 429, 502)},
    summary="Pay a deal by card",
)
def post_checkout(request: HttpRequest, deal_id: str = id_path("a deal")) -> HttpResponse:
    """Begin a card payment of the whole price. The deal is funded when the card processor says that it was paid."""
    principal, who = party(request)
    only(json_body(request) if request.body else {})
    with tenant_scope(principal.tenant, principal.actor):
        deal, side = commands.access_deal(deal_id, who.person)
    if side != "buyer":
        raise NotYourSide(side="buyer")
    if deal.state != "AWAITING_FUNDS":
        raise Conflict(reason="This deal does not wait for a payment.")
    made = create_checkout(
        principal.tenant, payment.KIND, deal_id, person=who.person, actor=principal.actor,
        success_url=settings.SITE_URL + reverse("deals:deal", args=[deal_id]),
        cancel_url=settings.SITE_URL + reverse("deals:fund", args=[deal_id]),
    )  # fmt: skip
    told = {
        "ok": True, "deal_id": deal_id, "checkout_id": made.public_id, "url": made.url, "amount": made.amount,
        "unit": made.unit, "expires_at": iso(made.expires_at),
    }  # fmt: skip
    return answer(told)


@router.get("/deal-terms", response={200: DealTermsListOut, **errors(401, 403, 429)}, summary="List the terms in force")
def get_terms_list(request: HttpRequest) -> HttpResponse:
    """What a new deal can be made with, by country and category."""
    principal, _who = party(request)
    with tenant_scope(principal.tenant, principal.actor):
        shown = [_terms(each) for each in terms_in_force()]
    return answer({"ok": True, "terms": shown})


@router.get("/deal-terms/{name}", response={200: DealTermsOut, **errors(401, 403, 404, 409, 422, 429)}, summary="Terms")
def get_terms(
    request: HttpRequest, name: str = id_path("a country and category, for example MN_USED_CAR_PRIVATE"),
    version: int = VERSION,
) -> HttpResponse:  # fmt: skip
    """The version in force, or the one with a number: a deal keeps the version with which it was made."""
    principal, _who = party(request)
    with tenant_scope(principal.tenant, principal.actor):
        found = next((each for each in terms_in_force() if each.name == name and version in (None, each.version)), None)
        if found is None:
            row = stored(name, version or 0)
            # What operators are still working on is nobody's promise.
            if row["state"] == "draft":
                raise NotFound(what="version of terms")
            found = DealTerms(row["name"], row["version"], row["state"], row["hash"], row["body"])
        shown = _terms(found)
    return answer({"ok": True, **shown})


def _signed_in_lately(request: HttpRequest) -> None:
    if not signed_in_lately(request):
        raise SignInAgain()


def _account(account: BankAccount) -> dict[str, Any]:
    names = (
        "state", "unit", "holder", "bank", "number_hint", "named_at", "confirmed_at", "usable_from",
    )  # fmt: skip
    values = dated({name: getattr(account, name) for name in names})
    usable = bank_accounts.usable_account(account.tenant_id, account.person_id, account.unit)
    return {"account_id": account.public_id, "usable": usable is not None and usable.id == account.id, **values}


def _terms(terms: DealTerms) -> dict[str, Any]:
    (row,) = matrix.matrix([terms])
    return {**row, "state": terms.state, "item_fields": terms.item_fields}
