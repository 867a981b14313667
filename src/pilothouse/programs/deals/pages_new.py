"""The pages on the way to an offer: a new draft, its facts, its photos, the offer, and the link of the other side."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import Principal
from pilothouse.kernel.base.errors import InvalidInput, NotFound, PilothouseError
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope

from . import commands, evidence, limits, views, words
from .forms import FactsForm, NewDealForm, OfferForm, typed
from .models import Deal
from .page_guard import echo_deal, party_page, person_of, refuse
from .pages import INVITATION_SESSION_KEY, echo_people
from .steps import terms_of
from .switch import why_no_new_deal
from .terms import DealTerms, in_force_here

# The drafts that this session has made, by the key of the form: a second click finds the first one's draft.
MADE_SESSION_KEY = "deals_made"
MADE_KEPT_COUNT = 20
FIELD_OF_ERROR = {"amount_not_quantized": "price", "amount_too_small": "price", "amount_too_large": "price"}


@require_http_methods(["GET", "POST"])
@party_page
def new_deal(request: HttpRequest, principal: Principal) -> HttpResponse:
    """A new draft: on which side, under which terms, what and for how much."""
    with tenant_scope(principal.tenant, principal.actor):
        terms = in_force_here(principal.tenant)
        stopped = why_no_new_deal(principal.tenant) if request.method == "GET" else ""
    data = request.POST or kept_form(request, principal)
    form = NewDealForm(data, terms=terms, initial={"side": "buyer" if principal.role == "buyer" else "seller"})
    key = (data.get("key") if data else "") or new_id("form")
    made = request.session.get(MADE_SESSION_KEY, {})
    if request.method == "POST" and key in made:
        return redirect("deals:edit", made[key])
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            with tenant_scope(principal.tenant, principal.actor):
                deal = commands.create_deal(
                    person=person_of(principal), side=values["side"], template=values["template"],
                    price=values["price"], title=values["title"],
                )  # fmt: skip
        except PilothouseError as refused:
            form.add_error(FIELD_OF_ERROR.get(refused.code), str(refused))
        else:
            request.session[MADE_SESSION_KEY] = {**dict(list(made.items())[1 - MADE_KEPT_COUNT :]), key: deal.public_id}
            return redirect("deals:edit", deal.public_id)
    echo(request, data.get("title", "") if data else "")
    context = {"form": form, "key": key, "examples": _examples(terms), "stopped": stopped}
    return render(request, "deals/new.html", context)


def _examples(terms: list[DealTerms]) -> list[dict[str, Any]]:
    """What each set of terms means, for the person who chooses."""
    return [
        {
            "name": words.named(words.CATEGORIES, each.body["category"]),
            "currency": each.currency.code,
            "percent": each.holdback_percent,
            "look": each.hours("inspectionTtlDays"),
            "claims": each.hours("disputeTtlHours"),
        }
        for each in terms
    ]


@require_http_methods(["GET", "POST"])
@party_page
def edit(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """The facts of a draft."""
    with tenant_scope(principal.tenant, principal.actor):
        deal, side = commands.access_deal(public_id, person_of(principal))
    if deal.state != "DRAFT" or side != deal.creator_side:
        return redirect("deals:deal", public_id)
    with tenant_scope(principal.tenant, principal.actor):
        terms = terms_of(deal)
    initial = {
        "title": deal.title,
        "price": typed(deal.price, deal.unit),
        **{f"item_{name}": value for name, value in deal.item.items()},
    }
    form = FactsForm(request.POST or kept_form(request, principal), terms=terms, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            with tenant_scope(principal.tenant, principal.actor):
                commands.edit_draft(
                    public_id, person_of(principal), price=form.cleaned_data["price"],
                    title=form.cleaned_data["title"], item=form.item,
                )  # fmt: skip
        except PilothouseError as refused:
            form.add_error(FIELD_OF_ERROR.get(refused.code), str(refused))
        else:
            messages.success(request, words.done("saved"))
            return redirect("deals:deal", public_id)
    echo_deal(request, deal, *(request.POST.get(name, "") for name in form.fields))
    return render(request, "deals/edit.html", {"deal": deal, "form": form})


@require_POST
@party_page
def offer(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """Offer the draft; the link's secret is shown to this session only."""
    form = OfferForm(request.POST)
    person = person_of(principal)
    try:
        with tenant_scope(principal.tenant, principal.actor):
            deal, side = commands.access_deal(public_id, person, lock=True)
            if form.is_valid():
                made = commands.offer(
                    public_id, person, own_email=_address(principal), email=form.cleaned_data["email"]
                )
                request.session[INVITATION_SESSION_KEY] = {"deal": public_id, "secret": made.secret}
                return redirect("deals:deal", public_id)
            context = views.room(deal, side)
    except NotFound:
        raise
    except PilothouseError as refused:
        return refuse(request, refused, public_id)
    echo_people(request, context)
    return render(request, "deals/room.html", {**context, "offer_form": form, "invitation": ""})


@require_POST
@party_page
def upload(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """Put files forward. Sent by the page's script one at a time (204, or the refusal as text), or all by a form."""
    by_script = request.headers.get("X-Requested-With") == "fetch"
    line = request.POST.get("line", "")
    count = 0
    try:
        with tenant_scope(principal.tenant, principal.actor):
            commands.access_deal(public_id, person_of(principal))
        for part in request.FILES.getlist("files")[: limits.PHOTOS_MAX_COUNT]:
            if isinstance(part, UploadedFile):
                _put_forward(principal, public_id, part, request.POST, int(line) if line.isdigit() else None)
                count += 1
        if not count:
            raise InvalidInput(reason="Choose a file first.")
    except NotFound:
        raise
    except PilothouseError as refused:
        if by_script:
            return HttpResponse(str(refused), status=refused.status, content_type="text/plain; charset=utf-8")
        return refuse(request, refused, public_id)
    if by_script:
        return HttpResponse(status=204)
    messages.success(request, words.done("added"))
    return redirect("deals:deal", public_id)


def _put_forward(principal: Principal, public_id: str, part: UploadedFile[bytes], sent: Any, line: int | None) -> None:
    kind, person = sent.get("kind", ""), person_of(principal)
    with tenant_scope(principal.tenant, principal.actor):
        file = evidence.upload(public_id, person, kind=kind, source=part.chunks(), name=part.name or "file")
        evidence.add(public_id, person, purpose=sent.get("purpose", ""), kind=kind, file=file, line=line)


@require_http_methods(["GET", "POST"])
@party_page
def join(request: HttpRequest, principal: Principal, secret: str) -> HttpResponse:
    """Open an invitation: after sign-in it asks once, then the link belongs to this person."""
    if request.method == "GET":
        return render(request, "deals/join.html", {"url": reverse("deals:join", args=[secret]), "gone": False})
    try:
        with tenant_scope(principal.tenant, principal.actor):
            deal: Deal = commands.join(secret, person_of(principal), own_email=_address(principal))
    except PilothouseError as refused:
        context = {"gone": True, "reason": str(refused), "here": principal.tenant_name}
        return render(request, "deals/join.html", context, status=refused.status)
    return redirect("deals:deal", deal.public_id)


def _address(principal: Principal) -> str:
    return principal.actor.removeprefix("user:")
