"""Passkeys in a real browser with a virtual authenticator, under the site's own policy."""

import socketserver
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test import override_settings
from playwright.sync_api import expect

from pilothouse.kernel.access import commands
from pilothouse.kernel.base.scope import tenant_scope

pytestmark = [pytest.mark.browser, pytest.mark.house]

ADA, PASSWORD = "ada@northwind.example", "correct horse battery"
REPORTS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error("CSP " + event.violatedDirective + " " + event.blockedURI));
"""


class Threaded(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def site(house):
    """The site on localhost: a passkey is bound to a host name and refuses a bare address."""
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        user = commands.add_member(tenant.id, ADA, "owner", "Ada Moreno", PASSWORD).user
    EmailAddress.objects.filter(user=user).update(verified=True)
    server = make_server("127.0.0.1", 0, WSGIHandler(), server_class=Threaded, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://localhost:{server.server_port}"
    try:
        with override_settings(CSRF_TRUSTED_ORIGINS=[address]):
            yield address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def page(site, chromium, browser):
    problems = []
    context = browser.new_context(base_url=site)
    context.add_init_script(REPORTS)
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if "CSP" in message.text else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    chromium.close([context])
    assert problems == []


def authenticator(page, *, verified=True):
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": verified, "automaticPresenceSimulation": True,
    }  # fmt: skip
    found = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, found["authenticatorId"]


def sign_in(page):
    page.goto("/account/login/")
    page.get_by_label("Email").fill(ADA)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/account/login/" not in url)


def in_thread(work):
    """Django refuses the database in a thread that runs an event loop, as this one does for the browser."""
    result = []

    def run():
        result.append(work())
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return result[0]


def test_a_passkey_is_added_used_to_sign_in_and_explained_when_it_fails(page):
    session, device = authenticator(page)
    sign_in(page)
    page.goto("/account/two-factor/webauthn/add/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**/account/two-factor/recovery-codes/**")
    assert in_thread(lambda: Authenticator.objects.filter(type="webauthn").count()) == 1
    assert len(session.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]) == 1

    page.goto("/account/logout/")
    page.get_by_role("button", name="Sign out", exact=True).last.click()
    page.wait_for_url("**/account/login/**")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(lambda url: "/account/login/" not in url)
    page.goto("/account/sessions/")
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()

    # The device is gone: the page says what did not happen.
    page.context.clear_cookies()
    session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.goto("/account/login/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey was not used")


def test_a_passkey_is_the_second_factor_after_a_password(page):
    authenticator(page)
    sign_in(page)
    page.goto("/account/two-factor/webauthn/add/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**/account/two-factor/recovery-codes/**")
    page.context.clear_cookies()
    page.goto("/account/login/")
    page.get_by_label("Email").fill(ADA)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/account/two-factor/authenticate/**")
    page.get_by_role("button", name="security key").click()
    page.wait_for_url(lambda url: "/account/two-factor/" not in url)
    page.goto("/account/sessions/")
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
