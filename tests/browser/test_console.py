"""An engineer and a finance person through their day: form, cost, live batch, one video, ledger, receipt."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx2 as httpx
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
Check = Callable[[Page], None]
BATCH_PATIENCE_MS = 180_000
PROMPTS = "prompt;seconds\n" + "\n".join(f"A clay bowl, take {n};1" for n in range(10))


def amounts(page: Page, bar: str) -> dict[str, int]:
    """The parts of one money bar, as its table for screen readers has them."""
    figure = page.locator(f"figure.money-bar:has(#{bar}-clip)")
    parts = figure.locator("[data-part]").evaluate_all(
        "(rows) => rows.map((row) => [row.dataset.part, Number(row.dataset.amount)])"
    )
    return {"reserved": int(str(figure.get_attribute("data-total"))), **dict(parts)}


def test_the_engineer_creates_a_batch_by_the_form(person: Opener, accessible: Check, tmp_path: Path) -> None:
    house = person.house  # type: ignore[attr-defined]
    house.cli("grant", house.tenant, "100", "--description", "Browser test: a batch by the form")
    page = person("engineer", "/overview/")
    accessible(page)
    page.click("text=New batch")
    page.evaluate("window.sameDocument = true")
    page.click("summary:has-text('Paste many prompts')")
    page.fill("#paste", PROMPTS)
    page.click("button:has-text('Add these rows')")
    expect(page.locator("#id_item-9-prompt")).to_have_value("A clay bowl, take 9")
    page.click("button[aria-label='Duplicate video 1']")
    expect(page.locator(".item-row")).to_have_count(11)
    expect(page.locator(".cost-line")).to_contain_text("110 credits")
    page.click("button[aria-label='Remove video 2']")
    expect(page.locator(".item-row")).to_have_count(10)
    page.fill("#id_item-0-seconds", "99")
    page.fill("#id_request_id", "form-1")
    assert page.evaluate("window.sameDocument"), "rows came and went without losing the place"
    accessible(page)
    page.click(".cost-line button")
    expect(page.locator("#id_item-0-seconds_error")).to_be_visible()
    expect(page.locator("#id_item-0-seconds")).to_have_value("99")
    page.fill("#id_item-0-seconds", "1")
    page.click(".cost-line button")
    expect(page.locator(".review-lines")).to_contain_text("After the click")
    accessible(page)
    page.dblclick("button:has-text('Create 10 videos for 100')")
    expect(page).to_have_url(re.compile(r"/batches/bat_\w+/$"))
    expect(page.locator("h1")).to_have_text("form-1")
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {house.key}"}) as api:
        found = api.get(f"{house.site}/v1/batches", params={"request_id": "form-1"}).json()["batches"]
    assert len(found) == 1
    expect(page.locator("#batch-live")).to_contain_text("10 of 10 videos finished", timeout=BATCH_PATIENCE_MS)
    assert amounts(page, "batch-money") == {"reserved": 100, "settled": 100, "refunded": 0, "in_flight": 0}
    heights = page.locator(".video-card").evaluate_all("(cards) => cards.map((card) => card.offsetHeight)")
    assert len(set(heights)) == 1, heights
    page.click(".video-prompt a >> nth=0")
    expect(page.locator("h1")).to_have_text("Video 1 of 10")
    assert amounts(page, "item-money") == {"reserved": 10, "settled": 10, "refunded": 0, "in_flight": 0}
    with page.expect_download() as kept:
        page.click("text=Download the video")
    kept.value.save_as(tmp_path / "video.mp4")
    assert (tmp_path / "video.mp4").read_bytes()[4:8] == b"ftyp"
    accessible(page)


def test_finance_reconciles_a_receipt_and_takes_the_statement(person: Opener, accessible: Check) -> None:
    house = person.house  # type: ignore[attr-defined]
    page = person("finance", "/overview/")
    accessible(page)
    month = amounts(page, "month-money")
    assert month["reserved"] == month["settled"] + month["refunded"] + month["in_flight"] > 0
    page.click("nav[aria-label=Main] >> text=Ledger")
    page.select_option("#filter-kind", "reserve")
    page.click("button:has-text('Apply')")
    expect(page).to_have_url(re.compile("kind=reserve"))
    assert set(page.locator("tbody .cell-title").all_inner_texts()) == {"Reserved (initial)"}
    accessible(page)
    page.click("text=Statement")
    accessible(page)
    with page.expect_download() as file:
        page.click("main a:has-text('CSV')")
    lines = Path(file.value.path()).read_text().splitlines()
    rows = page.locator("tr[data-row]")
    assert len(lines) == rows.count() + 3
    page.click("text=Reconcile")
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {house.key}"}) as api:
        batch = next(b for b in api.get(f"{house.site}/v1/batches").json()["batches"] if b["status"] == "completed")
    body = {
        "event": "batch.completed",
        "batch_id": batch["batch_id"],
        "request_id": batch["request_id"],
        "summary": {key: batch["summary"][key] for key in ("total", "succeeded", "failed")},
        "ledger": {key: batch["ledger"][key] for key in ("reserved", "settled", "refunded")},
        "timestamp": batch["completed_at"],
    }
    page.fill("#id_body", json.dumps(body))
    page.click("button:has-text('Compare with the ledger')")
    expect(page.locator("[data-same=no]")).to_have_count(0)
    expect(page.locator("[data-same=yes]")).to_have_count(12)
    accessible(page)
    body["ledger"]["refunded"] += 10
    page.fill("#id_body", json.dumps(body))
    page.click("button:has-text('Compare with the ledger')")
    expect(page.locator("[data-field='ledger.refunded'][data-same=no]")).to_be_visible()
    accessible(page)


def end_is_free(page: Page) -> bool:
    """Whether the last thing of a page can be pressed once the page is scrolled to its end."""
    return bool(
        page.evaluate(
            "() => { scrollTo(0, document.documentElement.scrollHeight);"
            " const last = [...document.querySelectorAll('.page-foot a, .page-foot button')].at(-1);"
            " const { x, y, width, height } = last.getBoundingClientRect();"
            " return document.elementFromPoint(x + width / 2, y + height / 2) === last; }"
        )
    )


def test_the_console_on_a_phone_in_the_dark(person: Opener, accessible: Check) -> None:
    page = person("owner", "/overview/", width=390, scheme="dark")
    paths = (
        "/overview/",
        "/batches/?outcome=partial",
        "/batches/new",
        "/ledger/",
        "/ledger/statement",
        "/ledger/reconcile",
    )
    for path in paths:
        page.goto(path)
        accessible(page)
        assert end_is_free(page), f"{path}: the end of the page lies under what stays at the bottom"
    page.goto("/batches/?outcome=partial")
    page.click(".row-link >> nth=0")
    page.click(".video-prompt a >> nth=0")
    expect(page.locator("h1")).to_contain_text("Video 1 of")
    accessible(page)
