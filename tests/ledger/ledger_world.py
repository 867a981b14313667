"""Rows for the ledger's attacks: a batch's worth of money, posted as the video program posts it."""

import time
from dataclasses import dataclass, field

from pilothouse.kernel.base.scope import ops_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger import commands, sealing
from pilothouse.kernel.ledger.commands import Leg
from pilothouse.kernel.ledger.grants import grant_by_shell

COST = 10


@dataclass
class World:
    """One tenant with its four accounts, and items drawn from a counter of its own."""

    tenant: int
    wallet: int = 0
    held: int = 0
    earned: int = 0
    issued: int = 0
    items: list[int] = field(default_factory=list)

    @classmethod
    def open(cls, tenant: int, credits: int = 0) -> "World":
        """The accounts of `tenant`, with `credits` granted."""
        with worker_scope("test"):
            ids = commands.open_accounts(
                tenant, [(kind, "", "CREDIT") for kind in ("wallet", "held", "credits_earned", "credits_issued")]
            )
            world = cls(tenant, *ids)
        if credits:
            # In a person's name: what nobody asked for is bounded over all the accounts of a shared house.
            with ops_scope("cli:test"):
                grant_by_shell(tenant, credits, "pilot_grant", "start")
        return world

    def move(self, kind: str, items: list[int], key: str, ref: str = "bat_1", amount: int = COST) -> commands.Posted:
        """Post a `reserve`, `settle` or `refund` of items as one journal, in the open scope."""
        debit, credit = {
            "reserve": (self.wallet, self.held),
            "settle": (self.held, self.earned),
            "refund": (self.held, self.wallet),
        }[kind]
        return commands.post(
            self.tenant,
            key if key.startswith(f"{kind}:") else f"{kind}:{key}",
            kind,
            [Leg(debit, credit, amount, item) for item in items],
            request={"items": items, "amount": amount},
            ref_type="batch" if kind == "reserve" else "batch_item",
            ref_id=ref,
        )

    def batch(self, ref: str, first: int, total: int, good: int) -> None:
        """A whole batch: `total` items reserved, `good` settled, the rest refunded."""
        items = list(range(first, first + total))
        with worker_scope("test"):
            self.move("reserve", items, f"reserve:{ref}", ref)
            if good:
                self.move("settle", items[:good], f"settle:{ref}", ref)
            if good < total:
                self.move("refund", items[good:], f"refund:{ref}", ref)


def balances(tenant: int) -> dict[str, int]:
    """Balance by account kind, folded from the transfers alone."""
    with worker_scope("test"):
        rows = run(
            "SELECT a.kind, sum(coalesce((SELECT sum(amount) FROM transfer WHERE credit = a.id), 0)"
            " - coalesce((SELECT sum(amount) FROM transfer WHERE debit = a.id), 0)) AS balance"
            " FROM account a WHERE a.tenant = %s GROUP BY a.kind",
            [tenant],
        )
    return {row["kind"]: int(row["balance"]) for row in rows}


def wait_for_horizon() -> None:
    """Wait until every committed row may be sealed: another test's open transaction on the server holds that up."""
    for _ in range(600):
        with worker_scope("test"):
            (row,) = run(
                "SELECT greatest((SELECT max(tx) FROM journal), (SELECT max(tx) FROM event), 0) <"
                " (SELECT base.tx_horizon()) AS passed"
            )
        if row["passed"]:
            return
        time.sleep(0.05)
    raise AssertionError("a transaction on this server has been open for half a minute")


def seal_all() -> list[dict]:
    """Seal everything that is committed."""
    wait_for_horizon()
    return sealing.seal()
