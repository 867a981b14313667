"""The pages of what two people may disagree about: the handover, a lower price, a claim, the answer, the amounts."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from pilothouse.kernel.access.page_access import PageView
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import Principal
from pilothouse.kernel.base.errors import Conflict, NotFound, PilothouseError
from pilothouse.kernel.base.refusals import note_refusal
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.ledger.periods import time_zone
from pilothouse.ui.units import amount_text

from . import agreements, arithmetic, commands, disputes, evidence, limits, queries, views, words
from .currencies import CURRENCIES
from .forms import AmountsForm, AnswerForm, ClaimLineForm, NoteForm, PriceForm, typed
from .models import Deal, Dispute
from .page_guard import echo_deal, party_page, person_of, refuse, refuse_old_page, tried
from .steps import terms_of

METHODS = ["GET", "POST"]
FILE_NAME_MAX_CHARACTERS = 60


def step_page(action: str) -> Callable[[Callable[..., HttpResponse]], PageView]:
    """A page of one action of a deal; where that is not possible now it leads back to the deal and says so.

    The view gets (request, principal, deal, context): the context is the head of the page.
    """

    def decorate(view: Callable[..., HttpResponse]) -> PageView:
        @require_http_methods(METHODS)
        @party_page
        @wraps(view)
        def page(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
            try:
                with tenant_scope(principal.tenant, principal.actor):
                    deal, context = _look(principal, public_id, action)
            except PilothouseError as refused:
                return refuse(request, refused, public_id)
            return view(request, principal, deal, context)

        return page

    return decorate


def _look(principal: Principal, public_id: str, action: str) -> tuple[Deal, dict[str, Any]]:
    """The deal and the head of the page. Raises Conflict when this is not possible now."""
    deal, side = commands.access_deal(public_id, person_of(principal))
    if action not in queries.actions(deal, side):
        raise Conflict(reason=_("This is not possible now. Look at the deal as it stands."))
    dispute = Dispute.objects.filter(deal=deal).first()
    lines = views.claim_lines(deal, dispute, views.evidence(deal))
    return deal, {"deal": deal, "side": side, "lines": lines, "seen": views.seen_of(deal), "dispute": dispute}


def _done(request: HttpRequest, deal: Deal, what: str) -> HttpResponse:
    messages.success(request, words.done(what))
    return redirect("deals:deal", deal.public_id)


@step_page("contest_handover")
def contest(request: HttpRequest, principal: Principal, deal: Deal, context: dict[str, Any]) -> HttpResponse:
    """The buyer says that the handover did not happen as filed."""
    form = NoteForm(request.POST or kept_form(request, principal))
    if request.method == "POST" and form.is_valid():
        done, _none = tried(
            principal,
            form,
            lambda: commands.contest_handover(deal.public_id, person_of(principal), **form.cleaned_data),
        )
        if done:
            return _done(request, deal, "contest")
    echo_deal(request, deal, request.POST.get("note", ""))
    context |= {
        "heading": _("Say that something is wrong"),
        "lead": _("An operator looks at the evidence of both sides and decides. The money stays in escrow until then."),
        "verb": _("Contest the handover"),
    }
    return render(request, "deals/one_form.html", {**context, "form": form})


@step_page("correct_price")
def lower_price(request: HttpRequest, principal: Principal, deal: Deal, context: dict[str, Any]) -> HttpResponse:
    """Propose a lower price by signing it."""
    form = PriceForm(request.POST or kept_form(request, principal), currency=CURRENCIES[deal.unit])
    if request.method == "POST" and form.is_valid():
        done, told = _sign(principal, deal, "price", {"price": form.cleaned_data["price"]}, form)
        if done:
            return _done(request, deal, told)
    echo_deal(request, deal)
    context |= {
        "heading": _("Agree on a lower price"),
        "lead": _(
            "The price is %(price)s now. When both have signed the same lower price, the difference goes back to the "
            "buyer at once and everything after is computed on the new price."
        )
        % {"price": amount_text(deal.price, deal.unit)},
        "verb": _("Sign this price"),
    }
    return render(request, "deals/one_form.html", {**context, "form": form})


def _sign(principal: Principal, deal: Deal, kind: str, content: Mapping[str, Any], form: Form) -> tuple[bool, str]:
    """(whether it was signed, what to say)."""
    done, both = tried(principal, form, lambda: agreements.sign(deal.public_id, person_of(principal), kind, content))
    return done, "both" if both else "signed"


@step_page("agree")
def agree(request: HttpRequest, principal: Principal, deal: Deal, context: dict[str, Any]) -> HttpResponse:
    """Propose amounts that end the dispute, by signing them."""
    lines = context["lines"]
    initial = {
        f"amount_{place}": typed(
            min(line["claimed"], line["cap"]) if line["counter"] is None else line["counter"], deal.unit
        )
        for place, line in enumerate(lines)
    }  # fmt: skip
    form = AmountsForm(
        request.POST or kept_form(request, principal), currency=CURRENCIES[deal.unit], labels=_labels(deal, lines),
        initial=initial,
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        done, told = _sign(principal, deal, "settlement", {"amounts": form.amounts}, form)
        if done:
            return _done(request, deal, told)
    echo_deal(request, deal, *(line["note"] for line in lines))
    context |= {
        "heading": _("Agree on amounts"),
        "lead": _(
            "These amounts go to the buyer. When both have signed the same, the dispute ends and the deal is settled; "
            "the rest of the escrow goes to the seller."
        ),
        "verb": _("Sign these amounts"),
    }
    return render(request, "deals/one_form.html", {**context, "form": form})


def _labels(deal: Deal, lines: list[dict[str, Any]]) -> list[str]:
    return [
        _("%(reason)s: asked %(claimed)s, at most %(cap)s")
        % {
            "reason": line["reason"],
            "claimed": amount_text(line["claimed"], deal.unit),
            "cap": amount_text(line["cap"], deal.unit),
        }
        for line in lines
    ]


@step_page("respond")
def respond(request: HttpRequest, principal: Principal, deal: Deal, context: dict[str, Any]) -> HttpResponse:
    """The seller answers: another amount for each line, or none at all."""
    form = AnswerForm(
        request.POST or kept_form(request, principal), currency=CURRENCIES[deal.unit],
        labels=_labels(deal, context["lines"]),
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        counters = form.counters
        done, _none = tried(
            principal, form,
            lambda: disputes.respond(
                deal.public_id, person_of(principal), response="counter" if counters else "contest",
                note=form.cleaned_data["note"], counters=counters,
            ),
        )  # fmt: skip
        if done:
            return _done(request, deal, "respond")
    echo_deal(request, deal, request.POST.get("note", ""), *(line["note"] for line in context["lines"]))
    context |= {
        "heading": _("Answer the claim"),
        "lead": _(
            "Offer an amount for a line, or leave all amounts empty to contest the whole claim. Add your evidence in "
            "the deal room: when nobody decides in time, the evidence that was filed does."
        ),
        "verb": _("Send the answer"),
    }
    return render(request, "deals/one_form.html", {**context, "form": form})


@step_page("raise_issue")
def claim(request: HttpRequest, principal: Principal, deal: Deal, context: dict[str, Any]) -> HttpResponse:
    """The buyer's claim: one block for each reason of the terms, with the most that it can reach."""
    with tenant_scope(principal.tenant, principal.actor):
        terms = terms_of(deal)
        timer, zone = queries.armed_timer(deal), time_zone(principal.tenant)
    data = request.POST or kept_form(request, principal)
    currency = terms.currency
    blocks: list[dict[str, Any]] = [
        {
            "code": code,
            "reason": words.named(words.CODES, code),
            "cap": arithmetic.cap(deal.price, points, currency.quantum),
            "form": ClaimLineForm(data, prefix=code, currency=currency),
            "kinds": [_slot(data, code, kind) for kind in _kinds(terms.evidence(code))],
        }
        for code, points in terms.caps_bps.items()
    ]
    problems = []
    if request.method == "POST":
        problems = _take_files(request, principal, deal, blocks)
        valid = [block["form"].is_valid() for block in blocks]
        if all(valid) and not problems:
            try:
                _raise(request, principal, deal, blocks)
            except NotFound:
                raise
            except PilothouseError as refused:
                note_refusal(refused)
                problems = [str(refused)]
            else:
                return _done(request, deal, "claim")
    echo_deal(request, deal, *(request.POST.get(f"{block['code']}-note", "") for block in blocks))
    context |= {
        "blocks": blocks, "problems": problems, "timer": timer, "zone": zone,
        "invalid": request.method == "POST" and (problems or any(block["form"].errors for block in blocks)),
    }  # fmt: skip
    return render(request, "deals/claim.html", context)


def _kinds(required: tuple[str, ...]) -> list[str]:
    """What the terms ask for, and a photo or a paper more."""
    return list(dict.fromkeys([*required, "PHOTO", "DOCUMENT"]))


def _slot(data: Any, code: str, kind: str) -> dict[str, Any]:
    """One place for files of a kind; `kept` are those that an earlier send has stored, as `id name`."""
    field = f"{code}-{kind}"
    kept = data.getlist(f"{field}-kept")[: limits.PHOTOS_MAX_COUNT] if data else []
    return {"field": field, "kind": kind, "label": words.named(words.EVIDENCE, kind), "kept": _pairs(kept)}


def _pairs(kept: list[str]) -> list[dict[str, str]]:
    found = [each.partition(" ") for each in kept]
    return [{"id": id_, "name": name, "value": f"{id_} {name}"} for id_, _space, name in found if id_]


def _take_files(request: HttpRequest, principal: Principal, deal: Deal, blocks: list[dict[str, Any]]) -> list[str]:
    """Store what was sent at once, so that a form which comes back with an error still has it."""
    problems = []
    for slot in (slot for block in blocks for slot in block["kinds"]):
        for part in request.FILES.getlist(slot["field"])[: limits.PHOTOS_MAX_COUNT]:
            if not isinstance(part, UploadedFile):
                continue
            name = (part.name or "file")[:FILE_NAME_MAX_CHARACTERS]
            try:
                with tenant_scope(principal.tenant, principal.actor):
                    id_ = evidence.upload(
                        deal.public_id, person_of(principal), kind=slot["kind"], source=part.chunks(), name=name
                    )
            except NotFound:
                raise
            except PilothouseError as refused:
                problems.append(f"{name}: {refused!s}")
            else:
                slot["kept"].append({"id": id_, "name": name, "value": f"{id_} {name}"})
    return problems


def _raise(request: HttpRequest, principal: Principal, deal: Deal, blocks: list[dict[str, Any]]) -> None:
    claims = [
        disputes.Claim(
            block["code"],
            block["form"].cleaned_data["amount"],
            block["form"].cleaned_data["note"],
            [(slot["kind"], kept["id"]) for slot in block["kinds"] for kept in slot["kept"]],
        )
        for block in blocks
        if block["form"].cleaned_data.get("amount")
    ]
    with tenant_scope(principal.tenant, principal.actor):
        locked, _side = commands.access_deal(deal.public_id, person_of(principal), lock=True)
        refuse_old_page(locked, request.POST.get("seen", ""))
        disputes.raise_issue(deal.public_id, person_of(principal), claims)
