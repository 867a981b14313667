"""A pilot's day, an error and a rollback with a browser: what is seen, what is pressed, what everybody is told."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
ERROR_AND_BEACON = """() => new Promise((told) => {
  const send = navigator.sendBeacon.bind(navigator);
  navigator.sendBeacon = (address, body) => {
    body.text().then((words) => told([address, JSON.parse(words)]));
    return send(address, body);
  };
  dispatchEvent(new ErrorEvent('error', {message: 'made by a test 42', error: new RangeError('x')}));
})"""


def test_an_error_in_a_browser_is_counted_at_the_desk(person: Opener, accessible: Callable[[Page], None]) -> None:
    olga = person("operator", "/desk/inbox/")
    # What a beacon carries is read where it is sent: a page that goes away does not report its requests.
    address, told = olga.evaluate(ERROR_AND_BEACON)
    assert address == "/v1/client-events"
    assert told["page"] == "/desk/inbox/"
    assert {event["kind"] for event in told["events"]} == {"error", "page"}
    for _ in range(20):
        olga.goto("/desk/errors/?state=browser&q=made+by+a+test")
        if olga.get_by_text("made by a test #").count():
            break
        olga.wait_for_timeout(500)
    expect(olga.get_by_text("RangeError").first).to_be_visible()
    accessible(olga)
    olga.goto("/desk/incidents/")
    # The time of a page without errors is told only as the page is left.
    for _ in range(20):
        olga.goto("/desk/errors/pages")
        if olga.get_by_role("cell", name="/desk/incidents/").count():
            break
        olga.wait_for_timeout(500)
    expect(olga.get_by_role("cell", name="/desk/incidents/").first).to_be_visible()
    expect(olga.get_by_role("cell", name="/desk/inbox/").first).to_be_visible()
    accessible(olga)


def test_a_rollback_is_seen_before_it_is_done_and_told_once(
    market: Any, live: Any, person: Opener, accessible: Callable[[Page], None]
) -> None:
    live.cli("digest", "deals", "--tenant", market["tenant"], "--json")
    olga = person("operator", "/desk/daily/")
    accessible(olga)
    here = f"/desk/daily/{market['tenant']}/deals/"
    olga.goto(here)
    accessible(olga)
    olga.get_by_role("link", name="Weekly review").click()
    expect(olga.get_by_text("not enough data").first).to_be_visible()
    accessible(olga)
    olga.goto(f"/desk/rollbacks/new?program=deals&tenant={market['tenant']}")
    accessible(olga)
    olga.fill("[name=reason]", "A test of the way back.")
    olga.get_by_role("button", name="Stop new deals and export").click()
    expect(olga.locator(".message").first).to_contain_text("New work is stopped")
    accessible(olga)
    olga.fill("#id_words", "We pause new deals. Open ones go on.")
    olga.get_by_role("button", name="Keep the words").click()
    olga.get_by_role("button", name="Send to 2 people").click()
    olga.locator("dialog[open] button[type=submit], dialog[open] button[form]").click()
    expect(olga.get_by_role("heading", name="Receipts")).to_be_visible()
    expect(olga.get_by_text("We pause new deals. Open ones go on.").first).to_be_visible()
    accessible(olga)
    olga.get_by_role("button", name="Let new deals go on").click()
    expect(olga.get_by_text("the end").first).to_be_visible()
    olga.goto("/desk/rollbacks/")
    accessible(olga)
