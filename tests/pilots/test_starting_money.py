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
from pilothouse.kernel.ledger.commands import grant
from pilothouse.kernel.ledger.limits import GRANT_ONE_PERSON_MAX_CREDITS, GRANT_UNSIGNED_MAX_CREDITS
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.watch import promises
from pilothouse.pilots import starting
from pilothouse.pilots.pilot_errors import SelfServiceFull
from pilothouse.pilots.pilot_models import Pilot
from pilothouse.pilots.self_service import grant_to
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


def twins_go_on() -> list[int]:
    """How many pilots each of several workers began, all of them looking in the same moment."""
    start = Barrier(TWINS)

    def go_on() -> int:
        try:
            start.wait()
            return go_on_all()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(TWINS) as pool:
        return list(pool.map(lambda _: go_on(), range(TWINS)))


def test_twin_workers_grant_once(house: Any) -> None:
    world = account(house)
    succeeded(world, 3)
    prepared(world)
    assert sum(twins_go_on()) == 1
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
            "UPDATE pilot SET state = 'closed', verdict = 'succeeded', verdict_at = now(), verdict_by = 'operator:x',"
            """ findings = '{"criteria": [], "failures": []}'"""
            " WHERE public_id = %s",
            [world.id],
        )
    prepared(world)
    assert go_on_all() == 1
    assert grants(world) == ["Enterprise Pilot - Northwind", "Enterprise Pilot - Northwind (pilot 2)"]
    with world.theirs():
        assert balance(world.tenant.id).available == 600


def given_out(credits: int) -> None:
    """So many credits that other accounts began with a moment ago."""
    with worker_scope("test"):
        others = list(Pilot.objects.filter(company="Another").order_by("id"))[:3]
        for pilot in others:
            part = min(credits, GRANT_ONE_PERSON_MAX_CREDITS)
            grant(pilot.tenant_id, part, "pilot_grant", f"Enterprise Pilot - {pilot.public_id}")
            credits -= part
    assert credits == 0


def test_the_bound_over_all_accounts_holds_against_twins_and_is_told(house: Any) -> None:
    world = account(house)
    succeeded(world, 3)
    prepared(world)
    given_out(GRANT_UNSIGNED_MAX_CREDITS - 299)
    assert sum(twins_go_on()) == 0
    assert (newest(world).state, grants(world)) == ("preparing", [])
    words = f"The {GRANT_UNSIGNED_MAX_CREDITS} credits that pilots may begin with by themselves within 24 hours"
    page = browser("engineer@northwind.example").get("/pilot/").content.decode()
    assert words in page
    with worker_scope("test"), pytest.raises(SelfServiceFull) as refused:
        grant_to(newest(world), "Enterprise Pilot - Northwind")
    assert refused.value.code == "self_service_full"
    assert "Bound reached" in browser("operator@ours.example").get("/desk/").content.decode()
    with house.admin() as admin:
        # A day after the first of the others, there is room again.
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE journal SET effective_at = effective_at - interval '25 hours' WHERE id ="
            " (SELECT min(id) FROM journal WHERE kind = 'grant' AND description LIKE '%pil_%')"
        )
    assert "Waiting" not in browser("engineer@northwind.example").get("/pilot/").content.decode()
    assert go_on_all() == 1
    assert grants(world) == ["Enterprise Pilot - Northwind"]


def test_two_accounts_at_once_do_not_pass_the_bound_together(house: Any) -> None:
    """The room is for one: whoever comes second at the same moment sees what the first took."""
    world = account(house)
    succeeded(world, 5)
    prepared(world)
    given_out(GRANT_UNSIGNED_MAX_CREDITS - 300)
    with worker_scope("test"):
        rows = list(Pilot.objects.filter(company="Another").order_by("id"))[3:]
        run("UPDATE pilot SET form = '{\"credits\": 300}' WHERE id = ANY(%s)", [[row.id for row in rows]])
        pilots = [newest(world), *Pilot.objects.filter(id__in=[row.id for row in rows])]
    start = Barrier(len(pilots))

    def try_one(pilot: Pilot) -> str:
        try:
            start.wait()
            with worker_scope("test"):
                grant_to(pilot, "Enterprise Pilot")
            return "taken"
        except SelfServiceFull as full:
            return full.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(pilots)) as pool:
        assert sorted(pool.map(try_one, pilots)) == ["self_service_full", "self_service_full", "taken"]
