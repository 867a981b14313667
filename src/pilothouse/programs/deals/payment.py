"""Makes deals payable: what a deal waits for, how it takes its money, and who is paid on each side."""

from pilothouse.kernel.payments.ports import Expected, Payable, register

from .commands import fund, lock_deal
from .models import Deal

KIND = "deal"


def expected(public_id: str) -> Expected | None:
    """The whole price while the deal waits for it, with its row locked."""
    deal = lock_deal(public_id)
    return Expected(deal.price, deal.unit, deal.title) if deal.state == "AWAITING_FUNDS" else None


def funded(public_id: str, account: int) -> None:
    """The price lies in `account`: hold it in escrow."""
    fund(lock_deal(public_id), account)


def person(public_id: str, side: str) -> int | None:
    """Who gets what leaves escrow on this side."""
    deal = Deal.objects.filter(public_id=public_id).first()
    return None if deal is None else deal.person(side)


register(KIND, Payable(expected, funded, person))
