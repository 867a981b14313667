"""Who lives in a rehearsal of a deals pilot: buyers and sellers who stall, change their minds and claim, a bank that
refuses, and operators who are sometimes late.

Each deal draws what its people do from its own stream, so that the same people meet other terms in a what-if.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from pilothouse.kernel.base.rehearsal import Post, PumpWork, Refused, Script, Stage, Work
from pilothouse.kernel.base.scope import Scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.payments import outgoing
from pilothouse.kernel.payments.models import Payout

# Importing the handlers registers what timers and payments do with a deal.
from . import agreements, commands, disputes, evidence, payment, timers  # noqa: F401
from .demo_market import MARKET_NAME, MN, OPERATORS, Market, Trade, hours
from .demo_script import COMPLETE, DEFECT, INCOMPLETE
from .lifecycle import DEAL, DISPUTE
from .mails import send_due_mails
from .population_limits import (
    BANK_REFUSES_RATIO,
    CLAIM_RATIO,
    COMPLETE_CLAIM_RATIO,
    CONTEST_RATIO,
    DEALS_COUNT,
    NEVER_ACCEPTS_RATIO,
    NEVER_HANDS_OVER_RATIO,
    NEVER_PAYS_RATIO,
    OFFERS_UNTIL_RATIO,
    OPERATOR_STALLS_RATIO,
    PRICE_MAX_UNITS,
    PRICE_MIN_UNITS,
    RELEASE_EARLY_RATIO,
    SILENT_BUYER_RATIO,
    SILENT_HANDOVER_RATIO,
    TRESPASS_RATIO,
)  # fmt: skip
from .publishing import changed, next_version, publish_version
from .terms_checks import KIND

SQL = Statements(__file__)
MINOR = 100
# By which events of which roles a deal and its dispute may move: {(kind, event): roles}.
WHO = {
    (table.name, event): frozenset(role for move in moves for role in move.who)
    for table in (DEAL, DISPUTE)
    for event, moves in table.events.items()
    # What the system does as part of a person's act is written under that person.
    if any(move.who != ("system",) for move in moves)
}


class MarketPopulation:
    """One market, with thirty deals over the pilot's weeks."""

    company = MARKET_NAME
    terms = (KIND, MN)
    contact = ("Bat-Erdene", "pilot@nomad.example")
    faults: Sequence[str] = (
        "workers_down", "endpoint_down", "bank_refuses", "worker_death", "clock_jump", "serialization_failure",
        "duplicate", "reordered",
    )  # fmt: skip

    def __init__(self, deals: int = DEALS_COUNT) -> None:
        self.deals = deals
        self.market: Market

    def open(self, stage: Stage) -> int:
        self.market = Market(stage.at)
        self.market.open()
        return self.market.tenant

    def members(self) -> Mapping[str, str]:
        return {}

    def begin(self, stage: Stage) -> None:
        length = stage.ends - stage.begins
        for number in range(self.deals):
            chance = stage.chance("deal", number)
            after = round(length.total_seconds() * OFFERS_UNTIL_RATIO * chance.random())
            stage.go(timedelta(seconds=after), f"deal {number + 1}", self._life(stage, number, chance))

    def works(self, stage: Stage, work: PumpWork, post: Post) -> Sequence[Work]:
        return ()

    def _scope(self, name: str) -> Any:
        return lambda: self.market.scope(name)

    def _operator(self) -> AbstractContextManager[Scope]:
        return worker_scope(f"operator:{OPERATORS[0]}")

    def _admin(self) -> AbstractContextManager[Scope]:
        return tenant_scope(self.market.tenant, f"operator:{OPERATORS[1]}")

    def _life(self, stage: Stage, number: int, chance: Random) -> Script:
        """One deal: from the offer until people have nothing more to do; timers do the rest."""
        market = self.market
        price = chance.randrange(PRICE_MIN_UNITS, PRICE_MAX_UNITS) * MINOR
        accepts, pays = chance.random() >= NEVER_ACCEPTS_RATIO, chance.random() >= NEVER_PAYS_RATIO
        name = f"deal {number + 1}"

        def offer() -> tuple[Trade, str, str]:
            market.at, market.number = stage.at, number
            return market.offered(MN, price=price)

        seller = market.pair(number)[0]
        trade, seen, secret = stage.act(f"{name}: offered", self._scope(seller), offer, twice=False)
        yield hours(chance.uniform(1, 20))
        if not accepts:
            return
        stage.act(f"{name}: accepted", self._scope(trade.buyer), lambda: market.accept(trade, seen, secret))
        yield hours(chance.uniform(1, 12))
        if not pays:
            return
        yield from self._pay(stage, name, trade, chance)
        yield from self._hand_over(stage, name, trade, chance)

    def _pay(self, stage: Stage, name: str, trade: Trade, chance: Random) -> Script:
        """The money comes in by the bank, sometimes told twice, and an operator matches it to the deal."""
        market = self.market

        def receive() -> list[str]:
            market.at = stage.at
            return market.pay(trade, [trade.price])

        payments = stage.act(f"{name}: paid", self._operator, receive, twice=False)
        if stage.strikes("duplicate"):
            market.references -= 1
            stage.again(f"{name}: the bank tells of the payment again", self._operator, receive)
        yield hours(chance.uniform(0.5, 8))
        stage.act(f"{name}: funded", self._operator, lambda: market.match(trade, payments))

    def _hand_over(self, stage: Stage, name: str, trade: Trade, chance: Random) -> Script:
        market = self.market
        hands_over, confirms = chance.random() >= NEVER_HANDS_OVER_RATIO, chance.random()
        yield hours(chance.uniform(4, 40))
        if not hands_over:
            return
        if chance.random() < TRESPASS_RATIO:
            stage.trespass(
                f"{name}: the buyer files the handover", self._scope(trade.buyer),
                lambda: commands.file_handover(trade.deal, market.people[trade.buyer]),
            )  # fmt: skip
        stage.act(f"{name}: handover filed", self._scope(trade.seller), lambda: market.file_handover(trade))
        yield hours(chance.uniform(1, 16))
        if confirms < CONTEST_RATIO:
            yield from self._contest(stage, name, trade, chance)
        elif confirms >= CONTEST_RATIO + SILENT_HANDOVER_RATIO:
            stage.act(f"{name}: handover confirmed", self._scope(trade.buyer), lambda: market.confirm(trade))
        else:
            return
        yield from self._inspect(stage, name, trade, chance)

    def _contest(self, stage: Stage, name: str, trade: Trade, chance: Random) -> Script:
        market, note = self.market, "Nobody came to the place that we had agreed on."
        stage.act(
            f"{name}: handover contested", self._scope(trade.buyer),
            lambda: commands.contest_handover(
                trade.deal, market.people[trade.buyer], reason="not_received", note=note
            ),
        )  # fmt: skip
        yield hours(chance.uniform(2, 70 if chance.random() < OPERATOR_STALLS_RATIO else 30))
        decision = chance.choice(("HANDOVER_CONFIRMED", "NOT_HANDED_OVER"))
        stage.act(f"{name}: {decision}", self._admin, lambda: market.decide_handover(trade, decision))

    def _inspect(self, stage: Stage, name: str, trade: Trade, chance: Random) -> Script:
        """The buyer approves, claims, or says nothing."""
        market, drawn = self.market, chance.random()
        if chance.random() < BANK_REFUSES_RATIO:
            market.refused.add(trade.deal)
        yield hours(chance.uniform(4, 44))
        if chance.random() < TRESPASS_RATIO:
            stage.trespass(
                f"{name}: the seller approves", self._scope(trade.seller),
                lambda: commands.approve(trade.deal, market.people[trade.seller]),
            )  # fmt: skip
        if drawn < CLAIM_RATIO:
            yield from self._claim(stage, name, trade, chance)
        elif drawn >= CLAIM_RATIO + SILENT_BUYER_RATIO:
            stage.act(f"{name}: approved", self._scope(trade.buyer), lambda: market.approve(trade))
            yield hours(chance.uniform(1, 12))
            if chance.random() < RELEASE_EARLY_RATIO:
                stage.act(
                    f"{name}: released early", self._scope(trade.buyer),
                    lambda: commands.release_early(trade.deal, market.people[trade.buyer]),
                )  # fmt: skip

    def _claim(self, stage: Stage, name: str, trade: Trade, chance: Random) -> Script:
        """The buyer claims, mostly with all evidence; then one of the ways in which a dispute ends."""
        market, people = self.market, self.market.people
        kinds = COMPLETE if chance.random() < COMPLETE_CLAIM_RATIO else INCOMPLETE
        code, _ = DEFECT[MN]
        claimed = trade.price // chance.randrange(8, 40) // MINOR * MINOR
        stage.act(
            f"{name}: claim of {code}", self._scope(trade.buyer),
            lambda: market.claim(trade, [(code, claimed, kinds)]),
        )  # fmt: skip
        ending = chance.choices(("accept", "agree", "decide", "withdraw", "nobody"), (3, 2, 4, 1, 1))[0]
        yield hours(chance.uniform(2, 30))
        if ending == "accept":
            stage.act(
                f"{name}: claim accepted", self._scope(trade.seller),
                lambda: disputes.accept_claim(trade.deal, people[trade.seller]),
            )  # fmt: skip
        elif ending == "withdraw":
            stage.act(
                f"{name}: claim withdrawn", self._scope(trade.buyer),
                lambda: disputes.withdraw_claim(trade.deal, people[trade.buyer]),
            )  # fmt: skip
        elif ending == "agree":
            yield from self._agree(stage, name, trade, claimed // 2 // MINOR * MINOR)
        elif ending == "decide":
            self._answer(stage, name, trade)
            yield hours(chance.uniform(2, 40 if chance.random() < OPERATOR_STALLS_RATIO else 15))
            outcome = chance.choice(("OFFSET_50_OF_CAP", "OFFSET_AS_CLAIMED", "RELEASE_TO_SELLER"))
            stage.act(f"{name}: decided {outcome}", self._admin, lambda: market.resolve(trade, [outcome]))

    def _answer(self, stage: Stage, name: str, trade: Trade) -> None:
        def add() -> None:
            file = self.market.file(trade, trade.seller)
            evidence.add(
                trade.deal, self.market.people[trade.seller], purpose="response", kind="PHOTO", file=file, line=1
            )

        stage.act(f"{name}: the seller shows a photo", self._scope(trade.seller), add)

    def _agree(self, stage: Stage, name: str, trade: Trade, amount: int) -> Script:
        """Both sign the same amount, the seller first."""
        people = self.market.people
        for who in (trade.seller, trade.buyer):
            stage.act(
                f"{name}: {who} signs {amount}", self._scope(who),
                partial(agreements.sign, trade.deal, people[who], "settlement", {"amounts": [amount]}),
            )  # fmt: skip
            yield hours(3)

    def desk(self, stage: Stage) -> None:
        """Operators confirm what the bank sent, and send what is due; mails are written."""
        from .demo import desk

        market = self.market
        market.at = stage.at
        if stage.spell("bank_refuses"):
            self._bank_refuses(stage)
        else:
            before = set(self._sent())
            desk(market)
            self._told_again(stage, sorted(before - set(self._sent())))
        while send_due_mails():
            pass

    def _sent(self) -> list[str]:
        with worker_scope("rehearsal"):
            return list(Payout.objects.filter(state="sent").order_by("id").values_list("public_id", flat=True))

    def _bank_refuses(self, stage: Stage) -> None:
        for payout in self._sent():
            try:
                stage.act(f"the bank refuses {payout}", self._operator, partial(_refused, payout))
            except Refused:
                continue

    def _told_again(self, stage: Stage, confirmed: Sequence[str]) -> None:
        """The bank's answers come twice, or late and in the wrong order: what is confirmed stays so."""
        for payout in confirmed:
            if stage.strikes("duplicate"):
                stage.again(f"{payout} confirmed again", self._operator, partial(outgoing.confirm, payout))
            if stage.strikes("reordered"):
                stage.again(
                    f"{payout} refused after it was confirmed", self._operator,
                    partial(outgoing.fail, payout, "account_closed"),
                )  # fmt: skip

    def counts(self) -> Mapping[str, int]:
        row = SQL.one("rehearsal_counts", tenant=self.market.tenant)
        assert row is not None
        return row

    def money(self) -> Sequence[Row]:
        return [_money(row) for row in SQL.rows("demo_money", tenant=self.market.tenant)]

    def audit(self) -> Sequence[Row]:
        """Who moved each deal and dispute, against the tables of who may."""
        return [
            {"check": "wrong_role", "what": f"{row['deal']}: {row['type']} by {row['role']} {row['actor']}"}
            for row in SQL.rows("rehearsal_actors", tenant=self.market.tenant)
            if (row["kind"], row["type"]) in WHO and row["role"] not in WHO[row["kind"], row["type"]]
        ]

    def publish(self, body: Mapping[str, Any]) -> None:
        """Other terms of the market's country and category, as the next version whatever their number was."""
        publish_version(changed(body, next_version(MN), []), note="A rehearsal")


def _refused(payout: str) -> None:
    outgoing.fail(payout, "account_closed")
    outgoing.retry(payout)


def _money(row: Row) -> Row:
    into = row["received"] - row["sent_back"]
    parts = {name: row[name] for name in ("to_sellers", "to_buyers", "in_escrow", "suspense")}
    return {"unit": row["unit"], "into": into, "parts": parts, "holds": into == sum(parts.values())}
