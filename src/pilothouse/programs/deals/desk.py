"""The dispute desk: what waits for a judgement, each case side by side, and a decision from the pinned terms only.

A decision is chosen, shown with both amounts on a page of its own, and then taken by the same command that the API
calls. Reads are over all tenants; the command runs in the scope of the deal's tenant, with the operator as its actor.
"""

from typing import Any

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
    link,
    looking,
    may_act,
    refused_in,
)
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import Conflict, PilothouseError
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.ui.units import amount_text

from . import desk_reads, queries
from .desk_forms import HandoverForm, ResolveForm
from .desk_views import coded, history, money_of, running
from .desk_words import CONTESTS, DECISIONS
from .disputes import check_judge, preview, resolve
from .judgement import HANDOVER_CONFIRMED, decide_handover
from .models import Deal
from .steps import terms_of

STATES = {"open": gettext_lazy("Open"), "ended": gettext_lazy("Ended"), "all": gettext_lazy("All")}
EVIDENCE = {
    "": gettext_lazy("Any evidence"),
    "incomplete": gettext_lazy("Evidence missing"),
    "complete": gettext_lazy("Evidence complete"),
}
SORTS = {
    "due": gettext_lazy("Nearest expiry"),
    "newest": gettext_lazy("Newest"),
    "claimed": gettext_lazy("Largest claim"),
}


@require_GET
@operator_page()
def disputes(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Disputes by time to expiry, the most urgent first, and above them the contested handovers."""
    asked = DeskList.of(request, "deals:desk_disputes", STATES, "open", sort=SORTS, evidence=EVIDENCE, code=None)
    code, evidence, sort = (asked.filters[name] for name in ("code", "evidence", "sort"))
    with looking(request, operator):
        rows = desk_reads.disputes(
            state=asked.state, code=code, evidence=evidence, search=asked.words, sort=sort, skip=asked.skip
        )
        contested = [] if asked.state == "ended" or asked.number else desk_reads.handovers(search=asked.words)
        counts = desk_reads.open_counts()
        codes = queries.reason_codes()
    rows, frame = asked.shown(rows)
    context = {
        **frame,
        "disputes": rows,
        "handovers": contested[:DESK_PAGE_ROWS],
        "counts": counts,
        "sorts": SORTS,
        "codes": [(each, coded(each)) for each in codes],
        "evidences": EVIDENCE,
        "filtered": bool(asked.words or code or evidence),
    }
    return render(request, "deals/desk_disputes.html", context)


@require_GET
@operator_page()
def dispute(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """One dispute: claim, response and evidence side by side, and the menu of its terms."""
    return _dispute(request, operator, public_id, kept_form(request, operator))


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def review(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Show what a decision would do, before it is taken. A GET brings back what was typed before a sign-in."""
    if request.method == "GET":
        return _dispute(request, operator, public_id, kept_form(request, operator))
    return _decide(request, operator, public_id, is_confirmed=False)


@require_POST
@operator_page(*DESK_WRITERS)
def decide(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Take the decision that the confirm page showed."""
    return _decide(request, operator, public_id, is_confirmed=True)


def _decide(request: HttpRequest, operator: OperatorPrincipal, public_id: str, *, is_confirmed: bool) -> HttpResponse:
    with looking(request, operator):
        found, held, facts = desk_reads.dispute(public_id)
        lines = desk_reads.lines(found, held)
    form = ResolveForm(request.POST, [[each["outcome"] for each in line["menu"]] for line in lines])
    if not form.is_valid():
        return _dispute(request, operator, public_id, form, 422)
    back = reverse("deals:desk_dispute", args=[public_id])
    if found.ended_at is not None:
        messages.error(request, _("This dispute has ended already; your decision was not taken."))
        return HttpResponseRedirect(back)
    try:
        with tenant_scope(held.tenant_id, operator.actor):
            # The refusals of the decision itself, so that nobody confirms what is then refused.
            check_judge(held, operator.user, form.cleaned_data["audit_reason"], form.cleaned_data["note"])
            if not is_confirmed:
                parted = preview(held, found, form.outcomes)
            else:
                ended = resolve(
                    held.public_id,
                    admin=operator.user,
                    outcomes=form.outcomes,
                    audit_reason=form.cleaned_data["audit_reason"],
                    note=form.cleaned_data["note"],
                    decided_by=operator.actor,
                )
    except Conflict as late:
        messages.error(request, str(late))
        return HttpResponseRedirect(back)
    except PilothouseError as refused:
        return _dispute(request, operator, public_id, form, refused_in(form, refused, "audit_reason"))
    if is_confirmed:
        words = {"amount": amount_text(ended.granted or 0, held.unit)}
        messages.success(request, _("Decided. %(amount)s goes to the buyer, the rest to the seller.") % words)
        return HttpResponseRedirect(back)
    context = {
        "dispute": found,
        "deal": held,
        "facts": facts,
        "form": form,
        "to_buyer": parted.to_buyer,
        "to_seller": parted.to_seller,
        "lines": [
            {"line": line["line"], "outcome": outcome, "granted": granted}
            for line, outcome, granted in zip(lines, form.outcomes, parted.lines, strict=True)
        ],
        "seller_in_all": held.to_seller + parted.to_seller,
    }
    return render(request, "deals/desk_confirm.html", context)


def _dispute(
    request: HttpRequest, operator: OperatorPrincipal, public_id: str, given: Any, status: int = 200
) -> HttpResponse:
    with looking(request, operator):
        found, held, facts = desk_reads.dispute(public_id)
        lines = desk_reads.lines(found, held)
        events = history(queries.timeline(held), held)
        due = running(held, facts, queries.armed_timer(held), found)
    form = given
    if not isinstance(given, ResolveForm):
        form = ResolveForm(given, [[each["outcome"] for each in line["menu"]] for line in lines])
    for number, line in enumerate(lines, 1):
        line["field"] = form[f"outcome_{number}"]
        line["chosen"] = form.data.get(f"outcome_{number}", "") if form.is_bound else ""
    context = {
        "dispute": found,
        "deal": held,
        "facts": facts,
        "lines": lines,
        "events": events,
        "due": due,
        "form": form,
        "money": money_of(held),
        "terms": terms_of(held),
        "is_party": operator.user in (held.buyer_id, held.seller_id, held.created_by_id),
        "may_act": may_act(operator) and found.ended_at is None,
        "may_tell": may_act(operator) and found.ended_at is not None,
        "copied": link(reverse("deals:desk_terms_one", args=[held.template]), version=str(held.terms_version)),
    }
    return render(request, "deals/desk_dispute.html", context, status=status)


@require_http_methods(["GET", "POST"])
@operator_page()
def handover(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """A contested handover: what each side filed, and the two decisions that there are; a POST shows its result."""
    if request.method == "GET":
        return _handover(request, operator, public_id, kept_form(request, operator))
    return _judge(request, operator, public_id, is_confirmed=False)


@require_POST
@operator_page(*DESK_WRITERS)
def handover_decide(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Take the decision about a handover."""
    return _judge(request, operator, public_id, is_confirmed=True)


def _judge(request: HttpRequest, operator: OperatorPrincipal, public_id: str, *, is_confirmed: bool) -> HttpResponse:
    if not may_act(operator):
        return render(request, "ui/errors/403.html", {"reason": _("Your role looks and does not act.")}, status=403)
    with looking(request, operator):
        held, facts = desk_reads.deal(public_id)
    form = HandoverForm(request.POST)
    if not form.is_valid():
        return _handover(request, operator, public_id, form, 422)
    back = reverse("deals:desk_handover", args=[public_id])
    given = form.cleaned_data
    try:
        with tenant_scope(held.tenant_id, operator.actor):
            check_judge(held, operator.user, given["audit_reason"], given["note"])
            if is_confirmed:
                decide_handover(
                    public_id,
                    admin=operator.user,
                    decision=given["decision"],
                    audit_reason=given["audit_reason"],
                    note=given["note"],
                    decided_by=operator.actor,
                )
    except Conflict as late:
        messages.error(request, str(late))
        return HttpResponseRedirect(back)
    except PilothouseError as refused:
        return _handover(request, operator, public_id, form, refused_in(form, refused, "audit_reason"))
    if is_confirmed:
        messages.success(request, _("Decided: %(words)s.") % {"words": str(DECISIONS[given["decision"]]).lower()})
        return HttpResponseRedirect(reverse("deals:desk_deal", args=[public_id]))
    context = {"deal": held, "facts": facts, "form": form, **_handover_amounts(held, given["decision"])}
    context["decision_words"] = DECISIONS[given["decision"]]
    return render(request, "deals/desk_handover_confirm.html", context)


def _handover_amounts(held: Deal, decision: str) -> dict[str, int]:
    """{to_buyer, to_seller} in minor units, at once."""
    if decision == HANDOVER_CONFIRMED:
        return {"to_buyer": 0, "to_seller": held.immediate if terms_of(held).pays_at_handover else 0}
    return {"to_buyer": held.in_escrow, "to_seller": 0}


def _handover(
    request: HttpRequest, operator: OperatorPrincipal, public_id: str, given: Any, status: int = 200
) -> HttpResponse:
    with looking(request, operator):
        held, facts = desk_reads.deal(public_id)
        filed = [row for row in desk_reads.evidence(held) if row["purpose"] == "handover"]
        events = history(queries.timeline(held), held)
        due = running(held, facts, queries.armed_timer(held), None)
    form = given if isinstance(given, HandoverForm) else HandoverForm(given)
    is_open = held.state == "FUNDED" and held.contested_at is not None
    context = {
        "deal": held,
        "facts": facts,
        "buyer": [row for row in filed if row["side"] == "buyer"],
        "seller": [row for row in filed if row["side"] == "seller"],
        "contest": CONTESTS.get(held.contest_reason or "", ""),
        "choices": [
            {"decision": decision, "words": words, **_handover_amounts(held, decision)}
            for decision, words in DECISIONS.items()
        ],
        "chosen": form.data.get("decision", "") if form.is_bound else "",
        "events": events,
        "due": due,
        "form": form,
        "money": money_of(held),
        "is_open": is_open,
        "is_party": operator.user in (held.buyer_id, held.seller_id, held.created_by_id),
        "may_act": may_act(operator) and is_open,
    }
    return render(request, "deals/desk_handover.html", context, status=status)
