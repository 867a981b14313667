"""Deals on the operators' desk: which are open, what runs for each, which are stuck, and one deal whole."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.desk import DeskList, looking, may_act
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
    asked = DeskList.of(request, "deals:desk_deals", STATES, "open")
    with looking(request, operator):
        rows = desk_reads.deals(state=asked.wanted, search=asked.words, skip=asked.skip)
    rows, frame = asked.shown(rows)
    context = {**frame, "deals": [{**row, "timer_words": TIMERS.get(row["timer"], "")} for row in rows]}
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
