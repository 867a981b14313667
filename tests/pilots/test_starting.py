"""An account begins its own pilot once three of the program succeeded; before that it asks to be called."""

from typing import Any

import pytest
from pilot_market import browser
from pilot_world import ACCEPT, EXPECTED, REJECT, VideoPilot

from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.terms.queries import published
from pilothouse.kernel.watch import promises
from pilothouse.pilots.pilot_models import Pilot
from pilothouse.pilots.runbook import of_version
from pilothouse.pilots.running import abandon
from pilothouse.pilots.starting import go_on_all

pytestmark = [pytest.mark.house, pytest.mark.tamper]
HERE = "/start/video"
FORM = {
    "contact_name": "Ada", "contact_email": "ada@northwind.example", "budget_usd": "1000", "batches": "3",
    "items": "10", **{f"line_{line}": "yes" for line in ACCEPT}, **{f"line_{line}": "no" for line in REJECT},
}  # fmt: skip


def account(house: Any) -> VideoPilot:
    """An account with its people and no pilot."""
    world = VideoPilot(house)
    with world.ours():
        abandon(world.id, "not_ready")
    return world


def succeeded(world: VideoPilot, count: int, program: str = "video") -> None:
    """So many pilots of other accounts that ended well."""
    with worker_scope("test"):
        like = Pilot.objects.get(public_id=world.id)
        for number in range(count):
            Pilot.objects.create(
                tenant_id=world.house.tenant(f"Account {number}").id, public_id=f"pil_{number}", program=program,
                company="Another", runbook=like.runbook, runbook_version=1,
                runbook_hash=like.runbook_hash, phase=like.phase, created_at=business_now(), created_by="test",
            )  # fmt: skip
    # Three whole pilots would be three signed verdicts; what is looked at here is their count alone.
    with world.house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE pilot SET state = 'closed', verdict = 'succeeded', verdict_at = now(), verdict_by = 'operator:x',"
            """ findings = '{"criteria": [], "failures": []}'"""
            " WHERE company = 'Another'"
        )


def newest(world: VideoPilot) -> Pilot:
    with worker_scope("test"):
        found = Pilot.objects.filter(tenant_id=world.tenant.id).latest("id")
        world.id = found.public_id
        return found


def test_before_three_successes_an_account_asks_and_somebody_has_to_call(house: Any) -> None:
    world = account(house)
    succeeded(world, 2)
    engineer = browser("engineer@northwind.example")
    assert browser("finance@northwind.example").get(HERE).status_code == 403
    assert engineer.get("/start/parcels").status_code == 404
    assert b"Ask for a pilot" in engineer.get(HERE).content
    assert engineer.post(HERE, {"note": " "}).status_code == 422
    for _ in range(2):
        assert engineer.post(HERE, {"note": "Ads of mugs; mornings."}).status_code in (200, 302)
    row = newest(world)
    assert (row.state, row.owner, row.created_by) == ("prospect", "on-call", "user:engineer@northwind.example")
    assert row.due_at is not None
    assert row.due_at > business_now_of(world)
    page = engineer.get(HERE).content.decode()
    assert "It is our turn" in page
    assert "<form" not in page.partition("<main")[2].partition("</main")[0]
    with worker_scope("test"):
        assert Pilot.objects.filter(tenant_id=world.tenant.id).count() == 2
    assert go_on_all() == 0


def business_now_of(world: VideoPilot) -> Any:
    with worker_scope("test"):
        return business_now()


def test_after_three_successes_a_pilot_begins_without_an_operator(house: Any) -> None:
    world = account(house)
    succeeded(world, 3)
    engineer = browser("engineer@northwind.example")
    few = engineer.post(HERE, {**FORM, "batches": "1"})
    assert few.status_code == 409
    assert "less than two smallest batches" in few.content.decode()
    assert engineer.post(HERE, FORM)["Location"] == "/pilot/"
    assert newest(world).state == "qualified"
    assert engineer.get(HERE)["Location"] == "/pilot/"
    assert go_on_all() == 0
    for line in EXPECTED:
        engineer.post(f"/pilot/confirm/{line}", {"answer": "yes"})
    assert [go_on_all() for _ in range(2)] == [1, 0]
    assert newest(world).state == "preparing"
    assert world.line("rollback_drill") == "done"
    world.checklist()
    promises.run()
    assert [go_on_all() for _ in range(2)] == [1, 0]
    row = newest(world)
    assert (row.state, row.owner) == ("active", "")
    with world.theirs():
        assert balance(world.tenant.id).available == 300
    assert {world.line(name) for name in ("credits_granted", "key_made", "activation_mail")} == {"done"}


def test_a_reject_line_that_is_true_begins_nothing(house: Any) -> None:
    world = account(house)
    succeeded(world, 3)
    done = browser("engineer@northwind.example").post(HERE, {**FORM, "line_expects_sla": "yes"}, follow=True)
    assert "This pilot is not for you" in done.content.decode()
    assert newest(world).state == "rejected"
    assert go_on_all() == 0


def test_where_nothing_has_to_be_confirmed_the_preparation_begins_and_waits_for_people(house: Any) -> None:
    world = account(house)
    succeeded(world, 3, "deals")
    engineer = browser("engineer@northwind.example")
    with worker_scope("test"):
        runbook = of_version(published("runbook", "deals"))
    assert runbook.group("expectation") == []
    form = {"contact_name": "Ada", "contact_email": "ada@northwind.example", "note": "Cars of our own."}
    form |= {f"line_{line.id}": "yes" for line in runbook.group("accept")}
    form |= {f"line_{line.id}": "no" for line in runbook.group("reject")}
    done = engineer.post("/start/deals", form, follow=True).content.decode()
    assert "The preparation begins by itself" in done
    assert newest(world).state == "locked"
    assert "Cars of our own." in browser("operator@ours.example").get(f"/desk/pilots/{world.id}/").content.decode()
    assert [go_on_all() for _ in range(3)] == [1, 0, 0]
    assert newest(world).state == "preparing", "our own lines are for people to tick"


def test_a_wish_for_another_program_does_not_hide_the_pilot_that_runs(house: Any) -> None:
    world = VideoPilot(house).locked()
    engineer = browser("engineer@northwind.example")
    engineer.post("/start/deals", {"note": "We also sell cars."})
    wish = newest(world).public_id
    video, deals = (each.public_id for each in pilots_of(world))
    assert (wish, world.row.program) == (deals, "deals")
    page = engineer.get(f"/pilot/?pilot={video}").content.decode()
    assert "Video batches: Locked" in page
    assert "Escrow deals: Prospect" in page
    assert f"/pilot/?pilot={deals}" in page
    assert engineer.get("/pilot/?pilot=pil_nobodys").status_code == 404
    with world.ours():
        abandon(deals, "withdrawn")
    ended = engineer.get(f"/pilot/?pilot={deals}").content.decode()
    assert "Another pilot" in ended
    mine = engineer.get("/pilot/").content.decode()
    assert "Complete the full loop" in mine, "what goes on comes first"
    assert "Another pilot" not in mine
    told = engineer.post("/pilot/confirm/understands_guarantees", {"pilot": video, "answer": "yes"})
    assert told["Location"] == f"/pilot/?pilot={video}#line-understands_guarantees"
    missing = engineer.post("/pilot/confirm/understands_guarantees", {"pilot": "pil_nobodys", "answer": "yes"})
    assert missing.status_code == 404


def pilots_of(world: VideoPilot) -> list[Pilot]:
    with worker_scope("test"):
        return list(Pilot.objects.filter(tenant_id=world.tenant.id).order_by("id"))


def test_more_credits_than_one_person_gives_wait_for_people(house: Any) -> None:
    world = account(house)
    succeeded(world, 3)
    engineer = browser("engineer@northwind.example")
    engineer.post(HERE, {**FORM, "batches": "20", "items": "50"})
    newest(world)
    for line in EXPECTED:
        world.says(line, "engineer")
    world.checklist()
    promises.run()
    assert [go_on_all() for _ in range(2)] == [1, 0]
    assert newest(world).state == "preparing"
