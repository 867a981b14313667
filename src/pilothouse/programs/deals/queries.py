"""Reads of deals. All need an open scope; a party's reads name the person, and show nothing of other people's deals."""

from typing import Any

from pilothouse.kernel.base.limits import PAGE_SIZE_DEFAULT_ROWS
from pilothouse.kernel.base.sql import Row, Statements

from .agreements import standing
from .arithmetic import split
from .forecast import endings, forecast
from .lifecycle import DEAL, DISPUTE
from .limits import REASON_CODES_MAX_COUNT
from .models import Deal, Dispute
from .steps import terms_of

SQL = Statements(__file__)
DEAL_STATES = tuple(DEAL.states)


def deals(
    *,
    person: int | None = None,
    state: str | None = None,
    search: str | None = None,
    before: int | None = None,
    count: int = PAGE_SIZE_DEFAULT_ROWS,
) -> list[Row]:
    """A page of deals, newest first, each with its armed timer; only those of `person` when one is given."""
    return SQL.rows("list_deals", person=person, state=state, search=search, before=before, count=count)


def timeline(deal: Deal) -> list[Row]:
    """The events of a deal and of its dispute in one order: {id, at, actor, type, subject_kind, data}."""
    return SQL.rows("timeline", deal=deal.id)


def evidence_of(deal: Deal) -> list[Row]:
    """Every piece of evidence of a deal, oldest first."""
    return SQL.rows("evidence_of", deal=deal.id)


def armed_timer(deal: Deal) -> Row | None:
    """The running timer of a deal or of its dispute: {name, due_at, armed_at}."""
    return SQL.one("armed_timer", deal=deal.id)


def money_summary(deal: Deal) -> dict[str, Any]:
    """Where the money is, what comes next by itself, and what each ending would give. Amounts in minor units."""
    timer = armed_timer(deal)
    dispute = Dispute.objects.filter(deal=deal).first()
    running = forecast(deal, timer["name"], timer["due_at"], dispute) if timer else None
    immediate, holdback = split(deal.price, terms_of(deal).holdback_bps, terms_of(deal).currency.quantum)
    return {
        "unit": deal.unit,
        "price": deal.price,
        "immediate": immediate,
        "holdback": holdback,
        "funded": deal.funded,
        "in_escrow": deal.in_escrow,
        "to_seller": deal.to_seller,
        "to_buyer": deal.to_buyer,
        "returned": deal.returned,
        "timer": timer,
        "forecast": running,
        "endings": endings(deal, dispute),
    }


def actions(deal: Deal, side: str) -> list[str]:
    """What this side can do now: the names of the commands, in the order in which a page offers them."""
    buys, made_it = side == "buyer", side == deal.creator_side
    match deal.state:
        case "DRAFT" if made_it:
            return ["edit_draft", "offer", "withdraw"]
        case "OFFERED":
            return ["withdraw"] if made_it else ["accept", "withdraw"]
        case "AWAITING_FUNDS":
            return ["fund", "withdraw"] if buys else ["withdraw"]
        case "FUNDED" if deal.handover_filed_at is None:
            return ["correct_price", "cancel"] if buys else ["file_handover", "correct_price", "cancel"]
        case "FUNDED" if buys:
            return ["confirm_handover"] if deal.contested_at else ["confirm_handover", "contest_handover"]
        case "INSPECTION":
            undo = [] if terms_of(deal).pays_at_handover else ["cancel"]
            return ["approve", "raise_issue", *undo] if buys else undo
        case "HOLDBACK" if buys:
            return ["release_early", "raise_issue"]
        case "ISSUE":
            undo = ["return"] if deal.stage == "INSPECTION" and not terms_of(deal).pays_at_handover else []
            return ["add_evidence", "agree", *_answers(deal, buys), *undo]
    return []


def _answers(deal: Deal, buys: bool) -> list[str]:
    if buys:
        return ["withdraw_claim"]
    answered = Dispute.objects.filter(deal=deal, state="RESPONDED").exists()
    return ["accept_claim"] if answered else ["respond", "accept_claim"]


def waiting_signatures(deal: Deal) -> list[dict[str, Any]]:
    """Proposals that one side signed and the other did not yet: {kind, side, content, signed_at}."""
    return [
        {"kind": each.kind, "side": each.side, "content": each.content, "signed_at": each.signed_at}
        for each in standing(deal)
    ]


def open_dispute(deal: Deal) -> Dispute | None:
    """The dispute of a deal while it is open."""
    return Dispute.objects.filter(deal=deal, state__in=DISPUTE.open_states).first()


def reason_codes() -> list[str]:
    """The reason codes that claims were made with, for a filter."""
    return [row["code"] for row in SQL.rows("reason_codes", count=REASON_CODES_MAX_COUNT)]
