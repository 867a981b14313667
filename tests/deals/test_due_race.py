"""The end of the last window for a claim, raced for by several processes: whoever commits first wins, nobody twice.

Before a command locked the timers first, as those who fire them do, the two waited for one another and the claim died.
"""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.programs.deals import commands

pytestmark = [pytest.mark.house, pytest.mark.faults]
PRICE, HOLDBACK = 3_000_000_000, 450_000_000
ROUNDS, ROLES = 8, ("claim", "fire", "claim", "fire")
EVENTS = (
    "SELECT e.type, count(*) AS n FROM event e JOIN deal d ON d.id = e.subject_id AND e.subject_kind = 'deal'"
    " WHERE d.public_id = %s AND e.type IN ('release_holdback', 'raise_issue') GROUP BY e.type"
)


def test_claim_and_timer_in_processes_of_their_own(market: Any) -> None:
    deals = []
    for _ in range(ROUNDS):
        deal = market.handed_over(PRICE)
        with market.scope("buyer"):
            commands.approve(deal, market.buyer)
            deals.append({"deal": deal, "file": market.file(deal, "buyer")})
        market.pass_time_without_firing(minutes=1)
    market.pass_time_without_firing(hours=48, minutes=-ROUNDS)
    script = [sys.executable, str(Path(__file__).with_name("race_process.py"))]
    with ExitStack() as stack:
        racers = [
            stack.enter_context(
                subprocess.Popen(
                    [*script, role], env=market.house.env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for role in ROLES
        ]
        stack.callback(lambda: [racer.kill() for racer in racers])
        assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * len(racers)
        for number, each in enumerate(deals):
            asked = json.dumps({"tenant": market.tenant.id, "person": market.buyer, **each}) + "\n"
            # Who is told first changes from round to round.
            turn = [*racers[number % len(racers) :], *racers[: number % len(racers)]]
            for racer in turn:
                racer.stdin.write(asked)
                racer.stdin.flush()
            told = [racer.stdout.readline().strip() for racer in racers]
            one_won(market, each["deal"], told)
            market.pass_time_without_firing(minutes=1)


def one_won(market: Any, public_id: str, told: list[str]) -> None:
    """Exactly one of the four moved the deal, its money is in one place, and its timeline tells one story."""
    deal, claimed, fired = market.deal(public_id), told.count("claimed"), told.count("fired 1")
    assert claimed + fired == 1, told
    assert {answer for answer in told if answer not in ("claimed", "fired 1")} <= {
        "fired 0", "transition_refused"
    }, told  # fmt: skip
    with worker_scope("test"):
        events = {row["type"]: row["n"] for row in run(EVENTS, [public_id])}
    if claimed:
        assert (deal.state, deal.in_escrow, events) == ("ISSUE", HOLDBACK, {"raise_issue": 1})
    else:
        assert (deal.state, deal.in_escrow, deal.to_seller) == ("SETTLED", 0, PRICE)
        assert events == {"release_holdback": 1}
