"""The payments desk with a browser: a payment finds its deal, and a large payout takes two people."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
HERE = "/desk/payments/"


def dialog(page: Page) -> None:
    """Say yes to the open question."""
    page.locator("dialog[open] button[type=submit], dialog[open] button[form]").click()


def test_a_payment_finds_its_deal(market: Any, person: Opener, accessible: Callable[[Page], None]) -> None:
    olga = person("operator", HERE)
    accessible(olga)
    # Other tests of the same house have a TRX-1 of their own market.
    olga.get_by_role("link", name="TRX-1", exact=True).and_(olga.locator(f"[href*={market['payment']}]")).click()
    suggestion = olga.locator(f"[data-suggestion={market['deal']}]")
    expect(suggestion).to_contain_text("named by the payer")
    accessible(olga)
    suggestion.get_by_role("button", name="Pay this deal").click()
    dialog(olga)
    expect(olga.locator(".message")).to_contain_text("is paid.")
    olga.goto(f"{HERE}new")
    accessible(olga)
    olga.goto(f"{HERE}import")
    accessible(olga)
    olga.goto(f"{HERE}settlement")
    accessible(olga)


def test_a_large_payout_takes_two_people(market: Any, person: Opener, accessible: Callable[[Page], None]) -> None:
    olga = person("operator", f"{HERE}out/")
    accessible(olga)
    olga.get_by_role("button", name="Put what is due into a bank file").click()
    expect(olga.locator(".message")).to_contain_text("give it to the bank once")
    files = olga.locator("[data-bank-file]")
    with olga.expect_download() as file:
        files.last.get_by_role("link", name="Download").click()
    assert "MN120005001234567" in Path(file.value.path()).read_text()
    accessible(olga)
    accessible(person("admin", f"{HERE}out/files/", width=390, scheme="dark"))
    olga.locator("tr[data-payout] a.row-link").first.click()
    olga.fill("[name=reference]", "BANK-77")
    olga.get_by_role("button", name="Ask a second operator").first.click()
    dialog(olga)
    expect(olga.locator(".message")).to_contain_text("waits for a second operator")
    ada = person("admin", f"{HERE}approvals/", width=390, scheme="dark")
    accessible(ada)
    ada.get_by_role("button", name="Approve it").first.click()
    dialog(ada)
    expect(ada.locator(".message")).to_contain_text("is written as sent")
    olga.reload()
    accessible(olga)
    olga.get_by_role("button", name="It arrived").first.click()
    dialog(olga)
    expect(olga.locator(".message")).to_contain_text("arrived")
