"""The webhook pages: endpoints, secrets shown once, test events, deliveries and sending again."""

import re

import pytest
from django.test import Client
from standardwebhooks import Webhook

from pilothouse.kernel.access import commands as access
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.outbox.commands import NewMessage, encode_body, enqueue
from pilothouse.kernel.outbox.models import Delivery, Endpoint

pytestmark = pytest.mark.house
PASSWORD = "correct horse battery"


@pytest.fixture
def account(house, settings_local):
    """A tenant with an engineer, and their browser."""
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        for role in ("engineer", "finance"):
            access.add_member(tenant.id, f"{role}@northwind.example", role, password=PASSWORD)
    tenant.browser = browser("engineer")
    return tenant


def browser(role):
    client = Client()
    assert (
        client.post("/account/login/", {"login": f"{role}@northwind.example", "password": PASSWORD}).status_code == 302
    )
    return client


def added(account, url):
    """The path of a new endpoint's page."""
    return account.browser.post("/webhooks/new", {"url": url, "description": "Orders"})["Location"]


def secret_in(answer):
    found = re.search(rb"whsec_[\w+/=]+", answer.content)
    return found.group().decode() if found else ""


def told(account, batch, url=None):
    body = encode_body({"event": "batch.completed", "batch_id": batch})
    with tenant_scope(account.id):
        number = Delivery.objects.count() + 1
        enqueue([NewMessage(account.id, "batch.completed", "batch", number, body, url=url, reference=batch)])


def deliveries(account, **filters):
    with tenant_scope(account.id):
        return [(each.public_id, each.state) for each in Delivery.objects.filter(**filters).order_by("id")]


def test_an_endpoint_is_added_its_secret_shown_once_and_a_test_event_verified(account, receiver, drain):
    with receiver() as hook:
        page = added(account, hook.url())
        assert added(account, hook.url()) == page, "the same address is shown, not added twice"
        assert secret_in(account.browser.get(page)) == ""
        secret = secret_in(account.browser.post(f"{page}secret"))
        assert secret
        late = account.browser.post(f"{page}secret", follow=True)
        assert (secret_in(late), b"was shown before" in late.content) == ("", True)
        sent = account.browser.post(f"{page}test")["Location"]
        assert b"on its way" in account.browser.get(sent).content
        drain()
        shown = account.browser.get(sent).content.decode()
        assert "the endpoint answered 200" in shown
        assert "hx-trigger" not in re.search(r'<div id="test-result".*?>', shown).group()
        assert "Healthy" in account.browser.get("/webhooks/").content.decode()
        (seen,) = hook.seen
        Webhook(secret).verify(seen.body, seen.headers)


def test_an_address_that_is_refused_stays_in_the_form_with_the_reason(account):
    for url, reason in (("http://10.0.0.1/hook", "https"), ("https://user:pw@hooks.example/", ""), ("nonsense", "")):
        answer = account.browser.post("/webhooks/new", {"url": url, "description": "kept"})
        text = answer.content.decode()
        assert answer.status_code == 200
        assert "field-error" in text
        assert reason in text
        assert f'value="{url}"' in text
        assert 'value="kept"' in text
    with tenant_scope(account.id):
        assert Endpoint.objects.count() == 0


def test_a_rotation_signs_with_both_and_a_second_press_changes_nothing(account, receiver, drain):
    with receiver() as hook:
        page = added(account, hook.url())
        old = secret_in(account.browser.post(f"{page}secret"))
        seen = re.search(r'name="seen" value="(\w+)"', account.browser.get(page).content.decode()).group(1)
        account.browser.post(f"{page}rotate", {"seen": seen})
        again = account.browser.post(f"{page}rotate", {"seen": seen}, follow=True)
        assert b"rotated a moment ago" in again.content
        assert b"signs too, until" in again.content
        new = secret_in(account.browser.post(f"{page}secret"))
        assert new not in ("", old)
        account.browser.post(f"{page}test")
        drain()
        for secret in (old, new):
            Webhook(secret).verify(hook.seen[0].body, hook.seen[0].headers)


def test_pause_resume_change_and_delete(account, receiver):
    with receiver() as hook:
        page = added(account, hook.url())
        assert b"is paused" in account.browser.post(f"{page}pause", follow=True).content
        stale = account.browser.post(f"{page}pause", follow=True)
        assert "You cannot pause this endpoint: its state is “Paused”." in stale.content.decode()
        assert b"gets events again" in account.browser.post(f"{page}resume", follow=True).content
        changed = account.browser.post(f"{page}edit", {"url": hook.url("/other"), "description": ""}, follow=True)
        assert b"/other" in changed.content
        assert account.browser.post(f"{page}delete")["Location"] == "/webhooks/"
        assert account.browser.get(page).status_code == 404
        assert b"No endpoint yet" in account.browser.get("/webhooks/").content


def test_failed_deliveries_are_found_read_and_sent_again_once(house, account, receiver, drain):
    status = [500]
    with receiver(lambda seen: (status[0], {}, 0.0)) as hook:
        added(account, hook.url())
        for batch in ("bat_one", "bat_two"):
            told(account, batch)
        drain(1)
        with house.connect() as db:
            db.execute("UPDATE delivery SET state = 'dead', ended_at = statement_timestamp(), next_run_at = NULL")
            db.execute("UPDATE endpoint SET closed_until = NULL")
        (one, _), (two, _) = deliveries(account)
        listed = account.browser.get("/webhooks/deliveries/?state=failed").content.decode()
        assert one in listed
        assert two in listed
        found = account.browser.get("/webhooks/deliveries/?batch=bat_two").content.decode()
        assert two in found
        assert one not in found
        page = account.browser.get(f"/webhooks/deliveries/{one}/").content.decode()
        assert "&quot;batch_id&quot;: &quot;bat_one&quot;" in page
        assert "thanks" in page
        assert "answered with an error status" in page
        status[0] = 200
        newer = account.browser.post(f"/webhooks/deliveries/{one}/replay")["Location"]
        assert account.browser.post(f"/webhooks/deliveries/{one}/replay")["Location"] == newer
        assert len(deliveries(account)) == 3
        told_again = account.browser.post("/webhooks/deliveries/replay-failed", follow=True)
        assert b"1 event is sent again" in told_again.content
        none_left = account.browser.post("/webhooks/deliveries/replay-failed", follow=True)
        assert b"Nothing was left to send" in none_left.content
        drain()
        assert [state for _, state in deliveries(account, origin="replay")] == ["delivered", "delivered"]
        assert {each.body for each in hook.seen if b"bat_one" in each.body} == {hook.seen[0].body}


def test_the_default_secret_is_shown_and_rotated(account):
    page = account.browser.get("/webhooks/").content.decode()
    seen = re.search(r'name="seen" value="(\w+)"', page).group(1)
    first = secret_in(account.browser.post("/webhooks/secret/show"))
    second = secret_in(account.browser.post("/webhooks/secret/rotate", {"seen": seen}))
    assert first
    assert second not in ("", first)
    assert secret_in(account.browser.post("/webhooks/secret/rotate", {"seen": seen}, follow=True)) == ""
    assert secret_in(account.browser.post("/webhooks/secret/show")) == second


def test_finance_has_no_webhook_pages_and_another_tenants_are_not_there(house, account, receiver):
    with receiver() as hook:
        page = added(account, hook.url())
    finance = browser("finance")
    for address in ("/webhooks/", "/webhooks/new", "/webhooks/deliveries/", page):
        assert finance.get(address).status_code == 403, address
    other = house.tenant("Other")
    with tenant_scope(other.id):
        access.add_member(other.id, "eve@other.example", "owner", password=PASSWORD)
    eve = Client()
    eve.post("/account/login/", {"login": "eve@other.example", "password": PASSWORD})
    assert eve.get(page).status_code == 404
    for verb in ("pause", "delete", "rotate", "test", "secret"):
        assert eve.post(f"{page}{verb}").status_code == 404, verb
    assert eve.get("/webhooks/deliveries/dlv_none/").status_code == 404
