"""A customer's engineer signs in, sends a batch and watches it move to its end."""

import re
from collections.abc import Callable

import httpx2 as httpx
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
BATCH_PATIENCE_MS = 180_000
Opener = Callable[..., Page]


def send_batch(site: str, key: str, request_id: str, count: int = 10, **more: object) -> str:
    """The id of a new batch; its last video is refused by the provider."""
    prompts = [f"A blue vase, take {number} of {request_id}" for number in range(count - 1)]
    prompts.append("An explicit scene that no brand would publish")
    answer = httpx.post(
        f"{site}/v1/batches",
        json={
            "request_id": request_id,
            "items": [{"params": {"prompt": prompt, "seconds": 1}} for prompt in prompts],
            **more,
        },
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
        trust_env=False,
    )
    assert answer.status_code in (200, 201, 202), answer.text
    return str(answer.json()["batch_id"])


def test_the_engineer_watches_a_batch_to_its_end(
    live: object, person: Opener, accessible: Callable[[Page], None]
) -> None:
    house = person.house  # type: ignore[attr-defined]
    house.cli("grant", house.tenant, "100", "--description", "Browser test: a batch that is watched")
    page = person("engineer", "/batches/")
    batch = send_batch(house.site, house.key, "watched-1")
    page.goto(f"/batches/{batch}/")
    expect(page.locator("[data-live]")).to_have_text("Live")
    page.evaluate("window.sameDocument = true")
    expect(page.locator("#batch-live")).to_contain_text("9 of 10 videos finished", timeout=BATCH_PATIENCE_MS)
    assert page.evaluate("window.sameDocument"), "the page moved without being loaded again"
    parts = {
        str(row.get_attribute("data-part")): int(str(row.get_attribute("data-amount")))
        for row in page.locator("[data-part]").all()
    }
    assert sorted(parts.values()) == [0, 10, 90], parts
    assert page.locator("[data-total]").get_attribute("data-total") == "100"
    video = page.locator("video").first
    video.evaluate("(video) => { video.preload = 'auto'; video.load(); }")
    page.wait_for_function("() => document.querySelector('video').readyState >= 1")
    assert video.evaluate("(video) => video.videoWidth") > 0
    assert page.locator("video").count() == 9
    accessible(page)


def test_a_page_asks_for_sign_in_again_when_the_session_ended(live: object, person: Opener) -> None:
    page = person("engineer", "/batches/")
    page.context.clear_cookies()
    page.click("nav[aria-label=Main] a >> nth=0")
    expect(page).to_have_url(re.compile(r"/account/login/\?next="))
    house = person.house  # type: ignore[attr-defined]
    page.fill("[name=login]", house.people["engineer"])
    page.fill("[name=password]", house.password)
    page.click("form[action*=login] [type=submit]")
    expect(page).to_have_url(re.compile("/overview/$"))


def test_on_a_phone_in_the_dark(live: object, person: Opener, accessible: Callable[[Page], None]) -> None:
    page = person("finance", "/batches/", width=390, scheme="dark")
    accessible(page)
    page.click(".row-link >> nth=0")
    expect(page.locator("#batch-live")).to_be_visible()
    accessible(page)
