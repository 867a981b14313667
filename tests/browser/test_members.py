"""An owner invites, a person joins, a role changes, a member leaves; keys are issued, rotated and revoked on pages."""

import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
Check = Callable[[Page], None]
NUMBERS = itertools.count(1)
HEAD = re.compile(r"^ek_pilot_\w{40}$")


@pytest.fixture
def account(person: Any) -> tuple[str, str]:
    """An account of this test's own, in which the demo's owner is an owner too: (its id, its name)."""
    house, name = person.house, f"Harbour {next(NUMBERS)}"
    tenant = re.search(r"ten_\w+", house.cli("tenant", "create", name)).group()  # type: ignore[union-attr]
    house.cli("member", "add", tenant, house.people["owner"], "--role", "owner")
    return tenant, name


def switched(page: Page, name: str) -> None:
    """Work in another account, from the menu."""
    page.click("details.account-menu:not(.more-menu) > summary")
    page.click("text=Your accounts")
    page.click(f"text=Work in {name}")
    expect(page.locator(".tenant-name")).to_have_text(name)


def test_people_come_change_and_go(live: object, person: Opener, account: tuple[str, str], accessible: Check) -> None:
    (tenant, name), owner = account, person("owner", "/batches/")
    switched(owner, name)
    owner.goto("/members/")
    accessible(owner)
    owner.click("text=Invite a person")
    owner.fill("[name=email]", "not an address")
    owner.evaluate("document.querySelector('main form').noValidate = true")
    owner.click("main [type=submit]")
    expect(owner.locator(".field-error")).to_be_visible()
    expect(owner.locator("[name=email]")).to_have_value("not an address")
    owner.fill("[name=email]", "grace@harbour.example")
    owner.select_option("[name=role]", "finance")
    owner.click("main [type=submit]")
    expect(owner.locator("main")).to_contain_text("An invitation is on its way to grace@harbour.example")
    accessible(owner)
    owner.click("text=Withdraw >> nth=0")
    owner.click("dialog[open] [type=submit]")
    expect(owner.locator("main")).to_contain_text("is withdrawn")
    expect(owner.locator("text=Invitations that wait")).to_have_count(0)
    person.house.cli("member", "add", tenant, "hank@harbour.example", "--role", "engineer")  # type: ignore[attr-defined]
    owner.goto("/members/?q=hank")
    owner.click(".row-link")
    owner.select_option("[name=role]", "owner")
    owner.click("main form [type=submit] >> text=Change the role")
    expect(owner.locator("main")).to_contain_text("hank@harbour.example is owner now")
    owner.goto("/members/?q=hank")
    owner.click(".row-link")
    accessible(owner)
    owner.click("text=Remove from the account >> nth=0")
    owner.click("dialog[open] [type=submit]")
    expect(owner.locator("main")).to_contain_text(f"is no member of {name} any more")


def test_a_key_is_born_rotated_and_revoked_and_two_tabs_do_not_mix_accounts(
    live: object, person: Opener, account: tuple[str, str], accessible: Check
) -> None:
    (_, name), page = account, person("owner", "/batches/", width=390, scheme="dark")
    switched(page, name)
    page.goto("/keys/")
    expect(page.locator("main")).to_contain_text("No API keys yet")
    accessible(page)
    page.click(".empty-state a")
    expect(page.locator("[name=name]")).to_have_value(f"Pilot - {name}")
    accessible(page)
    page.click("main [type=submit]")
    page.click("text=Show the API key")
    expect(page.locator("#raw-key")).to_have_text(HEAD)
    accessible(page)
    page.goto("/keys/")
    page.click(".row-link")
    accessible(page)
    page.click("main a >> text=Rotate")
    page.select_option("[name=overlap_hours]", "24")
    page.click("main [type=submit]")
    page.click("text=Show the API key")
    page.goto("/keys/")
    expect(page.locator("[data-state=retiring]")).to_have_count(1)
    page.click(f"text=Pilot - {name} >> nth=0")
    page.click("main button >> text=Revoke")
    other = page.context.new_page()
    other.goto("/account/tenant")
    other.click("text=Work in Northwind Ceramics")
    with page.expect_response(lambda answer: answer.url.endswith("/revoke")) as refused:
        page.click("dialog[open] [type=submit]")
    assert refused.value.status == 409
    expect(page.locator("main")).to_contain_text(f"You sent a form of {name}, and you work in Northwind")
    page.click(f"text=Work in {name}")
    page.goto("/keys/?state=revoked")
    expect(page.locator("main")).to_contain_text("No key matches")
    # The browser's console tells of every refused answer; this one is wanted.
    person.complaints[:] = [said for said in person.complaints if "409" not in said]  # type: ignore[attr-defined]
