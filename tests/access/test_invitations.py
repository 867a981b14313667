"""Invitations: sent, sent again, withdrawn, expired, accepted once; whoever was removed sees nothing any more."""

import re
import threading

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pilothouse.kernel.access import commands, invitations
from pilothouse.kernel.access.errors import AlreadyInvited, AlreadyMember, InvitationGone, SentTooOften
from pilothouse.kernel.access.models import Invitation, Member
from pilothouse.kernel.access.queries import people_history
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sealing import unseal
from pilothouse.kernel.lifecycle.errors import TransitionRefused
from pilothouse.kernel.lifecycle.queries import stuck_subjects
from pilothouse.kernel.lifecycle.timers import fire_due
from pilothouse.kernel.outbox.models import Notice
from pilothouse.kernel.outbox.notices import PURPOSE

pytestmark = pytest.mark.house
PASSWORD = "correct horse battery"
BOB = "bob@northwind.example"


@pytest.fixture
def account(shared_house):
    """A new tenant whose owner is Ada, and Ada's browser."""
    tenant = shared_house.tenant()
    mail = f"ada@{tenant.id}.example"
    with tenant_scope(tenant.id):
        commands.add_member(tenant.id, mail, "owner", "Ada Moreno", PASSWORD)
    browser = Client()
    assert browser.post("/account/login/", {"login": mail, "password": PASSWORD})["Location"] == "/"
    tenant.ada, tenant.mail = browser, mail
    return tenant


def bob_of(tenant):
    return f"bob@{tenant.id}.example"


def links(tenant):
    """The paths of the invitations mailed for this tenant, in order."""
    with tenant_scope(tenant.id):
        texts = [unseal(PURPOSE, each.content).decode() for each in Notice.objects.order_by("id")]
    return [re.search(r"http://127.0.0.1:8000(/account/invitation/\w+/)", text).group(1) for text in texts]


def invited(tenant, role="engineer"):
    with tenant_scope(tenant.id, f"user:{tenant.mail}"):
        return invitations.invite(tenant.id, bob_of(tenant), role)


def told(tenant):
    with tenant_scope(tenant.id):
        return [(row["subject_kind"], row["type"]) for row in reversed(people_history(tenant.id))]


def test_a_new_person_joins_with_a_password_and_is_signed_in(account):
    answer = account.ada.post("/members/invite", {"email": f"Bob@{account.id}.example", "role": "finance"})
    assert answer["Location"] == "/members/"
    page = account.ada.get("/members/").content.decode()
    assert bob_of(account) in page
    (link,) = links(account)
    bob = Client()
    offer = bob.get(link)
    assert offer.status_code == 200
    assert b"as finance" in offer.content
    short = bob.post(link, {"name": "Bob Reyes", "password": "short"})
    assert b"at least 10 characters" in short.content
    assert b'value="Bob Reyes"' in short.content
    assert bob.post(link, {"name": "Bob Reyes", "password": "a fine long password"})["Location"] == "/"
    with tenant_scope(account.id):
        member = Member.objects.get(user__username=bob_of(account))
        assert member.role == "finance"
        assert Invitation.objects.get().state == "accepted"
    assert member.user.get_full_name() == "Bob Reyes"
    assert member.user.check_password("a fine long password")
    assert bob.get("/batches/").status_code == 200
    for late in (Client().get(link), Client().post(link, {"name": "Eve", "password": "another long one"})):
        assert late.status_code == 410
    assert told(account) == [("member", "add"), ("invitation", "send"), ("member", "add"), ("invitation", "accept")]


def test_without_a_password_they_sign_in_by_link_or_code(account):
    invited(account)
    (link,) = links(account)
    bob = Client()
    assert bob.post(link, {"name": "Bob Reyes", "password": ""}).status_code == 302
    assert not User.objects.get(username=bob_of(account)).has_usable_password()
    assert bob.get("/batches/").status_code == 200


def test_a_known_person_just_joins_and_signs_in_as_ever(shared_house, account):
    other = shared_house.tenant("Second")
    with tenant_scope(other.id):
        commands.add_member(other.id, bob_of(account), "owner", "Bob", PASSWORD)
    invited(account)
    (link,) = links(account)
    bob = Client()
    page = bob.get(link)
    assert b'name="password"' not in page.content
    answer = bob.post(link, {"name": "Mallory", "password": "changed by a link"})
    assert answer["Location"] == "/account/login/"
    assert "_auth_user_id" not in bob.session, "a link goes around nobody's second factor"
    person = User.objects.get(username=bob_of(account))
    assert person.check_password(PASSWORD)
    assert person.first_name == "Bob"
    bob.post("/account/login/", {"login": bob_of(account), "password": PASSWORD})
    assert account.name.encode() in bob.get("/batches/").content


def test_a_signed_in_person_joins_at_once_and_a_stranger_to_it_cannot(shared_house, account):
    other = shared_house.tenant("Second")
    with tenant_scope(other.id):
        commands.add_member(other.id, bob_of(account), "owner", "Bob", PASSWORD)
    invited(account)
    (link,) = links(account)
    refused = account.ada.post(link)
    assert b"You are signed in as" in refused.content
    with tenant_scope(account.id):
        assert Member.objects.count() == 1
    bob = Client()
    bob.post("/account/login/", {"login": bob_of(account), "password": PASSWORD})
    assert bob.post(link)["Location"] == "/"
    with tenant_scope(account.id):
        assert Member.objects.count() == 2


def test_of_two_presses_at_once_one_joins(account):
    invited(account)
    (link,) = links(account)
    answers = []
    start = threading.Barrier(2)

    def press():
        from django.db import connections

        start.wait()
        answers.append(Client().post(link, {"name": "Bob", "password": ""}).status_code)
        connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) in ([302, 302], [302, 410])
    with tenant_scope(account.id):
        assert Member.objects.filter(user__username=bob_of(account)).count() == 1


def test_sent_again_the_old_link_is_dead_and_a_double_press_is_one_mail(shared_house, account):
    found = invited(account)
    with shared_house.connect() as db:
        db.execute("UPDATE invitation SET last_sent_at = last_sent_at - interval '5 minutes'")
    with tenant_scope(account.id):
        invitations.resend(found)
        with pytest.raises(SentTooOften):
            invitations.resend(found)
    old, new = links(account)
    assert (Client().get(old).status_code, Client().get(new).status_code) == (410, 200)


def test_withdrawn_or_expired_it_is_gone(shared_house, account):
    found = invited(account)
    (link,) = links(account)
    account.ada.post(f"/members/invitations/{found.public_id}/withdraw")
    assert Client().get(link).status_code == 410
    with tenant_scope(account.id):
        with pytest.raises(TransitionRefused):
            invitations.withdraw(found)
        with pytest.raises(TransitionRefused):
            invitations.resend(found)
    second = invited(account)
    with shared_house.connect() as db:
        db.execute(
            "UPDATE timer SET due_at = statement_timestamp() WHERE state = 'armed' AND subject_id = %s", [second.id]
        )
    fire_due()
    with tenant_scope(account.id):
        second.refresh_from_db()
        assert (second.state, second.ended_at is not None) == ("expired", True)
    assert Client().get(links(account)[-1]).status_code == 410
    with worker_scope():
        assert [row for row in stuck_subjects() if row["kind"] == "invitation"] == []


def test_what_cannot_be_sent_is_said(account):
    invited(account)
    with tenant_scope(account.id):
        with pytest.raises(AlreadyInvited):
            invitations.invite(account.id, bob_of(account), "owner")
        with pytest.raises(AlreadyMember):
            invitations.invite(account.id, account.mail, "owner")
        for mail, role in (("no address", "owner"), ("eve@x.example", "king")):
            with pytest.raises(InvalidInput):
                invitations.invite(account.id, mail, role)
        with pytest.raises(InvitationGone):
            invitations.accept(account.id, 1, "never was")
    again = account.ada.post("/members/invite", {"email": bob_of(account), "role": "owner"})
    assert b"has an invitation that waits already" in again.content
    assert bob_of(account).encode() in again.content


def test_only_owners_see_the_members(account):
    for role in ("engineer", "finance"):
        mail = f"{role}@{account.id}.example"
        with tenant_scope(account.id):
            commands.add_member(account.id, mail, role, password=PASSWORD)
        browser = Client()
        browser.post("/account/login/", {"login": mail, "password": PASSWORD})
        for address in ("/members/", "/members/invite"):
            assert browser.get(address).status_code == 403
        assert b'href="/members/"' not in browser.get("/batches/").content
        assert browser.get("/keys/").status_code == (200 if role == "engineer" else 403)


def test_a_removed_member_loses_the_account_with_the_next_request(account):
    with tenant_scope(account.id):
        bob = commands.add_member(account.id, bob_of(account), "engineer", "Bob", PASSWORD)
    browser = Client()
    browser.post("/account/login/", {"login": bob_of(account), "password": PASSWORD})
    assert browser.get("/keys/").status_code == 200
    assert account.ada.get(f"/members/{bob.public_id}/").status_code == 200
    account.ada.post(f"/members/{bob.public_id}/", {"role": "finance"})
    assert browser.get("/keys/").status_code == 403
    account.ada.post(f"/members/{bob.public_id}/remove")
    assert browser.get("/batches/").status_code == 403
    assert account.ada.post(f"/members/{bob.public_id}/remove").status_code == 404
    assert ("member", "remove") in told(account)


def test_the_last_owner_stays_and_is_told_why(account):
    with tenant_scope(account.id):
        ada = Member.objects.get()
    page = account.ada.get(f"/members/{ada.public_id}/")
    assert b"only owner" in page.content
    assert b"Leave the account" not in page.content
    refused = account.ada.post(f"/members/{ada.public_id}/", {"role": "finance"})
    assert b"last owner" in refused.content
    account.ada.post(f"/members/{ada.public_id}/remove")
    with tenant_scope(account.id):
        assert Member.objects.get().role == "owner"
