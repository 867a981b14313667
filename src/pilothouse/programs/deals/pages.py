"""The pages of a party: the list of deals, the deal room, and the acts that ask once."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from pilothouse.kernel.access.principal import Principal
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import InvalidInput, PilothouseError
from pilothouse.kernel.base.limits import PAGE_SIZE_DEFAULT_ROWS
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.watch.queries import closed_gates
from pilothouse.ui.links import search_words, whole_number, with_query

from . import agreements, commands, disputes, queries, views, words
from .forms import OfferForm
from .models import Deal
from .page_guard import echo_deal, party_page, person_of, refuse, refuse_old_page

# The choices above the list, each with the one state that it shows.
TABS = ("", "OFFERED", "AWAITING_FUNDS", "FUNDED", "INSPECTION", "HOLDBACK", "ISSUE", "SETTLED")
INVITATION_SESSION_KEY = "deal_invitation"
ACTS: dict[str, Callable[[str, int], Any]] = {
    "withdraw": commands.withdraw,
    "file_handover": commands.file_handover,
    "confirm_handover": commands.confirm_handover,
    "approve": commands.approve,
    "release_early": commands.release_early,
    "accept_claim": disputes.accept_claim,
    "withdraw_claim": disputes.withdraw_claim,
}


@require_GET
@party_page
def deal_list(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The person's own deals, the newest first."""
    state = request.GET.get("state", "")
    state = state if state in queries.DEAL_STATES else ""
    query = search_words(request.GET.get("q"))
    before = whole_number(request.GET.get("before"))
    with tenant_scope(principal.tenant, principal.actor):
        rows = queries.deals(
            person=person_of(principal), state=state or None, search=query or None, before=before or None,
            count=PAGE_SIZE_DEFAULT_ROWS + 1,
        )  # fmt: skip
        gate = next(iter(closed_gates(commands.PROGRAM_NAME, principal.tenant)), None)
        now = clock.business_now()
    shown = rows[:PAGE_SIZE_DEFAULT_ROWS]
    echo(request, *(row["title"] for row in shown))
    here = reverse("deals:deals")
    following = with_query(here, state=state, q=query, before=shown[-1]["id"]) if len(rows) > len(shown) else ""
    back = with_query(here, state=state, q=query) if before else ""
    context = {
        "deals": [
            {
                **row,
                **views.head(row),
                "side_word": words.SIDES[row["side"]],
                "url": reverse("deals:deal", args=[row["public_id"]]),
            }
            for row in shown
        ],
        "tabs": [
            {
                "label": words.STATES[each] if each else _("All"),
                "url": with_query(here, state=each, q=query),
                "current": each == state,
            }
            for each in TABS
        ],
        "state": state,
        "query": query,
        "filtered": bool(state or query or before),
        "pager": {"previous_url": back, "next_url": following} if back or following else None,
        "gate": None if gate is None else {"name": gate["mode"], "reason": gate["reason"], "since": gate["closed_at"]},
        "now": now,
    }  # fmt: skip
    return render(request, "deals/list.html", context)


@require_GET
@party_page
def deal_room(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """One deal as this person sees it."""
    with tenant_scope(principal.tenant, principal.actor):
        deal, side = commands.access_deal(public_id, person_of(principal))
        context = views.room(deal, side)
    echo_people(request, context)
    kept = request.session.get(INVITATION_SESSION_KEY, {})
    secret = kept.get("secret", "") if kept.get("deal") == deal.public_id and deal.state == "OFFERED" else ""
    context["invitation"] = request.build_absolute_uri(reverse("deals:join", args=[secret])) if secret else ""
    context["offer_form"] = OfferForm() if deal.state == "DRAFT" and side == deal.creator_side else None
    return render(request, "deals/room.html", context)


def echo_people(request: HttpRequest, context: dict[str, Any]) -> None:
    """Say which texts of the room are its people's own."""
    deal: Deal = context["deal"]
    notes = [line["note"] for line in context["lines"]]
    names = [text for each in context["people"].values() for text in (each["name"], each["email"])]
    dispute = context["dispute"]
    answers = [dispute.response_note, dispute.audit_note] if dispute else []
    echo_deal(request, deal, deal.contest_note, *notes, *names, *answers)


@require_POST
@party_page
def act(request: HttpRequest, principal: Principal, public_id: str, name: str) -> HttpResponse:
    """One of the acts that ask once. What the page showed must still be so."""
    person = person_of(principal)
    try:
        with tenant_scope(principal.tenant, principal.actor):
            deal, side = commands.access_deal(public_id, person, lock=True)
            refuse_old_page(deal, request.GET.get("seen", ""))
            told = _carry_out(deal, side, person, name)
    except PilothouseError as refused:
        return refuse(request, refused, public_id)
    messages.success(request, words.done(told))
    return redirect("deals:deal", public_id)


def _carry_out(deal: Deal, side: str, person: int, name: str) -> str:
    public_id = deal.public_id
    if name in ACTS:
        ACTS[name](public_id, person)
        return name
    if name == "accept":
        commands.accept(public_id, person, seen_hash=deal.offer_hash)
        return name
    if name in ("cancel", "return"):
        content = {} if deal.state == "FUNDED" else {"returned": True}
        return "both" if agreements.sign(public_id, person, name, content) else "signed"
    verb, _dash, kind = name.partition("-")
    if verb == "unsign":
        agreements.unsign(public_id, person, kind)
        return "unsigned"
    if verb == "sign":
        # Exactly what the other side has signed, which the page has shown.
        waiting = [each for each in queries.waiting_signatures(deal) if each["kind"] == kind and each["side"] != side]
        if waiting:
            return "both" if agreements.sign(public_id, person, kind, waiting[0]["content"]) else "signed"
    raise InvalidInput(reason=_("There is no such step here."))
