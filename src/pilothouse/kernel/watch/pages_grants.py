"""Grants at the desk: ask for credits, let a second operator judge what is beyond one person's day, and the history."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
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
)
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import NotFound, PilothouseError
from pilothouse.kernel.ledger.commands import GRANT_SOURCES
from pilothouse.kernel.ledger.grants import (
    Asked,
    allowance,
    approve_grant,
    grant_requests,
    refuse_grant,
    request_grant,
    request_reversal,
)
from pilothouse.kernel.ledger.limits import (
    GRANT_MAX_CREDITS,
    GRANT_ONE_PERSON_MAX_CREDITS,
    GRANT_TEXT_MAX_CHARACTERS,
    GRANT_WINDOW_HOURS,
)
from pilothouse.kernel.ledger.models import CREDIT, TEST
from pilothouse.kernel.ledger.queries import grant_of_entry, journal_amount

from . import desk_queries
from .account_choice import AccountField, chosen_account

STATES = {
    "requested": gettext_lazy("Waiting"),
    "all": gettext_lazy("All"),
    "granted": gettext_lazy("Granted at once"),
    "approved": gettext_lazy("Approved"),
    "refused": gettext_lazy("Refused"),
    "expired": gettext_lazy("Expired"),
}
SOURCE_WORDS = {
    "pilot_grant": gettext_lazy("A pilot's credits"),
    "purchase": gettext_lazy("A purchase that was paid another way"),
    "adjustment": gettext_lazy("Putting something right"),
}


class GrantForm(forms.Form):
    """Credits for an account. The description is the idempotency key: the same one is granted once."""

    tenant = AccountField()
    amount = forms.IntegerField(label=gettext_lazy("Credits"), min_value=1, max_value=GRANT_MAX_CREDITS)
    source = forms.ChoiceField(
        label=gettext_lazy("Where they come from"), choices=[(code, SOURCE_WORDS[code]) for code in GRANT_SOURCES]
    )
    description = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=GRANT_TEXT_MAX_CHARACTERS,
        help_text=gettext_lazy("Stands in the ledger for ever. The same words to the same account grant once."),
    )
    unit = forms.ChoiceField(
        label=gettext_lazy("Wallet"),
        choices=[(CREDIT, gettext_lazy("Real credits")), (TEST, gettext_lazy("Test credits, without value"))],
    )


class ReverseForm(forms.Form):
    """Why a grant is taken back."""

    reason = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=GRANT_TEXT_MAX_CHARACTERS,
        help_text=gettext_lazy("Stands in the ledger for ever; the customer reads it."),
    )


class RefuseForm(forms.Form):
    """Why a request is refused or withdrawn."""

    reason = forms.CharField(label=gettext_lazy("Why not"), max_length=GRANT_TEXT_MAX_CHARACTERS)


@require_GET
@operator_page()
def grant_list(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Requests that wait for a second operator, and all that was decided."""
    return _list(request, operator)


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def grant_new(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Grant what one person's day holds; what goes beyond waits for a second operator."""
    account, why = request.GET.get("tenant", ""), request.GET.get("why", "")[:GRANT_TEXT_MAX_CHARACTERS]
    initial = {
        "tenant": account,
        "source": "adjustment" if why else "pilot_grant",
        "description": _("Correction for %(why)s") % {"why": why} if why else "",
    }
    form = GrantForm(request.POST or kept_form(request, operator), initial=initial)
    status = 200
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with commanding(request, operator):
                key = chosen_account(given["tenant"]).id
                asked = request_grant(
                    operator.user, key, given["amount"], given["source"], given["description"], unit=given["unit"]
                )
        except PilothouseError as refused:
            status = refused_in(form, refused, "tenant" if isinstance(refused, NotFound) else "description")
        else:
            messages.success(request, _said(asked))
            return HttpResponseRedirect(reverse("desk:grants") + ("" if asked.state == "requested" else "?state=all"))
    elif request.method == "POST":
        status = 422
    context = {
        "form": form,
        "title": _("Grant credits"),
        "verb": _("Grant the credits"),
        "confirm_title": _("Grant the credits?"),
        "confirm_sentence": _("The customer can spend them at once. A grant is never edited; a reversal answers it."),
        "back": reverse("desk:grants"),
        "back_label": _("Grants"),
        "lead": _lead(request, operator, account),
    }  # fmt: skip
    return render(request, "watch/form.html", context, status=status)


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def grant_reverse(request: HttpRequest, operator: OperatorPrincipal, entry: str) -> HttpResponse:
    """Take a grant back by its ledger entry, under the rule of a grant; once, however often it is sent."""
    with looking(request, operator):
        found = grant_of_entry(entry)
        amount, unit = journal_amount(found["tenant"], found["id"])
        tenant = desk_queries.tenant(found["tenant_id"])
        left = allowance(found["tenant"])
    form = ReverseForm(request.POST or kept_form(request, operator))
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            with commanding(request, operator):
                asked = request_reversal(operator.user, found["tenant"], found["id"], form.cleaned_data["reason"])
        except PilothouseError as refused:
            status = refused_in(form, refused)
        else:
            messages.success(request, _taken_back(asked))
            return HttpResponseRedirect(reverse("desk:grants") + ("" if asked.state == "requested" else "?state=all"))
    elif request.method == "POST":
        status = 422
    facts = {"amount": f"{amount:,}", "name": tenant["name"], "left": f"{left:,}", "unit": _unit(unit)}
    sentence = (
        _("%(amount)s %(unit)s leave the wallet of %(name)s at once. It cannot be undone; a new grant answers it.")
        if unit == TEST or amount <= left
        else _("%(amount)s %(unit)s of %(name)s wait for a second operator; nothing is moved before.")
    )
    context = {
        "form": form,
        "title": _("Take a grant back"),
        "verb": _("Take %(amount)s %(unit)s back") % facts,
        "danger": True,
        "confirm_title": _("Take the grant back?"),
        "confirm_sentence": sentence % facts,
        "back": reverse("desk:tenant", args=[found["tenant_id"]]),
        "back_label": tenant["name"],
        "lead": _(
            "The grant of %(amount)s %(unit)s to %(name)s is answered by a reversal: both stay in the ledger. What is"
            " spent or held cannot be taken back. One operator may still move %(left)s of this account today."
        )
        % facts,
    }  # fmt: skip
    return render(request, "watch/form.html", context, status=status)


@require_POST
@operator_page(*DESK_WRITERS)
def grant_approve(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Approve as the second operator: the credits move now."""
    return act(
        request, operator, lambda: approve_grant(operator.user, public_id), done=_said, back=reverse("desk:grants")
    )


@require_POST
@operator_page(*DESK_WRITERS)
def grant_refuse(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Refuse a request, or withdraw one's own; nothing moves."""
    form = RefuseForm(request.POST, auto_id=f"{public_id}_%s")
    if not form.is_valid():
        return _list(request, operator, {public_id: form}, 422)
    reason = form.cleaned_data["reason"]
    return act(
        request,
        operator,
        lambda: refuse_grant(operator.user, public_id, reason),
        done=_("Refused. Nothing was moved."),
        back=reverse("desk:grants"),
    )


def _list(
    request: HttpRequest, operator: OperatorPrincipal, bound: dict[str, RefuseForm] | None = None, status: int = 200
) -> HttpResponse:
    asked = DeskList.of(request, "desk:grants", STATES, "requested")
    with looking(request, operator):
        rows = grant_requests(asked.wanted or None, search=asked.words, count=DESK_PAGE_ROWS + 1, skip=asked.skip)
    rows, frame = asked.shown(rows)
    bound = bound or {}
    context = {
        **frame,
        "requests": [
            {
                **row,
                "mine": row["asked_by"] == operator.user,
                "form": bound.get(row["public_id"]) or RefuseForm(auto_id=f"{row['public_id']}_%s"),
            }
            for row in rows
        ],
        "may_act": may_act(operator),
        "limit": GRANT_ONE_PERSON_MAX_CREDITS,
        "hours": GRANT_WINDOW_HOURS,
    }
    return render(request, "watch/grants.html", context, status=status)


def _said(asked: Asked) -> str:
    words = {"amount": f"{asked.amount:,}", "unit": _unit(asked.unit)}
    if asked.state == "requested":
        return _("%(amount)s %(unit)s wait for a second operator. Nothing was moved yet.") % words
    if asked.replayed:
        return _("This had been done before; nothing was moved twice. %(amount)s %(unit)s stand in the ledger.") % words
    return _("%(amount)s %(unit)s are in the wallet.") % words


def _taken_back(asked: Asked) -> str:
    words = {"amount": f"{asked.amount:,}", "unit": _unit(asked.unit)}
    if asked.state == "requested":
        return _("Taking back %(amount)s %(unit)s waits for a second operator. Nothing was moved yet.") % words
    if asked.replayed:
        return _("This grant had been taken back before; nothing was moved twice.")
    return _("%(amount)s %(unit)s were taken back.") % words


def _unit(unit: str) -> str:
    return _("test credits") if unit == TEST else _("credits")


def _lead(request: HttpRequest, operator: OperatorPrincipal, account: str) -> str:
    rule = _("One operator may grant an account %(limit)s credits in %(hours)s hours; more waits for a second one.") % {
        "limit": f"{GRANT_ONE_PERSON_MAX_CREDITS:,}",
        "hours": GRANT_WINDOW_HOURS,
    }  # fmt: skip
    if not account:
        return rule
    with looking(request, operator):
        try:
            tenant = desk_queries.tenant(account)
        except NotFound:
            return rule
        left = allowance(tenant["id"])
    return rule + " " + _("%(name)s has %(left)s left today.") % {"name": tenant["name"], "left": f"{left:,}"}
