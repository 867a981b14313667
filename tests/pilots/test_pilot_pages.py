"""The pages of a pilot: the desk's list, board, steps and refusals, and the customer's own."""

import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from pilothouse.kernel.access.commands import add_operator
from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.terms.queries import published
from pilothouse.pilots.pilot_models import Pilot
from pilothouse.pilots.publishing import publish_first_runbooks

sys.path.insert(0, str(Path(__file__).parent))
from pilot_world import ACCEPT, EXPECTED, REJECT, VideoPilot

pytestmark = pytest.mark.house


def browser(email: str) -> Client:
    client = Client()
    person = get_user_model().objects.get(email=email)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


made_pilot = VideoPilot


FORM = {
    "contact_name": "Ada", "contact_email": "ada@northwind.example", "budget_usd": "1000", "batches": "3",
    "items": "10",
    **{f"line_{line}": "yes" for line in ACCEPT}, **{f"line_{line}": "no" for line in REJECT},
}  # fmt: skip


def test_a_pilot_is_led_from_the_desk_and_confirmed_by_its_customer(pilot: VideoPilot) -> None:
    desk, engineer, finance = (
        browser(f"{who}")
        for who in ("operator@ours.example", "engineer@northwind.example", "finance@northwind.example")
    )
    here = f"/desk/pilots/{pilot.id}/"
    assert "Northwind" in desk.get("/desk/pilots/").content.decode()
    assert "Northwind" in desk.get("/desk/pilots/?view=board").content.decode()
    assert "Nothing fits" in desk.get("/desk/pilots/?state=ended").content.decode()
    bad = desk.post(f"{here}qualify", {**FORM, "items": "9", "contact_name": "Grace"})
    assert bad.status_code == 422
    assert "Grace" in bad.content.decode()
    assert desk.post(f"{here}qualify", FORM)["Location"] == here
    assert 'value="3000"' in desk.get(here).content.decode()
    mine = engineer.get("/pilot/").content.decode()
    assert "Please confirm what to expect" in mine
    assert "Wants a guaranteed success rate" not in mine
    assert 'action="/pilot/confirm/understands' not in finance.get("/pilot/").content.decode()
    assert finance.post(f"/pilot/confirm/{EXPECTED[0]}").status_code == 403
    for line in EXPECTED:
        assert engineer.post(f"/pilot/confirm/{line}", {"answer": "yes"}).status_code == 302
    assert pilot.row.state == "locked"
    for step in ("prepare", "drill"):
        desk.post(f"{here}step/{step}")
    page = desk.get(here).content.decode()
    assert "lines of the preparation are open" in page
    refused = desk.post(f"{here}step/activate", follow=True).content.decode()
    assert "cannot begin" in refused
    from pilothouse.kernel.watch import promises

    pilot.checklist()
    promises.run()
    assert "Activate the pilot?" in desk.get(here).content.decode()
    assert "its clock runs" in desk.post(f"{here}step/activate", follow=True).content.decode()
    again = desk.post(f"{here}step/activate", follow=True).content.decode()
    assert "activate" in again
    assert pilot.row.state == "active"


def test_what_was_typed_stays_and_support_changes_nothing(pilot: VideoPilot) -> None:
    desk, support = browser("operator@ours.example"), browser("support@ours.example")
    here = f"/desk/pilots/{pilot.id}/"
    empty = desk.post(f"{here}step/signal", {"kind": "other", "quote": "Can we have it in blue?", "person": ""})
    assert empty.status_code == 422
    assert "Can we have it in blue?" in empty.content.decode()
    kept_words = desk.post(f"{here}step/signal", {"kind": "other", "quote": "In blue?", "person": "Ada"}, follow=True)
    assert "In blue?" in kept_words.content.decode()
    page = support.get(here).content.decode()
    assert "In blue?" in page
    assert (
        "<form"
        not in re.sub(r"<header.*?</header>", "", page, flags=re.DOTALL).split("<main", 1)[1].split("</main>")[0]
    )
    assert support.post(f"{here}step/pause", {"reason": "operator", "note": "x"}).status_code == 403
    assert desk.post(f"{here}step/fly").status_code == 404
    ticked = desk.post(f"{here}tick/deliverables", {"answer": "yes", "evidence": "Mail of Monday"}, follow=True)
    assert "Noted" in ticked.content.decode()
    machine = desk.post(f"{here}tick/first_batch", {"answer": "yes"}, follow=True).content.decode()
    assert "facts alone" in machine


def test_the_customers_page_names_nothing_internal(pilot: VideoPilot) -> None:
    page = browser("owner@northwind.example").get("/pilot/").content.decode()
    assert "No SLA is included" in page
    for word in ("Upstream", "rollback", "Provider", "/desk/", "No technical contact"):
        assert word not in page, word
    # Finance opens no page of the webhooks, so no line leads there.
    assert 'href="/webhooks/' in page
    assert 'href="/webhooks/' not in browser("finance@northwind.example").get("/pilot/").content.decode()
    empty = pilot.house.tenant("Nobody")
    assert empty is not None


def test_a_verdict_is_signed_from_the_page_as_it_was_shown(timed_house: Any) -> None:
    pilot = VideoPilot(timed_house).active()
    pilot.pass_time(hours=49)
    desk, here = browser("operator@ours.example"), f"/desk/pilots/{pilot.id}/"
    page = desk.get(here).content.decode()
    assert 'data-verdict="failed"' in page
    stale = desk.post(f"{here}step/sign", {"expected": "succeeded", "recommendation": "Continue"})
    assert stale.status_code == 409
    assert "Look again" in stale.content.decode()
    done = desk.post(
        f"{here}step/sign", {"expected": "failed", "recommendation": "Close"}, follow=True
    ).content.decode()
    assert "The verdict is signed." in done
    desk.post(f"{here}step/fix", {"side": "theirs", "cause": "No time"})
    assert "Say what was changed" in desk.get(here).content.decode()


def test_the_desk_of_many_pilots_and_of_none(house: Any) -> None:
    with worker_scope("test"):
        publish_first_runbooks()
        add_operator("operator@ours.example", "operator")
        runbook = published("runbook", "video")
    desk, here = browser("operator@ours.example"), "/desk/pilots/"
    assert "No pilot yet" in desk.get(here).content.decode()
    assert desk.get(f"{here}?view=board").content.decode().count(">none<") == 5
    with worker_scope("test"):
        now = business_now()
        for number in range(60):
            Pilot.objects.create(
                tenant_id=house.tenant(f"Account {number}").id, public_id=f"pil_{number:03}", program="video",
                company=f"Number {number:03}", runbook="video", runbook_version=1, runbook_hash=runbook.hash,
                phase="qualification", created_at=now, created_by="test", owner="on-call",
                due_at=now + timedelta(hours=100 - number),
            )  # fmt: skip
    pages = [re.findall(r"Number \d{3}", desk.get(f"{here}?page={page}").content.decode()) for page in range(3)]
    assert [len(found) for found in pages] == [25, 25, 10]
    assert len({each for found in pages for each in found}) == 60, "each of them once"
    found = desk.get(f"{here}?q=Number+04").content.decode()
    assert len(re.findall(r"Number \d{3}", found)) == 10
    assert "view=board&amp;q=Number" in found, "the search goes along"
    board = desk.get(f"{here}?view=board").content.decode()
    assert re.findall(r"Number \d{3}", board) == [f"Number {number:03}" for number in range(59, 47, -1)], "the next due"
    assert "All 60 in the list" in board
    assert "state=before" in board
    few = desk.get(f"{here}?view=board&q=Number+00").content.decode()
    assert len(re.findall(r"Number \d{3}", few)) == 10
    assert "in the list" not in few
