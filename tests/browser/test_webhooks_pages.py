"""An engineer adds an endpoint, shows its secret, sends a test event and reads what came back."""

import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Page, expect
from standardwebhooks import Webhook

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
Check = Callable[[Page], None]
ANSWER_PATIENCE_MS = 30_000


class Hook(BaseHTTPRequestHandler):
    """Answers every POST and keeps what it saw."""

    seen: list[tuple[bytes, dict[str, str]]] = []

    def do_POST(self) -> None:
        """Take one event."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((body, {name.lower(): value for name, value in self.headers.items()}))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"thank you")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_from_the_address_to_the_verified_test_event(live: object, person: Opener, accessible: Check) -> None:
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        page = person("engineer", "/webhooks/")
        accessible(page)
        page.click("text=Add an endpoint >> nth=0")
        page.fill("[name=url]", "http://10.1.2.3/hook")
        page.fill("[name=description]", "The warehouse")
        page.click("main [type=submit]")
        expect(page.locator(".field-error")).to_be_visible()
        expect(page.locator("[name=description]")).to_have_value("The warehouse")
        page.fill("[name=url]", f"http://127.0.0.1:{server.server_port}/hook")
        page.click("main [type=submit]")
        page.click("text=Show the secret once")
        secret = page.locator("#raw-secret").inner_text()
        accessible(page)
        page.click("text=Send a test event")
        page.evaluate("window.sameDocument = true")
        expect(page.locator("#test-result")).to_contain_text("answered 200", timeout=ANSWER_PATIENCE_MS)
        assert page.evaluate("window.sameDocument"), "the answer came without loading the page again"
        body, headers = Hook.seen[-1]
        Webhook(secret).verify(body, headers)
        page.click("text=See the request and the answer")
        expect(page.locator("main")).to_contain_text("Try 1")
        page.click("text=The answer's body")
        expect(page.locator("main")).to_contain_text("thank you")
        accessible(page)
        page.click("text=Send it again")
        expect(page.locator("#delivery-live [data-state=delivered] >> nth=0")).to_be_visible(timeout=ANSWER_PATIENCE_MS)
        assert Hook.seen[-1][0] == body
        page.goto("/webhooks/deliveries/?state=delivered")
        accessible(page)
        page.goto("/webhooks/")
        page.click(f"text=127.0.0.1:{server.server_port}")
        page.click("main button >> text=Rotate")
        page.click("dialog[open] [type=submit]")
        expect(page.locator("main")).to_contain_text("An older one signs too, until")
        page.click("main button >> text=Delete")
        page.click("dialog[open] [type=submit]")
        expect(page.locator("main")).to_contain_text("The endpoint is deleted")
        server.shutdown()


def test_on_a_phone_in_the_dark(live: object, person: Opener, accessible: Check) -> None:
    page = person("owner", "/webhooks/new", width=390, scheme="dark")
    accessible(page)
    page.goto("/webhooks/deliveries/")
    accessible(page)
    page.click(".row-link >> nth=0")
    expect(page).to_have_url(re.compile(r"/webhooks/deliveries/dlv_"))
    accessible(page)
