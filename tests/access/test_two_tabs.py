"""A form belongs to the account of its page and to a session: what happens when either has changed."""

import pytest
from django.test import Client

from pilothouse.kernel.access import commands
from pilothouse.kernel.access.models import Invitation
from pilothouse.kernel.base.scope import tenant_scope

pytestmark = pytest.mark.house
PASSWORD = "correct horse battery"
ADA = "ada@two.example"


@pytest.fixture
def two(shared_house):
    """Two accounts of Ada's and her browser, which works in the first."""
    found = [shared_house.tenant("Alpha"), shared_house.tenant("Beta")]
    for tenant in found:
        with tenant_scope(tenant.id):
            commands.add_member(tenant.id, ADA, "owner", "Ada", PASSWORD)
    browser = Client(enforce_csrf_checks=False)
    browser.post("/account/login/", {"login": ADA, "password": PASSWORD})
    browser.post("/account/tenant", {"tenant": found[0].public_id})
    return (*found, browser)


def invited(tenant):
    with tenant_scope(tenant.id):
        return [each.email for each in Invitation.objects.order_by("id")]


def test_a_form_of_one_account_does_nothing_in_the_other(two):
    alpha, beta, browser = two
    page = browser.get("/members/invite").content.decode()
    assert f'name="for_account" value="{alpha.public_id}"' in page
    form = {"email": "bob@two.example", "role": "engineer", "for_account": alpha.public_id}
    browser.post("/account/tenant", {"tenant": beta.public_id})
    refused = browser.post("/members/invite", form)
    assert refused.status_code == 409
    assert b"You sent a form of Alpha, and you work in Beta now" in refused.content
    assert b"Work in Alpha" in refused.content
    assert (invited(alpha), invited(beta)) == ([], [])
    browser.post("/account/tenant", {"tenant": alpha.public_id})
    assert browser.post("/members/invite", form).status_code == 302
    assert (invited(alpha), invited(beta)) == (["bob@two.example"], [])


def test_what_was_typed_waits_behind_the_sign_in(shared_house, two):
    *_, browser = two
    here = browser.session["tenant"]
    browser.cookies.clear()
    form = {"email": "carol@two.example", "role": "finance", "for_account": here, "csrfmiddlewaretoken": "x"}
    answer = browser.post("/members/invite", form, headers={"Referer": "http://testserver/members/invite"})
    assert answer["Location"] == "/account/login/?next=/members/invite"
    assert b"You were signed out. Nothing was sent" in browser.get(answer["Location"]).content
    signed = browser.post(answer["Location"], {"login": ADA, "password": PASSWORD, "next": "/members/invite"})
    assert signed["Location"] == "/members/invite"
    browser.post("/account/tenant", {"tenant": here})
    page = browser.get("/members/invite").content.decode()
    assert "carol@two.example" in page
    assert '<option value="finance" selected>' in page
    assert "carol@two.example" not in browser.get("/members/invite").content.decode()
