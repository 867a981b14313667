"""The credits of a pilot that an account began by itself: once for each pilot, whoever looks; again for the next."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from pilot_market import browser
from pilot_world import EXPECTED, VideoPilot
from test_starting import FORM, HERE, account, newest, succeeded

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.watch import promises
from pilothouse.pilots import starting
from pilothouse.pilots.starting import go_on_all

pytestmark = [pytest.mark.house, pytest.mark.tamper]
TWINS = 4


def prepared(world: VideoPilot) -> None:
    """A self-service pilot that only waits for its activation."""
    engineer = browser("engineer@northwind.example")
    assert engineer.post(HERE, FORM)["Location"] == "/pilot/"
    newest(world)
    for line in EXPECTED:
        engineer.post(f"/pilot/confirm/{line}", {"answer": "yes"})
    assert go_on_all() == 1
    newest(world)
    world.checklist()
    promises.run()


def grants(world: VideoPilot) -> list[str]:
    with worker_scope("test"):
        return [
            row["description"]
            for row in run(
                "SELECT description FROM journal WHERE tenant = %s AND kind = 'grant' ORDER BY id", [world.tenant.id]
            )
        ]


def test_twin_workers_grant_once(house: Any) -> None:
    world = account(house)
    succeeded(world, 3)
    prepared(world)
    start = Barrier(TWINS)

    def go_on() -> int:
        try:
            start.wait()
            return go_on_all()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(TWINS) as pool:
        moved = list(pool.map(lambda _: go_on(), range(TWINS)))
    assert sum(moved) == 1
    assert newest(world).state == "active"
    assert grants(world) == ["Enterprise Pilot - Northwind"]
    with world.theirs():
        assert balance(world.tenant.id).available == 300


def test_what_fails_after_the_grant_takes_it_back_and_the_next_look_grants(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = account(house)
    succeeded(world, 3)
    prepared(world)

    class Died(BaseException):
        """As a process that ends here: nothing is caught, nothing is committed."""

    whole = starting.activate

    def dies(*given: Any, **options: Any) -> None:
        whole(*given, **options)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(starting, "activate", dies)
        with pytest.raises(Died):
            go_on_all()
    assert (newest(world).state, grants(world)) == ("preparing", [])
    assert go_on_all() == 1
    assert grants(world) == ["Enterprise Pilot - Northwind"]


def test_the_next_pilot_of_an_account_has_credits_of_its_own(house: Any) -> None:
    world = account(house)
    succeeded(world, 3)
    prepared(world)
    assert go_on_all() == 1
    with house.admin() as admin:
        # How a pilot ends is shown elsewhere; what counts here is that it had begun.
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE pilot SET state = 'closed', verdict = 'succeeded', verdict_at = now(), verdict_by = 'operator:x'"
            " WHERE public_id = %s",
            [world.id],
        )
    prepared(world)
    assert go_on_all() == 1
    assert grants(world) == ["Enterprise Pilot - Northwind", "Enterprise Pilot - Northwind (pilot 2)"]
    with world.theirs():
        assert balance(world.tenant.id).available == 600
