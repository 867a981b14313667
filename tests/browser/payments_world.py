"""Makes a market with money in every state in the database of the live house: `python payments_world.py`."""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "deals"))


def main() -> None:
    """One deal that waits for its money, what came in for it and for nothing, and payouts that are due."""
    from pilothouse.site.cli import setup

    setup()
    from deal_world import Market

    from pilothouse.kernel.base import clock
    from pilothouse.kernel.base.models import Tenant
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.payments import bank_accounts, incoming, outgoing
    from pilothouse.programs.deals import commands

    class House:
        def tenant(self, name: str) -> Any:
            with worker_scope("test"):
                return Tenant.objects.create(name=name, created_at=clock.now(), timezone="Asia/Ulaanbaatar")

    market = Market(House())
    deal = market.accepted(3_000_000_000)
    named_payment = ""
    with worker_scope("test"):
        for reference, amount, payer, note in (
            ("TRX-1", 3_000_000_000, "B. Batbayar", f"for {deal}"),
            ("TRX-2", 1_000_000_000, "D. Saruul", "first half"),
            ("TRX-3", 700_000_000, "Unknown sender of a long name LLC", "rent"),
        ):
            payment = incoming.record_payment(
                market.tenant.id, source="bank", reference=reference, amount=amount, unit="MNT", payer=payer, note=note
            )
            named_payment = named_payment or payment.public_id
    sold = market.handed_over(3_000_000_000)
    with market.scope("buyer"):
        commands.approve(sold, market.buyer)
    with market.scope("seller"):
        named = bank_accounts.name_account(
            market.seller, unit="MNT", holder="S. Seller", bank="Khan Bank", number="MN12 0005 00 1234567"
        )
        bank_accounts.confirm_account(market.seller, named.public_id, "4567")
    with worker_scope("payouts"):
        outgoing.open_payouts()
    print(json.dumps({"tenant": market.tenant.public_id, "deal": deal, "sold": sold, "payment": named_payment}))


if __name__ == "__main__":
    main()
