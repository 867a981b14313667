"""A pilot with a browser: wished for, qualified at the desk, confirmed by its customer, then prepared."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from test_members import switched

pytestmark = pytest.mark.browser
COMPANY = "Harbour Pilots"
ACCEPT = ("engineering_team", "use_case", "webhook_willing", "budget_aligned")
REJECT = ("wants_success_rate", "expects_sla", "no_technical_contact", "just_trying")
Check = Callable[[Page], None]


@pytest.fixture
def account(person: Any) -> str:
    """An account of this test's own, in which the demo's owner is an owner too."""
    house = person.house
    tenant: str = json.loads(house.cli("tenant", "create", COMPANY, "--json"))["tenant"]
    house.cli("member", "add", tenant, house.people["owner"], "--role", "owner")
    return tenant


def test_a_pilot_from_the_wish_to_its_preparation(person: Any, account: str, accessible: Check) -> None:
    house = person.house
    owner = person("owner", "/batches/", width=390, scheme="dark")
    owner.set_viewport_size({"width": 1440, "height": 900})
    switched(owner, COMPANY)
    owner.goto("/pilot/")
    accessible(owner)
    owner.set_viewport_size({"width": 390, "height": 844})
    owner.click("a[href='/start/video']")
    accessible(owner)
    owner.fill("[name=note]", "Films of mugs for our shop; mornings are best.")
    owner.click("main [type=submit]")
    expect(owner.locator("main")).to_contain_text("It is our turn")
    accessible(owner)

    desk = person("operator", "/desk/pilots/?view=board&q=Harbour")
    accessible(desk)
    desk.click("a:has-text('As a list')")
    accessible(desk)
    desk.click(f"main a:has-text('{COMPANY}')")
    accessible(desk)
    desk.click("a:has-text('Answer the qualification')")
    accessible(desk)
    desk.fill("[name=contact_name]", "Ada")
    desk.fill("[name=contact_email]", "ada@harbour.example")
    for answer, lines in (("yes", ACCEPT), ("no", REJECT)):
        for line in lines:
            desk.check(f"[name=line_{line}][value={answer}]")
    desk.click("button:has-text('Decide the qualification')")
    expect(desk.locator("main")).to_contain_text("The customer confirms what to expect")

    owner.goto("/pilot/")
    accessible(owner)
    for _ in range(3):
        with owner.expect_navigation():
            owner.locator("button:has-text('Yes, I confirm')").first.click()
    expect(owner.locator("text=Please confirm what to expect")).to_have_count(0)
    desk.reload()
    desk.click("button:has-text('Begin the preparation')")
    desk.click("button:has-text('Drill the rollback')")
    expect(desk.locator("#line-rollback_drill .proof-mark")).to_have_attribute("aria-label", "done")
    accessible(desk)
    desk.set_viewport_size({"width": 390, "height": 844})
    accessible(desk)
    (row,) = [each for each in json.loads(house.cli("pilot", "list", "--json")) if each["company"] == COMPANY]
    assert row["state"] == "preparing"
