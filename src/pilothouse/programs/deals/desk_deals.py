"""Deals on the operators' desk: which are open, what runs for each, which are stuck, and one deal whole."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.desk import looking, may_act, page_number, paged, search_words, tabs
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal

from . import desk_reads, queries, words
from .desk_views import history, money_of, running
from .desk_words import TIMERS
from .models import Dispute
from .steps import terms_of

STATES = {
    "open": _("Open"), "INSPECTION": _("Inspection"), "ISSUE": _("Issue"), "stuck": _("Stuck"),
    "SETTLED": _("Settled"), "all": _("All"),
}  # fmt: skip


@require_GET
@operator_page()
def deals(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Deals of all marketplaces, newest first, each with the timer that runs for it."""
    here = reverse("deals:desk_deals")
    state = request.GET.get("state", "open")
    state = state if state in STATES else "open"
    search, number = search_words(request), page_number(request)
    with looking(request, operator):
        rows = desk_reads.deals(state="" if state == "all" else state, search=search, skip=number * DESK_PAGE_ROWS)
    rows, pager = paged(rows, number, here, state=state, q=search)
    context = {
        "deals": [{**row, "timer_words": TIMERS.get(row["timer"], "")} for row in rows],
        "pager": pager,
        "tabs": tabs(here, state, STATES, {"q": search}, "state"),
        "query": search,
        "state": state,
    }
    return render(request, "deals/desk_deals.html", context)


@require_GET
@operator_page()
def deal(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """One deal as both sides see it together: people, money, timer, evidence, timeline."""
    with looking(request, operator):
        held, facts = desk_reads.deal(public_id)
        dispute = Dispute.objects.filter(deal=held).first()
        evidence = desk_reads.evidence(held)
        events = history(queries.timeline(held), held)
        due = running(held, facts, queries.armed_timer(held), dispute)
        terms = terms_of(held)
    context = {
        "deal": held,
        "facts": facts,
        "dispute": dispute,
        "evidence": evidence,
        "events": events,
        "due": due,
        "money": money_of(held),
        "terms": terms,
        "item": [
            (words.named(words.FIELDS, key), words.fact(key, held.item[key]))
            for key in terms.item_fields
            if key in held.item
        ],
        "is_contested": held.state == "FUNDED" and held.contested_at is not None,
        "may_act": may_act(operator),
    }
    return render(request, "deals/desk_deal.html", context)
