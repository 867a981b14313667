"""From a new key to a confirmed receipt: the engineer's key, a batch by the API, its receipt, finance's eight ticks."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx2 as httpx
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Check = Callable[[Page], None]
BATCH_PATIENCE_MS = 180_000


def test_from_the_key_to_the_confirmed_receipt(person: Any, accessible: Check) -> None:
    house = person.house
    engineer = person("engineer", "/keys/new")
    engineer.fill("[name=name]", "Confirmed day")
    engineer.select_option("[name=kind]", "test")
    engineer.click("main form [type=submit]")
    engineer.click("text=Show the API key")
    key = engineer.locator("#raw-key").inner_text()
    batch = batch_of(house.site, key)
    engineer.goto(f"/batches/{batch}/")
    expect(engineer.locator("#batch-live")).to_contain_text("10 of 10 videos", timeout=BATCH_PATIENCE_MS)
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {key}"}) as api:
        body = receipt(api.get(f"{house.site}/v1/batches/{batch}").json())
    finance = person("finance", "/ledger/reconcile")
    finance.fill("#id_body", body)
    finance.click("button:has-text('Compare with the ledger')")
    expect(finance.locator("[data-same=no]")).to_have_count(0)
    for box in finance.locator("[name=field]").all():
        box.check()
    accessible(finance)
    finance.dblclick("button:has-text('Keep this confirmation')")
    expect(finance).to_have_url(re.compile(rf"/batches/{batch}/$"))
    expect(finance.locator("[data-confirmations] [data-agrees=yes]")).to_have_count(1)
    accessible(finance)
    finance.goto("/ledger/confirmations")
    expect(finance.locator("[data-confirmation]").first).to_contain_text("8 of 8 fields confirmed")
    accessible(finance)
    olga = person("operator", "/desk/confirmations/", width=390, scheme="dark")
    expect(olga.locator("[data-confirmation]").first).to_contain_text("8 of 8 fields confirmed")
    accessible(olga)


def batch_of(site: str, key: str) -> str:
    """The id of a new batch of ten."""
    items = [{"params": {"prompt": f"A jar of honey, take {number}", "seconds": 1}} for number in range(10)]
    body = {"request_id": "confirmed-1", "items": items}
    answer = httpx.post(
        f"{site}/v1/batches", json=body, timeout=30, trust_env=False, headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["batch_id"])


def receipt(batch: Mapping[str, Any]) -> str:
    """The body that a receiver stored, from what the API says of the batch."""
    return json.dumps({
        "event": "batch.completed",
        "batch_id": batch["batch_id"],
        "request_id": batch["request_id"],
        "summary": {name: batch["summary"][name] for name in ("total", "succeeded", "failed")},
        "ledger": {name: batch["ledger"][name] for name in ("reserved", "settled", "refunded")},
        "timestamp": batch["completed_at"],
    })  # fmt: skip
