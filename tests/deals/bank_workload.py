"""Run in a process of its own: many people, operators, workers and a clock act on many deals while they are killed.

It sets up one market, forks a process for each of them, kills one by SIGKILL again and again, and forks another in its
place. At the end it lets all time pass, pays out everything, and prints one JSON object: what was done, what was
refused, what went wrong, and what the accounts and the invariants say.
"""

import contextlib
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deal_world import MN, Market, photo
from django.db import DatabaseError, InterfaceError, connections

from pilothouse.kernel.base import clock, simulated_clock
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.commands import open_accounts
from pilothouse.kernel.ledger.invariants import run_invariants
from pilothouse.kernel.lifecycle.timers import fire_due
from pilothouse.kernel.payments import bank_accounts, incoming, outgoing
from pilothouse.kernel.payments.models import Payment, Payout
from pilothouse.kernel.watch.checks import INVARIANT_FOLDERS
from pilothouse.programs.deals import agreements, commands, disputes, evidence
from pilothouse.programs.deals.lifecycle import DEAL
from pilothouse.programs.deals.models import Deal, Dispute
from pilothouse.programs.deals.steps import Step, advance
from pilothouse.site.migrate import admin_connection, migrate
from pilothouse.site.programs import load_programs

PRICE = 5_000_000
# Kills come by progress, not by time: on a busy machine every process still gets somewhere between two of them.
ACTIONS_BETWEEN_KILLS_COUNT = (10, 30)
PROGRESS_PATIENCE_S = 25
OUTCOMES = ("RELEASE_TO_SELLER", "OFFSET_50_OF_CAP", "OFFSET_AS_CLAIMED")
AUDIT_NOTE = "Judged by the workload, from what was filed."


class Away(Exception):
    """The database does not answer."""


class Actors:
    """What one process does: one random action after another, each a transaction or two of the product's own."""

    def __init__(self, market: Market, deals: dict[str, str], seed: int) -> None:
        self.market = market
        self.deals = deals
        self.chance = random.Random(seed)
        self.name = f"operator:{seed}"
        self.references = 0

    def act(self) -> str:
        """One action on one deal; its name."""
        deal = self.chance.choice(list(self.deals))
        action = self.chance.choices(list(ACTIONS), [weight for _, weight in ACTIONS.values()])[0]
        ACTIONS[action][0](self, deal)
        return action

    def pay(self, deal: str) -> None:
        """Money comes in, in full, in halves, too much, or twice; matched in a transaction of its own."""
        self.references += 1
        reference = self.chance.choice([f"{deal} first", f"{self.name} {os.getpid()} {self.references}"])
        amount = PRICE if reference.endswith("first") else self.chance.choice([PRICE, PRICE // 2, PRICE + 70_000])
        with worker_scope(self.name):
            paid = incoming.record_payment(
                self.market.tenant.id, source="bank", reference=reference, amount=amount, unit="MNT", note=deal
            )
        with worker_scope(self.name):
            incoming.match([paid.public_id], "deal", deal)

    def match(self, deal: str) -> None:
        with worker_scope(self.name):
            waiting = list(Payment.objects.filter(state="waiting").values_list("public_id", flat=True)[:20])
            chosen = self.chance.sample(waiting, min(len(waiting), self.chance.choice([1, 2])))
            if chosen:
                incoming.match(chosen, "deal", deal)

    def send_back(self, _: str) -> None:
        with worker_scope(self.name):
            waiting = list(Payment.objects.filter(state="waiting").values_list("public_id", flat=True)[:20])
            if waiting:
                incoming.send_back(self.chance.choice(waiting), reference="B", sent_by=self.name)

    def party(self, deal: str) -> None:
        """One of the two sides does something; most of it is refused in most states."""
        side = self.chance.choice(["buyer", "seller"])
        person = self.market.people[side]
        lower = {"price": PRICE - 200_000}
        wanted: list[Callable[[], Any]] = [
            lambda: commands.confirm_handover(deal, person),
            lambda: commands.approve(deal, person),
            lambda: commands.release_early(deal, person),
            lambda: commands.withdraw(deal, person),
            lambda: agreements.sign(deal, person, self.chance.choice(["cancel", "return"]), {}),
            lambda: agreements.sign(deal, person, "price", lower),
            lambda: agreements.sign(deal, person, "settlement", {"amounts": [10_000]}),
            lambda: disputes.accept_claim(deal, person),
            lambda: disputes.withdraw_claim(deal, person),
            lambda: self._file_handover(deal, person),
            lambda: self._claim(deal, person),
        ]
        with self.market.scope(side):
            self.chance.choice(wanted)()

    def _file_handover(self, deal: str, person: int) -> None:
        """Without its photos, which are not what is tried here."""
        row, side = commands.access_deal(deal, person, lock=True)
        advance([Step(row, "file_handover", side, stamps=["handover_filed_at"])])

    def _claim(self, deal: str, person: int) -> None:
        claim = disputes.Claim("COSMETIC_DAMAGE", 100_000, "Scratched.", [("PHOTO", self.deals[deal])])
        disputes.raise_issue(deal, person, [claim])

    def judge(self, deal: str) -> None:
        with self.market.scope("admin"):
            disputes.resolve(
                deal, admin=self.market.people["admin"], outcomes=[self.chance.choice(OUTCOMES)],
                audit_reason="evidence_clear", note=AUDIT_NOTE, decided_by="operator:admin",
            )  # fmt: skip

    def clock(self, _: str) -> None:
        """Some hours pass, and a worker fires what is due; other workers may do so at the same moment."""
        if self.chance.random() < 0.3:
            with worker_scope("clock"):
                length = timedelta(hours=self.chance.randint(1, 5))
                simulated_clock.move_to(clock.business_now() + length)
        fire_due()

    def payouts(self, _: str) -> None:
        with worker_scope("payouts"):
            outgoing.open_payouts()
        with worker_scope(self.name):
            rows = list(Payout.objects.exclude(state="confirmed").order_by("?")[:1])
        for row in rows:
            with worker_scope(self.name):
                move_payout(row, self.chance)


ACTIONS: dict[str, tuple[Callable[[Actors, str], None], int]] = {
    "pay": (Actors.pay, 4), "match": (Actors.match, 3), "send_back": (Actors.send_back, 1),
    "party": (Actors.party, 12), "judge": (Actors.judge, 1), "clock": (Actors.clock, 2), "payouts": (Actors.payouts, 4),
}  # fmt: skip


def move_payout(row: Payout, chance: random.Random, *, good: bool = False) -> None:
    """The next step of one payout."""
    if row.state == "due":
        outgoing.send(row.public_id, reference="X", sent_by="operator:first")
    elif row.state == "failed":
        outgoing.retry(row.public_id)
    elif good or chance.random() < 0.7:
        outgoing.confirm(row.public_id)
    else:
        outgoing.fail(row.public_id, "refused")


class Here:
    """The house of this process's environment, as far as a market needs it."""

    def tenant(self, name: str) -> Tenant:
        with worker_scope():
            return Tenant.objects.create(name=name, created_at=clock.now())


def fresh_house() -> None:
    """Make the configured database, with a clock that is moved by hand."""
    migrate()
    with admin_connection() as admin:
        simulated_clock.install(admin, datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


def set_up(count: int) -> tuple[Market, dict[str, str]]:
    """A market, `count` deals that wait for their money, and for each a photo of the buyer's, by the deal's id."""
    market = Market(Here())
    deals = {}
    for side in ("seller", "buyer"):
        with market.scope(side):
            named = bank_accounts.name_account(
                market.people[side], unit="MNT", holder=side, bank="Khan", number="MN12 0005 00 1234567"
            )
            bank_accounts.confirm_account(market.people[side], named.public_id, "4567")
    for number in range(count):
        with market.scope("seller"):
            made = commands.create_deal(person=market.seller, side="seller", template=MN, price=PRICE, title="Car")
            accounts = open_accounts(
                market.tenant.id, [(kind, made.public_id, "MNT") for kind in ("escrow", "payable", "refund_due")]
            )
            advance([Step(made, "offer", "seller", changes={"buyer_id": market.buyer}, stamps=["offered_at"])])
            offered = Deal.objects.get(id=made.id)
            columns = dict(zip(("escrow_account", "seller_account", "buyer_account"), accounts, strict=True))
            advance([Step(offered, "accept", "buyer", changes=columns, stamps=["accepted_at"])])
        with market.scope("buyer"):
            deals[made.public_id] = evidence.upload(
                made.public_id, market.buyer, kind="PHOTO", source=photo(number), name="scratch.jpg"
            )
    return market, deals


def live(market: Market, deals: dict[str, str], seed: int, log: int) -> None:
    """A process's life: act until it is killed; each outcome is one line of the log."""
    actors = Actors(market, deals, seed)
    while True:
        try:
            told = actors.act()
        except PilothouseError as refused:
            told = f"refused {refused.code}"
        except (DatabaseError, InterfaceError) as error:
            state = str(getattr(error.__cause__, "sqlstate", "") or "")
            # No answer, or an answer about the end of the server, is what a kill looks like from here.
            away = isinstance(error, InterfaceError) or state[:2] in ("", "08", "57")
            told = "away" if away else f"wrong {type(error).__name__} {state} {error}"
            connections.close_all()
            time.sleep(0.1)
        except Exception as error:
            told = f"wrong {type(error).__name__} {error}"
        os.write(log, (json.dumps(told) + "\n").encode())


def fork(market: Market, deals: dict[str, str], seed: int, log: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            live(market, deals, seed, log)
        finally:
            os._exit(1)
    return child


def wait_for_actions(log_path: str, wanted: int) -> None:
    """Until the log has `wanted` lines; after PROGRESS_PATIENCE_S whatever it has, which the report then tells."""
    patience = time.monotonic() + PROGRESS_PATIENCE_S
    while lines(log_path) < wanted and time.monotonic() < patience:
        time.sleep(0.02)


def lines(log_path: str) -> int:
    return Path(log_path).read_bytes().count(b"\n")


def patiently(act: Callable[[], Any]) -> Any:
    """Do it until the database answers."""
    for _ in range(600):
        try:
            return act()
        except (DatabaseError, InterfaceError):
            connections.close_all()
            time.sleep(0.1)
    raise Away


def settle_all(market: Market) -> None:
    """All time passes, all that is owed is paid, all that waits goes back."""
    calm = random.Random(0)
    for _ in range(60):
        with worker_scope("end"):
            simulated_clock.move_to(clock.business_now() + timedelta(days=1))
            open_deals = Deal.objects.filter(state__in=DEAL.open_states).count()
        while fire_due():
            pass
        if not open_deals:
            break
    for _ in range(6):
        with worker_scope("end"):
            outgoing.open_payouts()
            for row in Payout.objects.exclude(state="confirmed"):
                move_payout(row, calm, good=True)
    with worker_scope("end"):
        for paid in Payment.objects.filter(state="waiting"):
            incoming.send_back(paid.public_id, reference="B", sent_by="operator:1")


def broken() -> list[Any]:
    with worker_scope("check"):
        return [row for row in run_invariants(INVARIANT_FOLDERS) if row["rows"]]


def balances() -> dict[str, int]:
    with worker_scope("check"):
        rows = run(
            "SELECT a.kind, sum(CASE WHEN t.credit = a.id THEN t.amount ELSE -t.amount END)::bigint AS n"
            " FROM account a JOIN transfer t ON a.id IN (t.debit, t.credit) GROUP BY a.kind"
        )
    return {row["kind"]: row["n"] for row in rows}


def unexplained() -> list[Any]:
    """Deals whose escrow is neither empty nor exactly what an open deal with an armed timer says."""
    with worker_scope("check"):
        return run(
            "SELECT d.public_id, d.state, d.in_escrow, a.credits - a.debits AS escrow FROM deal d"
            " JOIN account a ON a.id = d.escrow_account WHERE a.credits - a.debits <> d.in_escrow OR a.credits <>"
            " a.debits AND NOT EXISTS (SELECT FROM timer t WHERE t.state = 'armed' AND (t.subject_kind, t.subject_id)"
            " IN (('deal', d.id), ('dispute', (SELECT p.id FROM dispute p WHERE p.deal_id = d.id))))"
        )


def main(*, deals: int, processes: int, kills: int, seed: int, log_path: str) -> None:
    """The whole of it; prints the report."""
    load_programs()
    market, made = set_up(deals)
    chance = random.Random(seed)
    connections.close_all()
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    children = [fork(market, made, seed * 1_000 + n, log) for n in range(processes)]
    killed = 0
    try:
        while killed < kills:
            wait_for_actions(log_path, lines(log_path) + chance.randint(*ACTIONS_BETWEEN_KILLS_COUNT))
            victim = children.pop(chance.randrange(len(children)))
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            killed += 1
            children.append(fork(market, made, seed * 1_000 + processes + killed, log))
    finally:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    told = Counter(json.loads(line) for line in Path(log_path).read_text().splitlines())
    in_the_middle = {"broken": patiently(broken), "unexplained": patiently(unexplained)}
    settle_all(market)
    with worker_scope("check"):
        ends = Counter(Deal.objects.values_list("state", flat=True))
        open_disputes = Dispute.objects.filter(state__in=["OPEN", "RESPONDED"]).count()
        stuck = run("SELECT subject_kind, name, error FROM timer WHERE state = 'stuck'")
    report = {
        "killed": killed,
        "done": {name: count for name, count in told.items() if name in ACTIONS},
        "refused": sum(count for name, count in told.items() if name.startswith("refused ")),
        "away": told["away"],
        "wrong": sorted(name for name in told if name.startswith("wrong ")),
        "middle": in_the_middle,
        "ends": dict(ends),
        "open_disputes": open_disputes,
        "stuck": stuck,
        "balances": balances(),
        "broken": broken(),
        "unexplained": unexplained(),
    }
    sys.stdout.write(json.dumps(report, default=str) + "\n")
