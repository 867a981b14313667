"""The operators' desk of a market: a payment finds its deal, a contested handover is judged, terms get a version 2."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from market_pages import money_of, picture, said_yes, says
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Check = Callable[[Page], None]
PRICE = 3_000_000_000


def market_of(olga: Page) -> str:
    """The id of the demo's market."""
    olga.goto("/desk/accounts/?q=Nomad")
    return str(olga.locator("[data-copy^=ten_]").first.get_attribute("data-copy"))


def test_from_the_payment_over_a_contested_handover_to_the_release(person: Any, accessible: Check) -> None:
    buyer = person("market_buyer", "/deals/?state=AWAITING_FUNDS", width=390)
    buyer.click("text=Toyota Prius")
    room = buyer.url.removeprefix(person.house.site)
    buyer.click("a:has-text('into escrow')")
    reference = str(buyer.locator(".facts [data-copy]").last.get_attribute("data-copy"))
    accessible(buyer)
    olga = person("operator", "/desk/", scheme="dark")
    record_and_match(olga, market_of(olga), reference, accessible)
    hand_over(person("market_seller", room, width=390, scheme="dark"))
    buyer.goto(room)
    buyer.click("a:has-text('Say that something is wrong')")
    buyer.select_option("[name=reason]", "not_received")
    buyer.fill("[name=note]", "Nobody came to the meeting point.")
    accessible(buyer)
    buyer.click("main form [type=submit]")
    says(buyer, "Told. An operator looks at it now.")
    decide(person("admin", "/admin/disputes", width=390), accessible)
    buyer.goto(room)
    buyer.click("button:has-text('Approve and release')")
    expect(buyer.locator("dialog[open]")).to_contain_text("cannot come back")
    said_yes(buyer)
    says(buyer, "Approved. The first part goes to the seller.")
    assert money_of(buyer) == {"to_seller": 2_550_000_000, "to_buyer": 0, "in_escrow": 450_000_000}
    buyer.click("button:has-text('Release 4,500,000')")
    said_yes(buyer)
    says(buyer, "Released. The deal is settled.")
    assert money_of(buyer) == {"to_seller": PRICE, "to_buyer": 0, "in_escrow": 0}


def record_and_match(olga: Page, market: str, reference: str, accessible: Check) -> None:
    """The desk's part of a bank transfer, that was written with the deal's reference."""
    olga.goto(f"/desk/payments/new?tenant={market}")
    olga.select_option("[name=unit]", "MNT")
    olga.fill("[name=amount]", "30,000,000")
    olga.fill("[name=reference]", "KHAN-77120")
    olga.fill("[name=payer]", "Saraa Tömör")
    olga.fill("[name=note]", f"for {reference}")
    accessible(olga)
    olga.dblclick("main form [type=submit]")
    says(olga, "30,000,000 ₮ is recorded and waits in suspense.")
    meant = olga.locator("[data-suggestion]", has_text="Toyota Prius")
    expect(meant).to_contain_text("named by the payer")
    accessible(olga)
    meant.get_by_role("button", name="Pay this deal").click()
    said_yes(olga)
    says(olga, "is paid.")
    olga.goto("/desk/payments/?state=closed&q=KHAN-77120")
    expect(olga.locator("[data-payment]")).to_have_count(1)
    accessible(olga)


def hand_over(seller: Page) -> None:
    """The seller's part, with a photo and a paper."""
    for kind, color in (("PHOTO", "olive"), ("DOCUMENT", "ivory")):
        seller.select_option("form[data-uploads] [name=kind]", kind)
        with seller.expect_navigation():
            seller.set_input_files("form[data-uploads] input[type=file]", picture(color))
    seller.click("button:has-text('File the handover')")
    said_yes(seller)
    says(seller, "Filed. Now the buyer confirms the handover.")


def decide(ada: Page, accessible: Check) -> None:
    """The operator's part: the handover happened."""
    expect(ada.locator("main")).to_contain_text("Contested handovers")
    ada.locator(".need", has_text="Toyota Prius").locator("a").first.click()
    says(ada, "Nobody came to the meeting point.")
    accessible(ada)
    ada.check("[value=HANDOVER_CONFIRMED]")
    ada.select_option("[name=audit_reason]", "evidence_clear")
    ada.fill("[name=note]", "The paper carries the buyer's own signature.")
    ada.click("main form [type=submit]")
    accessible(ada)
    ada.locator("main form [type=submit]").last.click()
    says(ada, "Decided: the handover happened: inspection begins.")
    assert money_of(ada) == {"to_seller": 0, "to_buyer": 0, "in_escrow": PRICE}


def test_version_two_of_the_terms_in_the_browser(person: Any, accessible: Check) -> None:
    ada = person("admin", "/desk/terms/")
    accessible(ada)
    ada.click("a:has-text('MN_USED_CAR_PRIVATE')")
    accessible(ada)
    ada.click("a:has-text('Copy and change')")
    ada.fill("[name=disputeTtlHours]", "72")
    ada.fill("[name=cap_COSMETIC_DAMAGE]", "0.20")
    ada.fill("[name=note]", "Buyers asked for one more day to look.")
    accessible(ada)
    ada.click("main form [type=submit]")
    expect(ada.locator("#id_cap_COSMETIC_DAMAGE_error")).to_be_visible()
    assert ada.input_value("[name=disputeTtlHours]") == "72"
    # The browser notes the refused form's status; that is no fault of the page.
    assert [complaint for complaint in person.complaints if "422" not in complaint] == []
    person.complaints.clear()
    ada.fill("[name=cap_COSMETIC_DAMAGE]", "0.03")
    ada.click("main form [type=submit]")
    changed = ada.locator("tr", has_text="disputeTtlHours")
    expect(changed.locator("del")).to_have_text("48")
    expect(changed.locator("ins")).to_have_text("72")
    accessible(ada)
    ada.click("button:has-text('Publish version 2')")
    said_yes(ada)
    expect(ada.locator("main")).to_contain_text(re.compile("published", re.IGNORECASE))
    buyer = person("market_buyer", "/deals/new", width=390, scheme="dark")
    says(buyer, "stays held back for 72 hours of claims.")
    accessible(buyer)
