"""Makes deals payable: what a deal waits for, how it takes its money, and who is paid on each side."""

from collections.abc import Sequence

from django.db.models import Q

from pilothouse.kernel.payments.ports import Expected, Payable, Waiting, register

from .commands import fund, lock_deal
from .mail_queue import tell_of_money
from .models import SIDES, Deal

KIND = "deal"
# Where a market's buyers pay to: {"holder", "bank", "number"}, set by an operator for the account.
ESCROW_ACCOUNT_FLAG = "deals.escrow_account"


def expected(public_id: str) -> Expected | None:
    """The whole price while the deal waits for it, with its row locked."""
    deal = lock_deal(public_id)
    return Expected(deal.price, deal.unit, deal.title) if deal.state == "AWAITING_FUNDS" else None


def funded(public_id: str, sources: Sequence[tuple[int, int]]) -> None:
    """The price lies in these accounts, with these amounts: hold it in escrow."""
    fund(lock_deal(public_id), sources)


def people(public_ids: Sequence[str]) -> dict[tuple[str, str], int]:
    """Who gets what leaves escrow on each side, by (deal, side)."""
    found = Deal.objects.filter(public_id__in=public_ids).only("public_id", "buyer_id", "seller_id")
    both = {(deal.public_id, side): deal.person(side) for deal in found for side in SIDES}
    return {key: person for key, person in both.items() if person is not None}


def waiting(unit: str, amount: int | None, words: str, limit: int) -> list[Waiting]:
    """Deals that wait for their price: those that the words name, then those of exactly that amount."""
    rows = Deal.objects.filter(state="AWAITING_FUNDS", unit=unit)
    ids = [word.strip(".,;:").lower() for word in words.split() if word.lower().startswith(f"{KIND}_")]
    named = Q(public_id__in=ids)
    if words.strip() and not ids:
        named |= Q(title__icontains=words.strip()) | Q(buyer__email__iexact=words.strip())
    wanted = named if amount is None and words.strip() else named | Q(price=amount) if amount is not None else Q()
    found = rows.filter(wanted).select_related("buyer").order_by("-id")[:limit]
    return [
        Waiting(KIND, deal.public_id, deal.price, deal.unit, deal.title, deal.buyer.email if deal.buyer else "")
        for deal in sorted(found, key=lambda deal: (deal.public_id not in ids, deal.price != amount))
    ]


def told(public_id: str, news: str, key: str, side: str, amount: int) -> None:
    """Mail a side what became of its payment or payout."""
    tell_of_money(public_id, news, key, side, {"amount": amount})


register(KIND, Payable(expected, funded, people, waiting, told))
