"""A pilot with a browser and the command line: wished for, qualified, confirmed by its customer, then prepared."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from test_members import switched

pytestmark = pytest.mark.browser
COMPANY = "Harbour Pilots"
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

    (row,) = [each for each in json.loads(house.cli("pilot", "list", "--json")) if each["company"] == COMPANY]
    pilot = row["pilot"]
    desk = person("operator", f"/desk/pilots/?q={COMPANY.partition(' ')[0]}")
    accessible(desk)
    desk.goto("/desk/pilots/?view=board")
    accessible(desk)
    desk.goto(f"/desk/pilots/{pilot}/")
    accessible(desk)
    by = ("--as", house.people["operator"], "--json")
    told = json.loads(house.cli("pilot", "qualify", pilot, "--contact", "Ada", "--email", "ada@harbour.example", *by))
    assert told["state"] == "qualified"

    owner.goto("/pilot/")
    accessible(owner)
    for _ in range(3):
        owner.locator("button:has-text('Yes, I confirm')").first.click()
        owner.wait_for_load_state()
    expect(owner.locator("text=Please confirm what to expect")).to_have_count(0)
    assert json.loads(house.cli("pilot", "prepare", pilot, *by))["state"] == "preparing"
    assert json.loads(house.cli("pilot", "drill", pilot, *by))["ok"]
    shown = json.loads(house.cli("pilot", "show", pilot, "--json"))
    lines = {line["id"]: line["state"] for phase in shown["phases"] for line in phase["lines"]}
    assert lines["understands_guarantees"] == lines["rollback_drill"] == "done"
    desk.reload()
    accessible(desk)
    desk.set_viewport_size({"width": 390, "height": 844})
    accessible(desk)
