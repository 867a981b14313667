"""Rehearsals of a market: they end with what happened, come out the same again, and catch what is planted in them."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from pilothouse.kernel.base.rehearsal import FAULTS
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.lifecycle import timers
from pilothouse.pilots.rehearsal import limits, play
from pilothouse.pilots.rehearsal.faults import Fault, Faults, plan
from pilothouse.pilots.rehearsal.play import rehearse
from pilothouse.programs.deals import commands, steps
from pilothouse.programs.deals.population import MarketPopulation
from pilothouse.programs.deals.terms import in_force
from pilothouse.site.seed import seed

pytestmark = pytest.mark.house
SEED, DAYS, DEALS = 11, 12, 5
Copy = Callable[[Any], AbstractContextManager[Any]]


def played(**options: Any) -> dict[str, Any]:
    """A short rehearsal in the open house."""
    seed()
    return rehearse("deals", MarketPopulation(DEALS), **{"days": DAYS, "seed": SEED, **options})


def checks(told: dict[str, Any]) -> set[str]:
    """What was found, each with the seed that finds it again."""
    assert all(found["seed"] == SEED for found in told["findings"])
    assert told["holds"] is not bool(told["findings"])
    return {found["check"].partition(":")[0] for found in told["findings"]}


def test_a_market_is_played_and_its_money_adds_up(timed_house: Any) -> None:
    heard: list[float] = []
    told = played(passed=heard.append)
    assert told["findings"] == []
    (money,) = told["money"]
    assert money["into"] == sum(money["parts"].values()) > 0
    last = told["series"][-1]
    assert last["settled"] + last["open_deals"] + last["ended_otherwise"] == DEALS
    assert told["pilot"]["state"] == "active"
    assert told["pilot"]["insufficient"]
    assert (told["lateness"]["late"], told["lateness"]["worst_s"]) == (0, 0.0)
    assert told["terms"]["changes"] == []
    assert heard[-1] == 1.0
    assert told["business_time"] == {"from": "2026-03-02T09:00:00Z", "to": "2026-03-14T09:00:00Z"}
    with worker_scope("test"):
        (rows,) = run(
            "SELECT (SELECT count(*) FROM deal) AS deals, (SELECT count(*) FROM timer WHERE state = 'fired') AS timers"
        )
    kinds = {each["name"]: each for each in told["lateness"]["kinds"]}
    assert (rows["deals"], kinds["timers"]["count"]) == (DEALS, rows["timers"])
    assert kinds["payouts"]["counted"] == f"0 of {kinds['payouts']['count']} late"
    assert told["acts"]["trespasses"]["not_your_side"] == sum(told["acts"]["trespasses"].values())
    assert any(line["what"].endswith("refused, not_your_side") for line in told["story"])


@pytest.mark.slow
def test_the_same_seed_tells_the_same_story_and_faults_break_nothing(timed_house: Any, copy_house: Copy) -> None:
    stories = []
    for _ in range(2):
        with copy_house(timed_house):
            stories.append(played(faults=True))
    first, again = (json.dumps(story, indent=1, ensure_ascii=False).splitlines() for story in stories)
    assert first == again
    assert [story["findings"] for story in stories] == [[], []]
    assert {"worker_death", "clock_jump", "workers_down", "bank_refuses"} <= set(stories[0]["faults"]["struck"])


@pytest.mark.slow
def test_what_was_due_while_nobody_worked_is_late_by_name(timed_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def days_down(chance: Random, kinds: Any, begins: datetime, ends: datetime) -> Faults:
        # The first holdback falls due in these days, the second one after them.
        return Faults([Fault("workers_down", begins + timedelta(days=9), begins + timedelta(days=11, hours=12))])

    monkeypatch.setattr(play, "plan", days_down)
    told = played(faults=True)
    assert told["findings"] == []
    timers = next(each for each in told["lateness"]["kinds"] if each["name"] == "timers")
    assert timers["counted"] == "1 of 2 late"
    assert 0 < timers["worst_s"] <= 2.5 * 86_400
    assert timers["worst"].startswith("holdback_release of deal_")
    assert told["lateness"]["worst_s"] == timers["worst_s"]


def test_a_timer_that_does_nothing_is_caught_and_an_operator_called(
    timed_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ON_CALL_STALLS_RATIO", 0.0)
    monkeypatch.setitem(timers._handlers, ("deal", "holdback_release"), lambda rows: None)
    told = played()
    assert "stuck" in checks(told)
    kinds = {each["name"]: each for each in told["lateness"]["kinds"]}
    assert told["incidents"]
    assert {each["state"] for each in told["incidents"]} == {"investigating"}
    assert kinds["incidents"]["counted"] == f"0 of {len(told['incidents'])} late"
    assert any(line["what"] == "an operator takes the incident stuck_subject" for line in told["story"])


@pytest.mark.slow
def test_other_terms_meet_the_same_people(timed_house: Any, copy_house: Copy) -> None:
    with copy_house(timed_house):
        before = played()
    with copy_house(timed_house):
        seed()
        with worker_scope("test"):
            body = dict(in_force("MN_USED_CAR_PRIVATE").body)
        after = played(terms={**body, "holdbackRatio": "0.20"})
    opened = [[line for line in told["story"] if "offered" in line["what"]] for told in (before, after)]
    assert opened[0] == opened[1]
    assert before["facts"]["sha256"] != after["facts"]["sha256"]


def test_each_kind_of_fault_is_planned_in_time() -> None:
    begins = datetime(2026, 3, 2, tzinfo=UTC)
    ends = begins + timedelta(days=3)
    planned = plan(Random(1), FAULTS, begins, ends).planned
    assert {fault.kind for fault in planned} == set(FAULTS[:6])
    assert all(begins < fault.at <= fault.until <= ends for fault in planned)


def patched(monkeypatch: pytest.MonkeyPatch, statements: Any, name: str, old: str, new: str) -> None:
    text = statements.text(name)
    assert old in text
    monkeypatch.setitem(statements._texts, name, text.replace(old, new))


def test_a_double_settle_is_caught(timed_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    leg = "('release', m.escrow_account, m.seller_account, m.to_seller),"
    patched(monkeypatch, steps.SQL, "advance", leg, leg + leg)
    assert checks(played()) & {"timer_not_fired", "unexpected_error", "invariant"}


def test_a_timer_that_is_not_fired_is_caught(timed_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    patched(monkeypatch, timers.SQL, "due_timers", "WHERE", "WHERE name <> 'holdback_release' AND")
    assert "timer_not_fired" in checks(played())


def test_a_wrong_role_is_caught(timed_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def approve(public_id: str, person: int) -> None:
        deal, _side = commands.access_deal(public_id, person, lock=True)
        steps.advance([commands.approved(deal, "buyer", "approved")])

    monkeypatch.setattr(commands, "approve", approve)
    assert "wrong_role" in checks(played())
