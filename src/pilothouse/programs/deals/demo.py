"""`pilothouse demo deals`: every way in which a deal ends, played in business time to the last minor unit.

The stories of `demo_script` run side by side in one process: the next thing that is due (a story's next step, or the
next timer) is taken, business time moves to it, and the same commands run as for everybody else. The same version
always prints the same proof.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from pilothouse.kernel.base import machine
from pilothouse.kernel.base.clock import business_now, iso
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.timers import fire_due
from pilothouse.kernel.payments import outgoing, sending
from pilothouse.kernel.payments.bank_accounts import usable_account
from pilothouse.kernel.payments.models import Payout
from pilothouse.kernel.watch.invariants import run_all

# Importing the handlers registers what timers and payments do with a deal.
from . import payment, timers  # noqa: F401
from .demo_market import OPERATORS, Market
from .demo_metrics import metrics_of
from .demo_script import STORIES, Play
from .exports import write_exports
from .lifecycle import DEAL, DISPUTE
from .terms import in_force

SQL = Statements(__file__)
SEED = 4
# A new story begins this long after the one before it, and the operators look at the payouts this often.
APART, DESK_EVERY = timedelta(hours=5), timedelta(hours=12)
# Once all stories are told the operators look so often again, so that what was sent last is confirmed.
LAST_LOOKS_COUNT = 3


def run_demo(folder: Path, *, say: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Play every story in the rehearsal's database that is open, and return what it shows; files go below `folder`.

    `proof.holds` says that all deals ended, that what came in is where `money` says, and that no invariant is broken.
    """
    with worker_scope("demo"):
        market = Market(business_now())
    with machine.driven(SEED, lambda: market.at):
        market.open()
        play(market, say)
    return shown(market, folder)


def play(
    market: Market,
    say: Callable[[str], None],
    *,
    stories: Sequence[tuple[str, Play]] = STORIES,
    apart: timedelta = APART,
    look_at: Callable[[Market], None] | None = None,
    kinds: Sequence[str] = (DEAL.name, DISPUTE.name),
) -> None:
    """Run all stories, timers and the operators' desk to the end of the last deal.

    A story begins `apart` after the one before it. `look_at` is what the operators do at each of their looks, by
    default at the payouts; `kinds` are the subjects whose timers are waited for.
    """
    look_at = look_at or desk
    began = market.at
    waiting = [(began + apart * number, number, tale(market, name)) for number, (name, tale) in enumerate(stories)]
    heapq.heapify(waiting)
    look = began + DESK_EVERY
    while True:
        timer = _next_timer(kinds)
        due = [at for at in (timer, waiting[0][0] if waiting else None) if at is not None]
        if not due:
            break
        if look < min(due):
            market.move_to(look)
            look_at(market)
            look += DESK_EVERY
            continue
        market.move_to(min(due))
        # At the same instant the timer comes first, as it does when the worker is awake.
        if timer is not None and timer <= market.at:
            fire_due()
            continue
        _, number, story = heapq.heappop(waiting)
        template, tale = stories[number]
        market.story, market.number = tale.__name__, number
        length = next(story, None)
        if length is not None:
            heapq.heappush(waiting, (market.at + length, number, story))
        else:
            say(f"{market.at:%d %b %H:%M}  {template}: {(tale.__doc__ or '').strip()}")
    for _ in range(LAST_LOOKS_COUNT):
        market.move_to(look)
        look_at(market)
        look += DESK_EVERY


def _next_timer(kinds: Sequence[str]) -> Any:
    with worker_scope("demo"):
        row = SQL.one("demo_next_timer", kinds=list(kinds))
    return row["due_at"] if row else None


def desk(market: Market) -> None:
    """What the operators do twice a day: confirm what the bank sent out, and send what is due now."""
    with worker_scope("payouts"):
        outgoing.open_payouts()
    asked: list[str] = []
    with worker_scope(f"operator:{OPERATORS[0]}"):
        for sent in Payout.objects.filter(state="sent").order_by("id"):
            if sent.subject_ref in market.refused and sent.side == "seller":
                market.refused.remove(sent.subject_ref)
                outgoing.fail(sent.public_id, "account_closed")
                outgoing.retry(sent.public_id)
            else:
                outgoing.confirm(sent.public_id)
        for due in Payout.objects.filter(state="due").order_by("id"):
            if usable_account(due.tenant_id, due.person_id, due.unit) is None:
                continue
            market.references += 1
            asked.append(sending.send_payout(due.public_id, f"OUT-{market.references:04}").request)
    with worker_scope(f"operator:{OPERATORS[1]}"):
        for request in filter(None, asked):
            sending.approve_sending(request)


def shown(market: Market, folder: Path) -> dict[str, Any]:
    """What the demo shows, all of it read from the database afterwards."""
    broken = [result["name"] for result in run_all() if result["rows"]]
    with worker_scope("demo"):
        rows = SQL.rows("demo_deals", tenant=market.tenant)
        money = SQL.rows("demo_money", tenant=market.tenant)
        measured = metrics_of(market.tenant)
        exports = write_exports(folder, market.tenant)
        ended = business_now()
        payouts = Counter(Payout.objects.values_list("state", flat=True))
        policies = _by_policy(rows)
        failed = SQL.rows("demo_failed_payouts", tenant=market.tenant)
    stories = {trade.deal: trade.story for trade in market.trades}
    by_unit = {row["unit"]: _money(row) for row in money}
    sums = all(
        each["in"] == each["to_sellers"] + each["to_buyers"] + each["in_escrow"] + each["suspense"]
        for each in by_unit.values()
    )
    return {
        "deals": [_deal(row, stories[row["deal"]]) for row in rows],
        "by_state": dict(sorted(Counter(row["state"] for row in rows).items())),
        "money": by_unit,
        "metrics": measured,
        "disputes": [_dispute(row) for row in rows if row["dispute"]],
        "exports": exports,
        "proof": {
            "holds": sums
            and not broken
            and all(row["state"] in DEAL.terminal and not row["in_escrow"] for row in rows),
            "invariants_broken": broken,
            "by_policy": policies,
            "payouts": {"by_state": dict(sorted(payouts.items())), "failed_first": [row["deal"] for row in failed]},
            "bank": {row["unit"]: {name: row[name] for name in ("received", "sent_back")} for row in money},
            "business_time": {"from": iso(rows[0]["created_at"]), "to": iso(ended)},
        },
    }


def _by_policy(rows: list[Row]) -> dict[str, int]:
    """How many deals were played under each release policy."""
    policies = {name: in_force(name).body["immediateReleaseAt"] for name in {row["template"] for row in rows}}
    return dict(sorted(Counter(policies[row["template"]] for row in rows).items()))


def _deal(row: Row, story: str) -> dict[str, Any]:
    names = (
        "deal", "template", "terms_version", "unit", "state", "ended_by", "first_price", "price", "returned",
        "to_seller", "to_buyer",
    )  # fmt: skip
    return {"story": story, **{name: row[name] for name in names}, "ended_at": iso(row["ended_at"])}


def _money(row: Row) -> dict[str, Any]:
    """What came in and stayed, and where it went: the first number is the sum of the four others.

    What is due to both sides is told apart by whether it has left by the bank.
    """
    paid = {name: row[f"paid_{name}"] for name in ("to_sellers", "to_buyers")}
    return {
        "in": row["received"] - row["sent_back"],
        "to_sellers": row["to_sellers"],
        "to_buyers": row["to_buyers"],
        "in_escrow": row["in_escrow"],
        "suspense": row["suspense"],
        "paid": paid,
        "unpaid": {name: row[name] - amount for name, amount in paid.items()},
    }


def _dispute(row: Row) -> dict[str, Any]:
    return {
        "dispute": row["dispute"],
        "deal": row["deal"],
        "unit": row["unit"],
        "raised_in": row["stage"],
        "state": row["dispute_state"],
        "ended_by": row["dispute_ended_by"],
        "granted": row["granted"],
        "lines": row["lines"],
    }
