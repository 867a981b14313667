"""Verbs on disputes: a claim, the answer to it, and each of the ways in which it ends.

A dispute ends once and takes its deal with it: the granted lines, the deal's last money and both timelines are written
in the same transaction. Outcomes come from the pinned terms, amounts from `arithmetic`; nobody types one, except the
two sides who sign the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from pilothouse.kernel.base.errors import Conflict, InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.sql import Statements
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
from .evidence import attach
from .lifecycle import AUDIT_REASONS, DISPUTE
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
    moved = advance([Step(deal, "raise_issue", side, changes={"stage": deal.state})])
    assert moved == [deal.id]
    seconds = timer_seconds(deal, "dispute_ttl")
    now = SQL.one("dispute_window", seconds=seconds)
    assert now is not None
    dispute = Dispute.objects.create(
        tenant_id=deal.tenant_id, public_id=new_id("dis"), deal=deal, opened_at=now["now"], due_at=now["due_at"]
    )
    arm("dispute", "dispute_ttl", [(deal.tenant_id, dispute.id)], seconds)
    for position, claim in enumerate(claims, 1):
        line = ClaimLine.objects.create(
            tenant_id=deal.tenant_id,
            dispute=dispute,
            position=position,
            code=claim.code,
            claimed=claim.amount,
            note=claim.note.strip(),
        )
        for kind, file in claim.evidence:
            attach(deal, person, side, "claim", kind, file, line=line)
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
        for line, amount in zip(lines, counters, strict=True):
            if amount:
                check_amount(terms_of(deal), amount, line.claimed)
            ClaimLine.objects.filter(id=line.id).update(counter=amount)
    if not note.strip() or len(note) > limits.NOTE_MAX_CHARACTERS:
        raise InvalidInput(reason="Say in a few words what you answer.")
    now = SQL.one("business_now")
    assert now is not None
    changes = {"response": response, "response_note": note.strip(), "responded_at": now["now"]}
    apply(DISPUTE, "respond", [dispute.id], role="seller", reason=response, changes=changes)
    return Dispute.objects.get(id=dispute.id)


def accept_claim(public_id: str, person: int) -> Dispute:
    """The seller grants what was claimed, up to the caps."""
    deal, dispute = _open(public_id, person, "seller")
    outcomes = [(OFFSET_AS_CLAIMED, None)] * len(_lines(dispute))
    return _end(deal, dispute, "accept_claim", "seller", OFFSET_AS_CLAIMED, outcomes)


def withdraw_claim(public_id: str, person: int) -> Dispute:
    """The buyer takes the claim back; the deal settles without it."""
    deal, dispute = _open(public_id, person, "buyer")
    outcomes = [(RELEASE_TO_SELLER, None)] * len(_lines(dispute))
    return _end(deal, dispute, "withdraw", "buyer", "withdrawn", outcomes)


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
    _end(deal, _of(deal), "agree", side, OFFSET_AS_AGREED, [(OFFSET_AS_AGREED, amount) for amount in amounts])


def end_by_return(deal: Deal, side: str) -> None:
    """Both signed that the item went back: the buyer gets the whole price, and no line is judged."""
    dispute = _of(deal)
    changes = _ended("mutual_return", 0)
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
    return _end(deal, dispute, "resolve", "admin", audit_reason, judged, audit)


def check_judge(deal: Deal, admin: int, audit_reason: str, note: str) -> None:
    """Who judges is no party, and says why."""
    if admin in (deal.buyer_id, deal.seller_id, deal.created_by_id):
        raise AdminIsParty()
    if (
        audit_reason not in AUDIT_REASONS
        or not limits.NOTE_MIN_CHARACTERS <= len(note.strip()) <= limits.NOTE_MAX_CHARACTERS
    ):
        raise AuditReasonMissing(minimum=limits.NOTE_MIN_CHARACTERS)


def expire(disputes: Sequence[Dispute]) -> None:
    """The time is over: each line ends by the table of its terms, by the evidence that was filed."""
    for dispute in disputes:
        deal = lock_deal(dispute.deal.public_id)
        outcomes = [(outcome, None) for outcome in default_outcomes(deal, dispute)]
        _end(deal, dispute, "expire", "timer", "DISPUTE_TTL_EXPIRED", outcomes)


def default_outcomes(deal: Deal, dispute: Dispute) -> list[str]:
    """How each line would end if nobody decided."""
    filed = {row["line"]: row for row in SQL.rows("line_evidence", disputes=[dispute.id])}
    return [_by_default(deal, line, filed.get(line.id, {})) for line in _lines(dispute)]


def settlement_of(deal: Deal, dispute: Dispute, outcomes: Sequence[str]) -> Settlement:
    """What these outcomes, one for each line, give to both sides; they need not be on the menu."""
    lines = _lines(dispute)
    return _settlement(deal, [Line(x.code, x.claimed, outcome) for x, outcome in zip(lines, outcomes, strict=True)])


def _by_default(deal: Deal, line: ClaimLine, filed: Mapping[str, Any]) -> str:
    terms = terms_of(deal)
    fixed = terms.body["disputeExpiryOutcome"]
    if fixed != BY_EVIDENCE:
        return str(fixed)
    if not set(terms.evidence(line.code)) <= set(filed.get("buyer_types") or ()):
        return RELEASE_TO_SELLER
    return OFFSET_SPLIT if filed.get("seller_types") else OFFSET_AS_CLAIMED


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


def _end(
    deal: Deal,
    dispute: Dispute,
    event: str,
    role: str,
    reason: str,
    outcomes: Sequence[tuple[str, int | None]],
    changes: Mapping[str, Any] | None = None,
) -> Dispute:
    lines = _lines(dispute)
    judged = [
        Line(line.code, line.claimed, outcome, agreed)
        for line, (outcome, agreed) in zip(lines, outcomes, strict=True)
    ]  # fmt: skip
    parted = _settlement(deal, judged)
    data = {"to_buyer": parted.to_buyer, "to_seller": parted.to_seller, "unit": deal.unit}
    ended = {**_ended(reason, parted.to_buyer), **(changes or {})}
    apply(DISPUTE, event, [dispute.id], role=role, reason=reason, changes=ended, data=data)
    cancel("dispute", [dispute.id])
    for line, judged_line, granted in zip(lines, judged, parted.lines, strict=True):
        ClaimLine.objects.filter(id=line.id).update(outcome=judged_line.outcome, granted=granted)
    advance(
        [
            Step(
                deal,
                "settle_issue",
                "system",
                to_buyer=parted.to_buyer,
                to_seller=parted.to_seller,
                changes={"ended_by": reason},
                data={"dispute": dispute.public_id, "reason": reason},
            )
        ]
    )
    return Dispute.objects.get(id=dispute.id)


def _ended(reason: str, granted: int) -> dict[str, Any]:
    now = SQL.one("business_now")
    assert now is not None
    return {"ended_at": now["now"], "ended_by": reason, "granted": granted}


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
