"""Rehearsals of an enterprise customer: videos, webhooks and credits, with upstreams that fail and workers that die."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from pilothouse.kernel.access import authenticate
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.pilots.rehearsal.play import rehearse
from pilothouse.programs.video import endings, population_limits
from pilothouse.programs.video.population import CustomerPopulation
from pilothouse.programs.video.steps import Step, Stepper
from pilothouse.site.rehearsal_screen import show
from pilothouse.site.seed import seed

pytestmark = pytest.mark.house
SEED, ITEMS = 7, 10
Copy = Callable[[Any], AbstractContextManager[Any]]


def played(batches: int = 1, **options: Any) -> dict[str, Any]:
    """The first day of a pilot in the open house."""
    seed()
    return rehearse("video", CustomerPopulation(batches), **{"days": 1, "seed": SEED, **options})


def test_a_customer_is_played_and_the_credits_add_up(timed_house: Any) -> None:
    told = played()
    assert told["findings"] == []
    (money,) = told["money"]
    last = told["series"][-1]
    assert money["into"] == sum(money["parts"].values())
    assert money["parts"]["settled"] == 10 * last["videos_made"] > 0
    assert last["videos_made"] + last["videos_refunded"] == ITEMS
    assert any("engineer confirms bat_" in line["what"] for line in told["story"])
    # Finance may not order; a stranger's batch does not exist; nobody confirms a line of another role.
    assert set(told["acts"]["trespasses"]) == {"forbidden", "line_not_yours", "not_found"}
    whats = [line["what"] for line in told["story"]]
    assert "finance orders videos: refused, forbidden" in whats
    assert any(what.startswith("a stranger opens bat_") and what.endswith("refused, not_found") for what in whats)
    assert any(what.startswith("engineer confirms a line of finance") for what in whats)
    kinds = {each["name"]: each["counted"] for each in told["lateness"]["kinds"]}
    assert (kinds["items"], kinds["webhooks"]) == (f"0 of {ITEMS} late", "0 of 1 late")
    assert (told["pilot"]["state"], told["pilot"]["signed"]) == ("succeeded", True)


@pytest.mark.slow
def test_the_same_seed_tells_the_same_story_and_faults_break_nothing(timed_house: Any, copy_house: Copy) -> None:
    stories = []
    for _ in range(2):
        with copy_house(timed_house):
            stories.append(played(3, days=3, faults=True))
    first, again = (json.dumps(story, indent=1, ensure_ascii=False).splitlines() for story in stories)
    assert first == again
    told = stories[0]
    assert told["findings"] == []
    assert told["money"][0]["holds"]
    last = told["series"][-1]
    assert last["videos_made"] + last["videos_refunded"] == 3 * ITEMS
    assert {"worker_death", "clock_jump", "workers_down", "endpoint_down", "provider_storm"} <= set(
        told["faults"]["struck"]
    )


@pytest.mark.slow
def test_two_fresh_processes_print_the_same_bytes(timed_house: Any) -> None:
    command = [sys.executable, "-m", "pilothouse.site.cli", "rehearse", "video", "--days", "1", "--seed", f"{SEED}"]
    printed = [
        subprocess.run(
            [*command, "--faults", "--json"],
            env=timed_house.env(PYTHONPATH=os.pathsep.join(sys.path)),
            capture_output=True, check=True, timeout=1_000,
        ).stdout
        for _ in range(2)
    ]  # fmt: skip
    assert json.loads(printed[0])["holds"]
    assert printed[0] == printed[1]


def checks(told: dict[str, Any]) -> set[str]:
    """What was found, each with the seed that finds it again."""
    assert all(found["seed"] == SEED for found in told["findings"])
    assert told["holds"] is not bool(told["findings"])
    return {found["check"] for found in told["findings"]}


def patched(monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
    """Plant a bug in the statement by which videos end."""
    text = endings.SQL.text("end_items")
    assert text.count(old) == 1
    monkeypatch.setitem(endings.SQL._texts, "end_items", text.replace(old, new))


@pytest.mark.slow
def test_a_double_settle_is_caught(timed_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    patched(monkeypatch, "FROM ended e JOIN postings p", "FROM generate_series(1, 2), ended e JOIN postings p")
    told = played()
    assert "stuck" in checks(told)
    assert told["money"][0]["parts"]["settled"] == 0


@pytest.mark.slow
def test_a_lost_void_is_caught_and_its_seed_is_printed(
    timed_house: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    patched(monkeypatch, "WHERE k.n > 0", "WHERE k.n > 0 AND k.kind = 'settle'")
    told = played()
    assert told["series"][-1]["videos_refunded"] > 0
    assert {"promise:video:refund", "invariant:04_item_end_matches_ledger"} <= checks(told)
    assert told["pilot"]["verdict"] != "succeeded" or told["pilot"]["blocked"]
    capsys.readouterr()
    show(told)
    assert f"--seed {SEED}" in capsys.readouterr().out


def test_a_wrong_role_is_caught_and_its_seed_is_printed(
    timed_house: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(authenticate.ROLE_SCOPES, "finance", authenticate.ROLE_SCOPES["owner"])
    seed()
    people = CustomerPopulation(1)
    told = rehearse("video", people, days=1, seed=SEED)
    assert checks(told) == {"wrong_role"}
    (found,) = told["findings"]
    assert found["what"] == "finance orders videos: it was not refused"
    with worker_scope("test"):
        (wrong,) = people.audit()
    assert wrong["what"].endswith("ordered by finance user:finance@northwind.example"), "the rows alone say so too"
    show(told)
    assert f"--seed {SEED}" in capsys.readouterr().out


@pytest.mark.slow
def test_a_late_success_that_is_billed_is_caught(timed_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Stepper.take

    async def take(self: Stepper, row: dict[str, Any]) -> Step:
        return await real(self, {**row, "timed_out": False})

    monkeypatch.setattr(Stepper, "take", take)
    # Half of the jobs succeed only when their time is over.
    monkeypatch.setattr(population_limits, "CALM", {"late": 0.5})
    assert "late_success" in checks(played())


@pytest.mark.slow
def test_late_successes_are_not_billed(timed_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(population_limits, "CALM", {"late": 0.5})
    told = played()
    assert told["findings"] == []
    assert told["series"][-1]["videos_refunded"] > 0
