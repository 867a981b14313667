"""The pages of API keys: issue by a one-time link, rotate with an overlap, pause, revoke, and what a key did."""

import re

import pytest
from django.test import Client, RequestFactory

from pilothouse.kernel.access import commands
from pilothouse.kernel.access.authenticate import authenticate
from pilothouse.kernel.access.errors import InactiveKey
from pilothouse.kernel.access.models import ApiKey, RevealLink
from pilothouse.kernel.access.usage import UsageLog
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.base.sealing import unseal
from pilothouse.kernel.lifecycle.timers import fire_due
from pilothouse.kernel.outbox.models import Notice
from pilothouse.kernel.outbox.notices import PURPOSE

pytestmark = pytest.mark.house
PASSWORD = "correct horse battery"
FORM = {"name": "Pilot - Northwind", "kind": "pilot", "scopes": ["batches:read"], "rate_limit_per_min": 60, "to": "me"}


@pytest.fixture
def account(shared_house):
    """A tenant with an owner and an engineer, and the engineer's browser."""
    tenant = shared_house.tenant()
    tenant.people = {role: f"{role}@{tenant.id}.example" for role in ("owner", "engineer")}
    with tenant_scope(tenant.id):
        for role, mail in tenant.people.items():
            commands.add_member(tenant.id, mail, role, password=PASSWORD)
    tenant.browser = Client()
    tenant.browser.post("/account/login/", {"login": tenant.people["engineer"], "password": PASSWORD})
    return tenant


def once_of(account, address="/keys/new"):
    page = account.browser.get(address).content.decode()
    return re.search(r'name="once" value="(\w+)"', page).group(1)


def revealed(account, link):
    shown = account.browser.post(link)
    return re.search(rb"ek_\w+", shown.content).group().decode()


def issued(account, **changes):
    form = {**FORM, "once": once_of(account), **changes}
    return revealed(account, account.browser.post("/keys/new", form)["Location"])


def key_page(account, index=-1):
    with tenant_scope(account.id):
        return f"/keys/{list(ApiKey.objects.order_by('id'))[index].public_id}/"


def call(raw):
    return authenticate(RequestFactory().get("/v1/batches", headers={"Authorization": f"Bearer {raw}"}))


def test_a_double_press_makes_one_link_and_one_key(account):
    form = {**FORM, "once": once_of(account)}
    first, second = (account.browser.post("/keys/new", form)["Location"] for _ in range(2))
    assert first == second
    raw = revealed(account, first)
    assert account.browser.post(first).status_code == 410
    assert account.browser.post("/keys/new", form, follow=True).status_code == 410
    with tenant_scope(account.id):
        assert [key.hint for key in ApiKey.objects.all()] == [f"ek_pilot_…{raw[-4:]}"]
    page = account.browser.get("/keys/").content.decode()
    assert f"ek_pilot_…{raw[-4:]}" in page
    assert raw not in page


def test_bad_fields_keep_what_was_typed(account):
    answer = account.browser.post("/keys/new", {**FORM, "once": "x", "scopes": [], "rate_limit_per_min": 0})
    text = answer.content.decode()
    assert "choose at least one" in text
    assert 'value="Pilot - Northwind"' in text
    assert text.count("field-error") == 2


def test_a_link_is_mailed_to_a_member_once_and_to_nobody_else(account):
    form = {**FORM, "once": once_of(account), "to": account.people["owner"]}
    for _ in range(2):
        assert account.browser.post("/keys/new", form)["Location"] == "/keys/"
    with tenant_scope(account.id):
        (notice,) = Notice.objects.filter(address=account.people["owner"])
    text = unseal(PURPOSE, notice.content).decode()
    link = re.search(r"http://127.0.0.1:8000(/account/reveal/\w+/)", text).group(1)
    assert account.people["owner"] in account.browser.get("/keys/").content.decode()
    assert b"Select a valid choice" in account.browser.post("/keys/new", {**form, "to": "eve@x.example"}).content
    with tenant_scope(account.id):
        public_id = RevealLink.objects.get().public_id
    account.browser.post(f"/keys/links/{public_id}/withdraw")
    assert Client().get(link).status_code == 410
    stale = account.browser.post(f"/keys/links/{public_id}/withdraw", follow=True)
    assert b"Nothing was changed" in stale.content


def test_a_rotated_key_works_beside_the_new_one_until_its_hour(shared_house, account):
    old = issued(account)
    page = key_page(account)
    link = account.browser.post(
        f"{page}rotate", {"once": once_of(account, f"{page}rotate"), "overlap_hours": 24, "to": "me"}
    )
    assert call(old).role == "engineer", "nothing changes until the new key is shown"
    new = revealed(account, link["Location"])
    assert call(old).tenant == call(new).tenant == account.id
    assert b"stops working on" in account.browser.get(page).content
    with shared_house.connect() as db:
        db.execute("UPDATE enterprise_api_keys SET ends_at = statement_timestamp() WHERE ends_at IS NOT NULL")
    with pytest.raises(InactiveKey, match="revoked"):
        call(old)
    with shared_house.connect() as db:
        db.execute("UPDATE timer SET due_at = statement_timestamp() WHERE name = 'retire' AND state = 'armed'")
    fire_due()
    with tenant_scope(account.id):
        assert [key.state for key in ApiKey.objects.order_by("id")] == ["revoked", "revealed_once"]
    assert call(new).tenant == account.id
    assert b"because it was rotated" in account.browser.get(page).content


def test_a_rotation_at_once_ends_the_old_key_with_the_new_one(account):
    old = issued(account)
    page = key_page(account)
    form = {"once": once_of(account, f"{page}rotate"), "overlap_hours": 0, "to": "me"}
    revealed(account, account.browser.post(f"{page}rotate", form)["Location"])
    with pytest.raises(InactiveKey):
        call(old)
    stale = account.browser.post(f"{page}rotate", form, follow=True)
    assert b"is revoked; issue a new one" in stale.content


def test_pause_resume_and_revoke_from_a_stale_page_too(account):
    raw = issued(account)
    page = key_page(account)
    account.browser.post(f"{page}pause")
    with pytest.raises(InactiveKey, match="paused"):
        call(raw)
    account.browser.post(f"{page}resume")
    call(raw)
    assert b"revoked for good" in account.browser.post(f"{page}revoke", follow=True).content
    for verb in ("resume", "revoke"):
        refused = account.browser.post(f"{page}{verb}", follow=True).content.decode()
        assert f"You cannot {verb} this key: its state is “Revoked”." in refused
    assert account.browser.post("/keys/key_none/revoke").status_code == 404


def test_what_a_key_did_is_counted_and_listed(account):
    issued(account)
    with tenant_scope(account.id):
        key = ApiKey.objects.get()
    log = UsageLog()
    for status in (200, 201, 404, 500):
        call_made = {"method": "GET", "path": "/v1/batches", "status": status, "milliseconds": 7, "ip_hash": ""}
        who = {"tenant": account.id, "key": key.id, "actor": "key", "request_id": f"req_{status}"}
        log.queue.put({**who, **call_made, "at": clock.now().isoformat()})
    log.flush()
    page = account.browser.get(f"/keys/{key.public_id}/").content.decode()
    assert re.search(r"Calls, last 24 h</span>\s*<span class=\"stat-value\">4<", page)
    assert re.search(r"Errors, last 24 h</span>\s*<span class=\"stat-value\">2<", page)
    errors = account.browser.get(f"/keys/{key.public_id}/?show=errors").content.decode()
    assert "req_500" in errors
    assert "req_201" not in errors
    for nonsense in ("?before=x", "?before=2026-99-99", "?page=zz", "?state=nonsense&q=%25"):
        assert account.browser.get(f"/keys/{key.public_id}/{nonsense}").status_code == 200
        assert account.browser.get(f"/keys/{nonsense}").status_code == 200
