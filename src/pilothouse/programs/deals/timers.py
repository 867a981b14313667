"""What happens when a deal's time is over. Each handler moves a whole set in one statement.

The deals are locked in id order before their timers are marked; one that a person has moved on is left alone, because
its state is no longer that in which its timer was armed.
"""

from collections.abc import Callable, Sequence

from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.timers import on_timer
from pilothouse.kernel.watch.commands import Sighting, open_incidents

from .commands import PROGRAM_NAME, approved, given_back, handed_over, missing_handover_evidence
from .disputes import expire
from .judgement import HANDOVER_CONFIRMED, NOT_HANDED_OVER
from .models import Deal
from .steps import Step, advance

SQL = Statements(__file__)
# What a step reads of a deal: a set of thousands is not read with its texts and stamps.
NEEDED = ("state", "terms_hash", "immediate", "holdback", "in_escrow")


def lock_subjects(timers: Sequence[Row]) -> None:
    """Lock the deals of timers, their own or their disputes', in one order, and then the disputes."""
    deals = [row["subject_id"] for row in timers if row["subject_kind"] == "deal"]
    disputes = [row["subject_id"] for row in timers if row["subject_kind"] == "dispute"]
    SQL.rows("lock_deals", deals=deals, disputes=disputes)
    if disputes:
        SQL.rows("lock_disputes", disputes=disputes)


def _still(fired: Sequence[Row], state: str) -> list[Deal]:
    ids = [row["subject_id"] for row in fired]
    return list(Deal.objects.filter(id__in=ids, state=state).order_by("id").only(*NEEDED))


def _moves(name: str, state: str, step: Callable[[Deal], Step]) -> None:
    @on_timer("deal", name, lock_subjects)
    def handler(fired: list[Row]) -> None:
        advance([step(deal) for deal in _still(fired, state)])


def _expired(event: str, reason: str) -> Callable[[Deal], Step]:
    return lambda deal: Step(deal, event, "timer", reason, changes={"invitation_hash": None})


_moves("draft", "DRAFT", _expired("expire_draft", "draft_expired"))
_moves("offer", "OFFERED", _expired("expire_offer", "offer_expired"))
_moves("funding", "AWAITING_FUNDS", _expired("expire_funding", "funding_expired"))
_moves("handover", "FUNDED", lambda deal: given_back(deal, "cancel_funded", "timer", "no_handover"))
_moves("handover_confirm", "FUNDED", lambda deal: handed_over(deal, "timer", "handover_deemed"))
_moves("auto_approve", "INSPECTION", lambda deal: approved(deal, "timer", "AUTO_APPROVE"))
_moves(
    "holdback_release",
    "HOLDBACK",
    lambda deal: Step(deal, "release_holdback", "timer", "HOLDBACK_RELEASE", to_seller=deal.in_escrow),
)


@on_timer("deal", "handover_review", lock_subjects)
def handover_review(fired: list[Row]) -> None:
    """Nobody decided in time: what the evidence says."""
    deals = _still(fired, "FUNDED")
    missing = missing_handover_evidence(deals)
    advance(
        [
            given_back(deal, "cancel_funded", "timer", NOT_HANDED_OVER)
            if missing[deal.id]
            else handed_over(deal, "timer", HANDOVER_CONFIRMED)
            for deal in deals
        ]
    )


@on_timer("dispute", "dispute_ttl", lock_subjects)
def dispute_ttl(fired: list[Row]) -> None:
    """End each dispute by its terms' default, and tell an operator that nobody decided it in time."""
    open_incidents(
        "dispute_expired",
        [
            Sighting(
                f"Dispute {dispute.public_id} of deal {dispute.deal.public_id} ended undecided.",
                program=PROGRAM_NAME,
                tenant=dispute.tenant_id,
                subject=dispute.public_id,
            )
            for dispute in expire([row["subject_id"] for row in fired])
        ],
    )
