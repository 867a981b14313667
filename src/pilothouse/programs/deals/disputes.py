"""Verbs on disputes: a claim, the answer to it, and each of the ways in which it ends.

A dispute ends once and takes its deal with it: the granted lines, the deal's last money and both timelines are written
in the same transaction. Outcomes come from the pinned terms, amounts from `arithmetic`; nobody types one, except the
two sides who sign the same.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import Conflict, InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.commands import apply, arm, cancel

from . import arithmetic, limits
from .arithmetic import OFFSET_AS_AGREED, OFFSET_AS_CLAIMED, OFFSET_SPLIT, RELEASE_TO_SELLER, Line, Settlement
from .commands import access_deal, check_amount, given_back, lock_deal
from .errors import (
    AdminIsParty,
    AuditReasonMissing,
    ClaimRefused,
    EvidenceMissing,
    InspectionOver,
    NoHoldback,
    NotYourSide,
    OutcomeRefused,
)
from .evidence import Piece, attach
from .lifecycle import AUDIT_REASONS, DISPUTE
from .mail_queue import remind, tell
from .models import ClaimLine, Deal, Dispute
from .steps import Step, advance, terms_of, timer_seconds
from .terms_checks import BY_EVIDENCE

SQL = Statements(__file__)
CLAIM_TIMERS = {"INSPECTION": "auto_approve", "HOLDBACK": "holdback_release"}


@dataclass(frozen=True, slots=True)
class Claim:
    """One line as the buyer writes it. `evidence` are public ids of files that were uploaded for this deal."""

    code: str
    amount: int
    note: str
    evidence: Sequence[tuple[str, str]] = ()


def raise_issue(public_id: str, person: int, claims: Sequence[Claim]) -> Dispute:
    """Open the dispute of a deal, before its running window is over. What is in escrow stays there.

    The due instant decides, by the database's clock: a claim that is accepted at or before it counts, whatever the
    timer does later. Raises InspectionOver, NoHoldback, ClaimRefused or EvidenceMissing; nothing is opened then.
    """
    deal, side = access_deal(public_id, person, lock=True)
    if side != "buyer":
        raise NotYourSide(side="buyer")
    if deal.holdback == 0:
        raise NoHoldback()
    _check_claims(deal, claims)
    window = SQL.one("claim_window", deal=deal.id, name=CLAIM_TIMERS.get(deal.state, ""))
    if deal.state in CLAIM_TIMERS and (window is None or window["is_over"]):
        raise InspectionOver(due_at=window["due_at"].isoformat() if window else "an earlier instant")
    codes = {"codes": [claim.code for claim in claims]}
    moved = advance([Step(deal, "raise_issue", side, changes={"stage": deal.state}, data=codes)])
    assert moved == [deal.id]
    seconds = timer_seconds(deal, "dispute_ttl")
    now = clock.business_now()
    dispute = Dispute.objects.create(
        tenant_id=deal.tenant_id, public_id=new_id("dis"), deal=deal, opened_at=now,
        due_at=now + timedelta(seconds=seconds),
    )  # fmt: skip
    arm("dispute", "dispute_ttl", [(deal.tenant_id, dispute.id)], seconds)
    remind("dispute", [deal.id])
    lines = ClaimLine.objects.bulk_create(
        ClaimLine(
            tenant_id=deal.tenant_id,
            dispute=dispute,
            position=position,
            code=claim.code,
            claimed=claim.amount,
            note=claim.note.strip(),
        )
        for position, claim in enumerate(claims, 1)
    )
    pieces = [Piece(*given, line) for line, claim in zip(lines, claims, strict=True) for given in claim.evidence]
    attach(deal, person, side, "claim", pieces)
    return dispute


def _check_claims(deal: Deal, claims: Sequence[Claim]) -> None:
    terms = terms_of(deal)
    if not 0 < len(claims) <= limits.CLAIM_LINES_MAX_COUNT:
        raise ClaimRefused(reason=_("A claim has 1 to %(count)s lines.") % {"count": limits.CLAIM_LINES_MAX_COUNT})
    for claim in claims:
        if claim.code not in terms.caps_bps:
            known = ", ".join(terms.caps_bps)
            raise ClaimRefused(
                reason=_("The terms of this deal know %(known)s, not %(code)s.") % {"known": known, "code": claim.code}
            )
        check_amount(terms, claim.amount, deal.price)
        if not claim.note.strip() or "\x00" in claim.note or len(claim.note) > limits.NOTE_MAX_CHARACTERS:
            raise ClaimRefused(reason="Say what is wrong, in a few words.")
    if not any(claim.evidence for claim in claims):
        raise EvidenceMissing(missing="at least one photo or document of what is wrong")


def respond(public_id: str, person: int, *, response: str, note: str, counters: Sequence[int] = ()) -> Dispute:
    """The seller contests, or offers another amount for each line."""
    deal, dispute = _open(public_id, person, "seller")
    lines = _lines(dispute)
    if response not in ("contest", "counter"):
        raise InvalidInput(reason="A response is contest or counter; to accept the claim, accept it.")
    if response == "counter":
        if len(counters) != len(lines):
            raise InvalidInput(reason=_("Offer one amount for each of the %(count)s lines.") % {"count": len(lines)})
        terms = terms_of(deal)
        for line, amount in zip(lines, counters, strict=True):
            if amount:
                check_amount(terms, amount, line.claimed)
            line.counter = amount
        ClaimLine.objects.bulk_update(lines, ["counter"])
    if not note.strip() or len(note) > limits.NOTE_MAX_CHARACTERS:
        raise InvalidInput(reason="Say in a few words what you answer.")
    changes = {"response": response, "response_note": note.strip(), "responded_at": clock.business_now()}
    apply(DISPUTE, "respond", [dispute.id], role="seller", reason=response, changes=changes)
    tell("dispute", [deal.id])
    return Dispute.objects.get(id=dispute.id)


def accept_claim(public_id: str, person: int) -> Dispute:
    """The seller grants what was claimed, up to the caps."""
    deal, dispute = _open(public_id, person, "seller")
    outcomes = [(OFFSET_AS_CLAIMED, None)] * len(_lines(dispute))
    return _end(deal, dispute, outcomes, event="accept_claim", role="seller", reason=OFFSET_AS_CLAIMED)


def withdraw_claim(public_id: str, person: int) -> Dispute:
    """The buyer takes the claim back; the deal settles without it."""
    deal, dispute = _open(public_id, person, "buyer")
    outcomes = [(RELEASE_TO_SELLER, None)] * len(_lines(dispute))
    return _end(deal, dispute, outcomes, event="withdraw", role="buyer", reason="withdrawn")


def check_agreed(deal: Deal, amounts: Any) -> list[int]:
    """Amounts that both sides may sign: one for each line, none above its claim or what its code's cap leaves."""
    dispute = _of(deal)
    lines = _lines(dispute)
    if dispute.state not in ("OPEN", "RESPONDED"):
        raise Conflict(reason="The dispute has ended.")
    if not isinstance(amounts, list) or len(amounts) != len(lines) or any(type(each) is not int for each in amounts):
        raise InvalidInput(reason=_("Give one amount for each of the %(count)s lines.") % {"count": len(lines)})
    terms = terms_of(deal)
    for line, amount in zip(lines, amounts, strict=True):
        if amount:
            check_amount(terms, amount, line.claimed)
    wanted = [Line(x.code, x.claimed, OFFSET_AS_AGREED, each) for x, each in zip(lines, amounts, strict=True)]
    if list(_settlement(deal, wanted).lines) != amounts:
        raise InvalidInput(
            reason="These amounts are above what the terms allow for their reasons, or above the holdback."
        )
    return amounts


def agree_amounts(deal: Deal, side: str, amounts: Sequence[int]) -> None:
    """Both signed the same amounts (`agreements.sign` calls this)."""
    outcomes = [(OFFSET_AS_AGREED, amount) for amount in amounts]
    _end(deal, _of(deal), outcomes, event="agree", role=side, reason=OFFSET_AS_AGREED)


def end_by_return(deal: Deal, side: str) -> None:
    """Both signed that the item went back: the buyer gets the whole price, and no line is judged."""
    dispute = _of(deal)
    changes = {"ended_at": clock.business_now(), "ended_by": "mutual_return", "granted": 0}
    apply(DISPUTE, "mutual_return", [dispute.id], role=side, reason="mutual_return", changes=changes)
    cancel("dispute", [dispute.id])
    advance([given_back(deal, "cancel_in_issue", side, "mutual_return")])


def choices(deal: Deal, dispute: Dispute) -> list[list[tuple[str, int]]]:
    """The menu: for each line the outcomes that its terms allow, with what each gives the buyer on its own."""
    terms = terms_of(deal)
    quantum = terms.currency.quantum
    found = []
    for line in _lines(dispute):
        ceiling = arithmetic.cap(deal.price, terms.caps_bps[line.code], quantum)
        found.append(
            [
                (outcome, arithmetic.offset(Line(line.code, line.claimed, outcome), ceiling, ceiling, quantum))
                for outcome in terms.outcomes(line.code)
            ]
        )
    return found


def preview(deal: Deal, dispute: Dispute, outcomes: Sequence[str]) -> Settlement:
    """What both sides would get by these outcomes, one for each line. Raises OutcomeRefused."""
    return _settlement(deal, _judged(deal, dispute, outcomes))


def resolve(
    public_id: str, *, admin: int, outcomes: Sequence[str], audit_reason: str, note: str, decided_by: str
) -> Dispute:
    """An operator decides, by outcomes of the pinned terms and nothing else."""
    deal = lock_deal(public_id)
    dispute = _of(deal)
    check_judge(deal, admin, audit_reason, note)
    judged = [(line.outcome, None) for line in _judged(deal, dispute, outcomes)]
    audit = {"audit_reason": audit_reason, "audit_note": note.strip(), "decided_by": decided_by}
    return _end(deal, dispute, judged, event="resolve", role="admin", reason=audit_reason, audit=audit)


def check_judge(deal: Deal, admin: int, audit_reason: str, note: str) -> None:
    """Who judges is no party, and says why."""
    if admin in (deal.buyer_id, deal.seller_id, deal.created_by_id):
        raise AdminIsParty()
    if (
        audit_reason not in AUDIT_REASONS
        or not limits.NOTE_MIN_CHARACTERS <= len(note.strip()) <= limits.NOTE_MAX_CHARACTERS
    ):
        raise AuditReasonMissing(minimum=limits.NOTE_MIN_CHARACTERS)


def expire(ids: Sequence[int]) -> list[Dispute]:
    """The time of a set is over: each line ends by the table of its terms, by the evidence that was filed.

    The rows of these disputes and of their deals are locked. Returns those that ended, with their deals; one that
    somebody ended first is left alone.
    """
    disputes = list(Dispute.objects.filter(id__in=ids, state__in=DISPUTE.open_states).order_by("id"))
    deals = Deal.objects.in_bulk([dispute.deal_id for dispute in disputes])
    lines: dict[int, list[ClaimLine]] = {dispute.id: [] for dispute in disputes}
    for line in ClaimLine.objects.filter(dispute_id__in=lines).order_by("dispute_id", "position"):
        lines[line.dispute_id].append(line)
    filed = _filed(lines)
    endings = []
    for dispute in disputes:
        dispute.deal = deals[dispute.deal_id]
        outcomes = [(_by_default(dispute.deal, line, filed), None) for line in lines[dispute.id]]
        endings.append(Ending(dispute.deal, dispute, lines[dispute.id], outcomes))
    _end_set(endings, "expire", "timer", "DISPUTE_TTL_EXPIRED")
    return disputes


def default_outcomes(deal: Deal, dispute: Dispute) -> list[str]:
    """How each line would end if nobody decided."""
    filed = _filed([dispute.id])
    return [_by_default(deal, line, filed) for line in _lines(dispute)]


def _filed(disputes: Iterable[int]) -> dict[int, Row]:
    """What each side filed for each line of these disputes, by the line's id."""
    return {row["line"]: row for row in SQL.rows("line_evidence", disputes=list(disputes))}


def settlement_of(deal: Deal, dispute: Dispute, outcomes: Sequence[str]) -> Settlement:
    """What these outcomes, one for each line, give to both sides; they need not be on the menu."""
    lines = _lines(dispute)
    return _settlement(deal, [Line(x.code, x.claimed, outcome) for x, outcome in zip(lines, outcomes, strict=True)])


def _by_default(deal: Deal, line: ClaimLine, filed: Mapping[int, Row]) -> str:
    terms = terms_of(deal)
    fixed = terms.body["disputeExpiryOutcome"]
    if fixed != BY_EVIDENCE:
        return str(fixed)
    given = filed[line.id]
    if not set(terms.evidence(line.code)) <= set(given["buyer_types"] or ()):
        return RELEASE_TO_SELLER
    return OFFSET_SPLIT if given["seller_types"] else OFFSET_AS_CLAIMED


def _judged(deal: Deal, dispute: Dispute, outcomes: Sequence[str]) -> list[Line]:
    terms = terms_of(deal)
    lines = _lines(dispute)
    if len(outcomes) != len(lines):
        raise InvalidInput(reason=_("Choose one outcome for each of the %(count)s lines.") % {"count": len(lines)})
    for line, outcome in zip(lines, outcomes, strict=True):
        allowed = terms.outcomes(line.code)
        if outcome not in allowed:
            raise OutcomeRefused(outcome=outcome, code=line.code, allowed=", ".join(allowed))
    return [Line(line.code, line.claimed, outcome) for line, outcome in zip(lines, outcomes, strict=True)]


def _settlement(deal: Deal, lines: Sequence[Line]) -> Settlement:
    terms = terms_of(deal)
    return arithmetic.settle(
        deal.price, terms.holdback_bps, terms.caps_bps, terms.currency.quantum, lines, deal.to_seller
    )


@dataclass(frozen=True, slots=True)
class Ending:
    """How one dispute ends: for each of its lines the outcome, with the amount where both sides signed one."""

    deal: Deal
    dispute: Dispute
    lines: Sequence[ClaimLine]
    outcomes: Sequence[tuple[str, int | None]]

    def settlement(self) -> Settlement:
        """What each line grants, and what that leaves to each side."""
        judged = [
            Line(line.code, line.claimed, outcome, agreed)
            for line, (outcome, agreed) in zip(self.lines, self.outcomes, strict=True)
        ]
        return _settlement(self.deal, judged)


def _end(
    deal: Deal,
    dispute: Dispute,
    outcomes: Sequence[tuple[str, int | None]],
    *,
    event: str,
    role: str,
    reason: str,
    audit: Mapping[str, str] | None = None,
) -> Dispute:
    _end_set([Ending(deal, dispute, _lines(dispute), outcomes)], event, role, reason, audit)
    return Dispute.objects.get(id=dispute.id)


def _end_set(
    endings: Sequence[Ending], event: str, role: str, reason: str, audit: Mapping[str, str] | None = None
) -> None:
    """End disputes whose rows and deals are locked, in one statement, and their deals in another."""
    moves = [DISPUTE.judge(event, ending.dispute.state, role, reason) for ending in endings]
    parted = [ending.settlement() for ending in endings]
    told = [
        {"to_buyer": each.to_buyer, "to_seller": each.to_seller, "unit": ending.deal.unit}
        for ending, each in zip(endings, parted, strict=True)
    ]
    SQL.rows(
        "end_disputes",
        ids=[ending.dispute.id for ending in endings],
        olds=[ending.dispute.state for ending in endings],
        news=[move.to for move in moves],
        granted=[each.to_buyer for each in parted],
        data=[json.dumps(each) for each in told],
        lines=[line.id for ending in endings for line in ending.lines],
        outcomes=[outcome for ending in endings for outcome, _ in ending.outcomes],
        line_granted=[granted for each in parted for granted in each.lines],
        event=event,
        reason=reason,
        actor=current_scope().actor,
        **{"audit_reason": None, "audit_note": "", "decided_by": "", **(audit or {})},
    )
    advance(
        [
            Step(
                ending.deal,
                "settle_issue",
                "system",
                to_buyer=each.to_buyer,
                to_seller=each.to_seller,
                changes={"ended_by": reason},
                data={"dispute": ending.dispute.public_id, "reason": reason},
            )
            for ending, each in zip(endings, parted, strict=True)
        ]
    )


def _open(public_id: str, person: int, wanted: str) -> tuple[Deal, Dispute]:
    deal, side = access_deal(public_id, person, lock=True)
    if side != wanted:
        raise NotYourSide(side=wanted)
    return deal, _of(deal)


def _of(deal: Deal) -> Dispute:
    dispute = Dispute.objects.select_for_update().filter(deal=deal).first()
    if dispute is None:
        raise NotFound(what="dispute")
    return dispute


def _lines(dispute: Dispute) -> list[ClaimLine]:
    return list(ClaimLine.objects.filter(dispute=dispute).order_by("position"))
