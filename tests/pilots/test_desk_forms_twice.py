"""A double click and a stale page, for the forms of an enterprise customer, its pilot and the operators' desk."""

from typing import Any

import pytest
from form_twice import Person, link_in
from pilot_market import browser
from pilot_world import ACCEPT, EXPECTED, REJECT, VideoPilot

from pilothouse.kernel.access.commands import add_member
from pilothouse.kernel.base.scope import ops_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.watch import promises
from pilothouse.kernel.watch.commands import open_incident

pytestmark = pytest.mark.house
FORM = {
    "contact_name": "Ada", "contact_email": "ada@northwind.example", "budget_usd": "1000", "batches": "3",
    "items": "10", **{f"line_{line}": "yes" for line in ACCEPT}, **{f"line_{line}": "no" for line in REJECT},
}  # fmt: skip


def test_a_pilot(house: Any) -> None:
    pilot = VideoPilot(house)
    olga, engineer = Person(browser("operator@ours.example")), Person(browser("engineer@northwind.example"))
    here = f"/desk/pilots/{pilot.id}/"
    olga.twice("/desk/pilots/new", account=house.tenant("Southwind").public_id, program="video", company="Southwind")
    olga.twice(f"{here}qualify", **FORM)
    for line in EXPECTED:
        engineer.twice("/pilot/", f"/pilot/confirm/{line}", answer="yes")
    olga.twice(here, f"{here}step/prepare")
    olga.twice(here, f"{here}tick/deliverables", answer="yes", evidence="Mail of Monday")
    pilot.checklist()
    promises.run()
    olga.twice(here, f"{here}step/signal", kind="other", quote="Can we have it in blue?", person="Ada")
    engineer.twice("/ask", kind="question", words="When is it paid?")
    with worker_scope("test"):
        report = "/desk/inbox/" + run("SELECT public_id FROM report")[0]["public_id"]
    olga.twice("/desk/inbox/", f"{report}/reply", reply="At the end of the month.")
    olga.twice("/desk/inbox/?state=all", f"{report}/faq", question="When?", answer="At the end.")
    engineer.twice("/ask", kind="safety", words="A video shows somebody's child.")
    with worker_scope("test"):
        report = "/desk/inbox/" + run("SELECT public_id FROM report WHERE kind = 'safety'")[0]["public_id"]
    olga.twice("/desk/inbox/", f"{report}/incident", counted_in="incident")
    olga.twice(here, f"{here}step/abandon", reason="withdrawn", note="They stopped.")
    late = olga.client.post(f"{here}tick/deliverables", {"answer": "yes", "evidence": "Another mail"}, follow=True)
    assert "You cannot tick a line of this pilot: its state is “Closed”." in late.content.decode()
    assert "Tick it" not in olga.reads(here)
    assert "Yes, I confirm" not in engineer.reads("/pilot/")


def test_a_pilot_that_failed(timed_house: Any) -> None:
    pilot = VideoPilot(timed_house).active()
    olga, here = Person(browser("operator@ours.example")), f"/desk/pilots/{pilot.id}/"
    pilot.pass_time(hours=10)
    olga.twice(here, f"{here}step/pause", reason="operator", note="They moved house.")
    olga.twice(here, f"{here}step/resume")
    pilot.pass_time(hours=39)
    olga.twice(here, f"{here}step/sign", recommendation="Pause", note="No batch came.")
    olga.twice(here, f"{here}step/fix", side="theirs", cause="Webhook not set up")
    olga.twice(here, f"{here}step/close-fix", change="We set it up together.")
    olga.twice(here, f"{here}step/retry")
    assert pilot.row.attempt == 2


def test_the_desk(house: Any) -> None:
    pilot = VideoPilot(house)
    tenant = pilot.tenant.public_id
    olga, ada = (Person(browser(f"{who}@ours.example")) for who in ("operator", "admin"))
    olga.twice("/desk/flags/", name="deals.trial", value="1", reason="A trial begins.")
    account = f"/desk/accounts/{tenant}/"
    olga.twice(account, f"{account}flag", name="deals.trial", value="1", reason="A trial begins.")
    olga.twice(account, f"{account}invite", email="new@northwind.example")
    olga.twice("/desk/accounts/new", name="Eastwind", owner="owner@eastwind.example")
    olga.twice(
        "/desk/grants/new", tenant=tenant, amount="50", description="Small grant", source="pilot_grant", unit="CREDIT"
    )
    reverse = link_in(olga.reads(account), "/desk/grants/entries/")
    olga.twice(reverse, reason="Given to the wrong account.")
    olga.twice(
        "/desk/grants/new", tenant=tenant, amount="2500", description="Large grant", source="pilot_grant", unit="CREDIT"
    )
    ada.twice("/desk/grants/", ada.form_at("/desk/grants/", "/approve"))
    olga.twice(
        "/desk/grants/new", tenant=tenant, amount="2600", description="Second", source="pilot_grant", unit="CREDIT"
    )
    ada.twice("/desk/grants/", ada.form_at("/desk/grants/", "/refuse"), reason="Not agreed")
    olga.twice("/desk/gates/close", program="video", mode="no_new", tenant=tenant, reason="Looking into it.")
    olga.twice("/desk/gates/", olga.form_at("/desk/gates/", "/reopen"), reason="Done.")
    olga.twice(
        "/desk/incidents/report", kind="slo_breach", title="Slow", severity="P2", tenant=tenant, counted_in="incident"
    )
    with ops_scope("test"):
        incident = f"/desk/incidents/{open_incident('slo_breach', 'It is slow', severity='P2')['public_id']}/"
    olga.twice(incident, f"{incident}acknowledge")
    olga.twice(incident, f"{incident}update", news="It is the network of one host.")
    olga.twice(incident, f"{incident}mitigate", paused="Nothing had to be.", logs="Timeouts.", verification="All hold.")


def test_a_customers_account(house: Any) -> None:
    pilot = VideoPilot(house)
    owner, engineer = (Person(browser(f"{who}@northwind.example")) for who in ("owner", "engineer"))
    owner.twice("/members/invite", email="new@northwind.example", role="engineer")
    owner.twice("/members/", owner.form_at("/members/", "/withdraw"))
    hook = engineer.twice("/webhooks/new", url="https://hooks.northwind.example/video", description="Production")
    _deliveries(house, engineer, hook)
    with pilot.theirs("owner"):
        bob = add_member(pilot.tenant.id, "bob@northwind.example", "engineer", "Bob").public_id
    owner.twice(f"/members/{bob}/", f"/members/{bob}/remove")
    batch = f"/batches/{pilot.batch(ended=False).public_id}/"
    engineer.twice(batch, f"{batch}cancel")
    engineer.twice("/start/deals", note="We also sell cars.")


def _deliveries(house: Any, engineer: Person, hook: str) -> None:
    """One that waits is cancelled; one that gave up is sent again from the desk."""
    ids = []
    for _ in range(2):
        engineer.client.post(f"{hook}test")
        with worker_scope("test"):
            ids.append(run("SELECT public_id FROM delivery ORDER BY id DESC LIMIT 1")[0]["public_id"])
    waiting, dead = ids
    engineer.twice(f"/webhooks/deliveries/{waiting}/", f"/webhooks/deliveries/{waiting}/cancel")
    with house.connect() as db:
        db.execute(
            "UPDATE delivery SET state = 'dead', ended_at = statement_timestamp(), next_run_at = NULL"
            " WHERE public_id = %s", [dead],
        )  # fmt: skip
    Person(browser("operator@ours.example")).twice("/desk/deliveries/", f"/desk/deliveries/{dead}/replay")
