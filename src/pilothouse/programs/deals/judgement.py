"""What an operator decides about a contested handover: exactly one of two things, with a reason."""

from pilothouse.kernel.base.errors import Conflict, InvalidInput

from .commands import given_back, handed_over, lock_deal
from .disputes import check_judge
from .models import Deal
from .steps import advance

HANDOVER_CONFIRMED, NOT_HANDED_OVER = "HANDOVER_CONFIRMED", "NOT_HANDED_OVER"
DECISIONS = (HANDOVER_CONFIRMED, NOT_HANDED_OVER)


def decide_handover(
    public_id: str, *, admin: int, decision: str, audit_reason: str, note: str, decided_by: str
) -> Deal:
    """Confirm a contested handover, or give the buyer the price back. Raises AdminIsParty or AuditReasonMissing."""
    deal = lock_deal(public_id)
    check_judge(deal, admin, audit_reason, note)
    if deal.state != "FUNDED" or deal.contested_at is None:
        raise Conflict(reason="There is no contested handover to decide.")
    if decision not in DECISIONS:
        raise InvalidInput(reason=f"The decision is {' or '.join(DECISIONS)}.")
    data = {"audit_reason": audit_reason, "audit_note": note.strip(), "decided_by": decided_by}
    if decision == HANDOVER_CONFIRMED:
        advance([handed_over(deal, "admin", decision, data)])
    else:
        advance([given_back(deal, "cancel_funded", "admin", decision, data)])
    return Deal.objects.get(id=deal.id)
