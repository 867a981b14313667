"""What happens when a deal's time is over. Each handler moves a whole set in one statement.

The deals are locked in id order first; one that a person has moved on is left alone, because its state is no longer
that in which its timer was armed.
"""

from collections.abc import Callable, Sequence

from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.lifecycle.timers import on_timer
from pilothouse.kernel.watch.commands import open_incident

from .commands import approved, given_back, handed_over, missing_handover_evidence
from .disputes import expire
from .judgement import HANDOVER_CONFIRMED, NOT_HANDED_OVER
from .models import Deal, Dispute
from .steps import Step, advance


def _locked(fired: Sequence[Row], state: str) -> list[Deal]:
    ids = [row["subject_id"] for row in fired]
    return list(Deal.objects.select_for_update().filter(id__in=ids, state=state).order_by("id"))


def _moves(name: str, state: str, step: Callable[[Deal], Step]) -> None:
    @on_timer("deal", name)
    def handler(fired: list[Row]) -> None:
        advance([step(deal) for deal in _locked(fired, state)])


def _expired(event: str, reason: str) -> Callable[[Deal], Step]:
    return lambda deal: Step(deal, event, "timer", reason, changes={"invitation_hash": None})


def _reviewed(deal: Deal) -> Step:
    """Nobody decided in time: what the evidence says."""
    if missing_handover_evidence(deal):
        return given_back(deal, "cancel_funded", "timer", NOT_HANDED_OVER)
    return handed_over(deal, "timer", HANDOVER_CONFIRMED)


_moves("draft", "DRAFT", _expired("expire_draft", "draft_expired"))
_moves("offer", "OFFERED", _expired("expire_offer", "offer_expired"))
_moves("funding", "AWAITING_FUNDS", _expired("expire_funding", "funding_expired"))
_moves("handover", "FUNDED", lambda deal: given_back(deal, "cancel_funded", "timer", "no_handover"))
_moves("handover_confirm", "FUNDED", lambda deal: handed_over(deal, "timer", "handover_deemed"))
_moves("handover_review", "FUNDED", _reviewed)
_moves("auto_approve", "INSPECTION", lambda deal: approved(deal, "timer", "AUTO_APPROVE"))
_moves(
    "holdback_release",
    "HOLDBACK",
    lambda deal: Step(deal, "release_holdback", "timer", "HOLDBACK_RELEASE", to_seller=deal.in_escrow),
)


@on_timer("dispute", "dispute_ttl")
def dispute_ttl(fired: list[Row]) -> None:
    """End each dispute by its terms' default, and tell an operator that nobody decided it in time."""
    ids = [row["subject_id"] for row in fired]
    deals = Dispute.objects.filter(id__in=ids).values("deal_id")
    # Deals before disputes, as every command locks them.
    list(Deal.objects.select_for_update().filter(id__in=deals).order_by("id"))
    open_ones = Dispute.objects.select_for_update(of=("self",)).select_related("deal")
    disputes = list(open_ones.filter(id__in=ids, state__in=["OPEN", "RESPONDED"]).order_by("id"))
    expire(disputes)
    for dispute in disputes:
        open_incident(
            "dispute_expired",
            f"Dispute {dispute.public_id} of deal {dispute.deal.public_id} ended undecided.",
            tenant=dispute.tenant_id,
            program="deals",
            subject=dispute.public_id,
        )
