"""Sign-in: password, code, link, authenticator app; sessions; what a stranger can learn."""

import re
import threading

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse
from forging import forged

from pilothouse.kernel.access import commands
from pilothouse.kernel.access.known_devices import known_device
from pilothouse.kernel.base.scope import tenant_scope, worker_scope

pytestmark = pytest.mark.house

ADA = "ada@northwind.example"
PASSWORD = "correct horse battery"


@pytest.fixture
def ada(house):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        user = commands.add_member(tenant.id, ADA, "owner", "Ada Moreno", PASSWORD).user
    EmailAddress.objects.filter(user=user).update(verified=True)
    mail.outbox = []
    return user


def signed_in(client):
    return "_auth_user_id" in client.session


def by_password(client, password=PASSWORD):
    return client.post("/account/login/", {"login": ADA, "password": password})


def link_in_mail():
    (message,) = mail.outbox
    found = re.search(r"https?://\S+", message.body)
    return found.group().removeprefix("http://127.0.0.1:8000")


def request_with(cookie):
    request = RequestFactory().get("/account/login/")
    request.COOKIES["known_device"] = cookie
    return request


def totp_of(user):
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def code_of(secret):
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


@pytest.fixture
def client():
    return Client()


def test_by_password_and_out_again(ada, client):
    page = client.get("/account/login/")
    assert page.status_code == 200
    assert b"Sign in" in page.content
    assert by_password(client, "wrong").status_code == 200
    assert not signed_in(client)
    assert by_password(client)["Location"] == "/"
    assert signed_in(client)
    assert client.post("/account/logout/")["Location"] == "/account/login/"
    assert not signed_in(client)


def test_by_code_once(ada, client):
    answer = client.post("/account/login/code/", {"email": ADA})
    assert answer["Location"].startswith("/account/login/code/confirm/")
    (message,) = mail.outbox
    code = re.search(r"^[0-9A-Z-]{6,}$", message.body, re.MULTILINE).group()
    assert code in message.subject
    assert client.get("/account/login/code/confirm/").status_code == 200
    assert client.post("/account/login/code/confirm/", {"code": "000000"}).status_code == 200
    assert not signed_in(client)
    client.post("/account/login/code/confirm/", {"code": code})
    assert signed_in(client)
    other = Client()
    other.post("/account/login/code/confirm/", {"code": code})
    assert not signed_in(other)


def test_by_link_once_and_only_by_pressing_the_button(ada, client):
    sent = client.post("/account/login/link/", {"email": ADA})
    assert b"Look into your mail" in sent.content
    link = link_in_mail()
    # A mail scanner opens the link as often as it likes.
    for _ in range(3):
        shown = Client().get(link)
        assert (shown.status_code, ADA.encode() in shown.content) == (200, True)
    assert not signed_in(client)
    assert client.post(link)["Location"] == "/"
    assert signed_in(client)
    for late in (Client(), client):
        assert late.post(link).status_code == 410
        assert late.get(link).status_code == 410
    EmailAddress.objects.get(user=ada, verified=True)


def test_of_two_who_press_at_once_one_is_signed_in(ada):
    Client().post("/account/login/link/", {"email": ADA})
    link, answers, both = link_in_mail(), [], threading.Barrier(2)

    def press():
        from django.db import connections

        both.wait()
        answers.append(Client().post(link).status_code)
        connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [302, 410]


@pytest.mark.parametrize(
    "change", ["password", "signed in since", "another person", "shortened", "too old", "switched off"]
)
def test_a_link_is_bound_to_its_person_and_moment(ada, client, change, monkeypatch):
    client.post("/account/login/link/", {"email": ADA})
    link = link_in_mail()
    if change == "password":
        ada.set_password("another good password")
        ada.save()
    elif change == "signed in since":
        by_password(Client())
    elif change == "another person":
        with worker_scope():
            eve = commands.ensure_person("eve@elsewhere.example")
        link = link.replace(
            link.split("/")[-2][:6], __import__("base64").urlsafe_b64encode(eve.pk.to_bytes(4)).decode()[:6]
        )
    elif change == "shortened":
        link = link[:-3] + "/"
    elif change == "too old":
        import sesame.tokens_v2

        real = sesame.tokens_v2.time.time()
        monkeypatch.setattr(sesame.tokens_v2.time, "time", lambda: real + 15 * 60 + 1)
    else:
        User.objects.filter(pk=ada.pk).update(is_active=False)
    assert client.get(link).status_code == 410
    assert client.post(link).status_code == 410
    assert not signed_in(client)


@pytest.mark.parametrize("way", ["password", "link", "code"])
def test_an_authenticator_app_is_asked_after_every_first_step(ada, client, way):
    secret = totp_of(ada)
    assert secret not in str(list(Authenticator.objects.values_list("data", flat=True)))
    if way == "password":
        by_password(client)
    elif way == "link":
        client.post("/account/login/link/", {"email": ADA})
        client.post(link_in_mail())
    else:
        client.post("/account/login/code/", {"email": ADA})
        code = re.search(r"^[0-9A-Z-]{6,}$", mail.outbox[0].body, re.MULTILINE).group()
        client.post("/account/login/code/confirm/", {"code": code})
    assert not signed_in(client)
    page = client.get("/account/two-factor/authenticate/")
    assert page.status_code == 200
    client.post("/account/two-factor/authenticate/", {"code": "000000"})
    assert not signed_in(client)
    client.post("/account/two-factor/authenticate/", {"code": code_of(secret)})
    assert signed_in(client)


def test_a_stranger_learns_nothing_of_who_has_an_account(ada):
    unknown = "nobody@northwind.example"
    for where, field in (
        ("/account/login/link/", "email"),
        ("/account/login/code/", "email"),
        ("/account/password/reset/", "email"),
    ):
        answers = []
        for address in (ADA, unknown):
            fresh = Client()
            answer = fresh.post(where, {field: address}, follow=True)
            body = re.sub(rb'value="[A-Za-z0-9]{64}"|req_\w+', b"", answer.content.replace(address.encode(), b""))
            answers.append(
                (answer.status_code, re.sub(rb'"X-CSRFToken": "\w+"|server-now" content="[^"]+"', b"", body))
            )
        assert answers[0] == answers[1], where
    told = [message for message in mail.outbox if message.to == [unknown]]
    assert [message.subject for message in told] == ["Nobody at Sora2 has this address"] * 3
    assert "ask an owner" in told[0].body
    wrong = [Client().post("/account/login/", {"login": who, "password": "x"}).content for who in (ADA, unknown)]
    cleaned = [
        re.sub(rb'value="[^"]*"|"X-CSRFToken": "\w+"|req_\w+|server-now" content="[^"]+"', b"", page) for page in wrong
    ]
    assert cleaned[0] == cleaned[1]


def test_nobody_signs_up_alone(ada, client):
    page = client.get("/account/signup/")
    assert b"By invitation" in page.content
    client.post("/account/signup/", {"email": "eve@elsewhere.example", "password1": PASSWORD})
    assert User.objects.count() == 1


def test_links_and_codes_share_one_bounded_budget_across_processes(ada):
    answers = [Client().post("/account/login/link/", {"email": ADA}).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]
    assert Client().post("/account/login/code/", {"email": ADA}).status_code in (200, 429)
    assert len(mail.outbox) == 3
    from django.db import connections

    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM shared_cache WHERE cache_key LIKE '%%rl%%'")
        assert cursor.fetchone()[0] > 0


def test_nobody_changes_their_address_alone_and_a_mailed_link_proves_it(ada, client):
    EmailAddress.objects.update(verified=False)
    by_password(client)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    client.post("/account/email/", {"action_add": "", "email": "eve@elsewhere.example"})
    assert list(EmailAddress.objects.values_list("email", flat=True)) == [ADA]
    told = client.get("/account/two-factor/totp/activate/", follow=True)
    assert b"Sign in once by a mailed code or link first" in told.content
    fresh = Client()
    mail.outbox = []
    fresh.post("/account/login/link/", {"email": ADA})
    fresh.post(link_in_mail())
    assert EmailAddress.objects.get().verified
    assert client.get("/account/two-factor/totp/activate/").status_code == 200


def test_guessing_passwords_is_slowed(ada):
    pages = [by_password(Client(), f"guess {n}").content for n in range(12)]
    assert b"Too many" in pages[-1]
    assert by_password(Client()).status_code == 200


@override_settings(ACCOUNT_RATE_LIMITS={"login_failed": "10/m/ip,3/10m/key"})
def test_a_stranger_locks_nobody_out_of_a_browser_they_know(ada, client):
    assert by_password(client).status_code == 302
    (known,) = [client.cookies[name] for name in client.cookies if name == "known_device"]
    assert (known["httponly"], known["samesite"], ADA in known.value) == (True, "Lax", False)
    client.post("/account/logout/")
    # From many network addresses, so that only the bound of the mail address holds.
    tries = [
        Client(REMOTE_ADDR=f"203.0.113.{n}").post("/account/login/", {"login": ADA, "password": "guess"})
        for n in range(4)
    ]
    assert b"Too many" in tries[-1].content
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert b"Too many" in by_password(elsewhere).content
    assert by_password(client).status_code == 302
    assert signed_in(client)
    # Known to one person is not known to another, a cookie that somebody wrote is none, and its own tries are bounded.
    for written in ("x", forged(known.value)):
        elsewhere.cookies["known_device"] = written
        assert b"Too many" in by_password(elsewhere).content
    stolen = [known_device(request_with(known.value), who) for who in (ADA, ADA.upper(), "bob@northwind.example")]
    assert stolen[0] == stolen[1] is not None
    assert stolen[2] is None
    for n in range(4):
        thief = Client(REMOTE_ADDR=f"192.0.2.{n}")
        thief.cookies["known_device"] = known.value
        told = by_password(thief, "guess")
    assert b"Too many" in told.content


def test_a_session_ends_the_others(ada):
    here, there = Client(), Client(HTTP_USER_AGENT="Another browser")
    by_password(here)
    by_password(there)
    assert there.get("/account/sessions/").status_code == 200
    listed = here.get("/account/sessions/")
    assert b"Another browser" in listed.content
    here.post("/account/sessions/")
    assert here.get("/account/sessions/").status_code == 200
    assert there.get("/account/sessions/").status_code == 302


def test_links_in_mails_follow_our_setting_not_the_callers_host(ada):
    with override_settings(ALLOWED_HOSTS=["*"]):
        evil = Client(HTTP_HOST="evil.example")
        evil.post("/account/password/reset/", {"email": ADA})
        evil.post("/account/login/link/", {"email": ADA})
    assert len(mail.outbox) == 2
    for message in mail.outbox:
        assert "evil.example" not in message.body
        assert "http://127.0.0.1:8000/account/" in message.body
    link = re.search(r"http://127.0.0.1:8000(\S+)", mail.outbox[0].body).group(1)
    client = Client()
    page = client.get(link, follow=True)
    assert page.status_code == 200
    client.post(page.request["PATH_INFO"], {"password1": "a new good password", "password2": "a new good password"})
    assert User.objects.get().check_password("a new good password")


def test_what_protects_the_account_is_changed_after_proof_only(ada, client):
    by_password(client)
    for name in ("mfa_activate_totp", "mfa_add_webauthn"):
        answer = client.get(reverse(name))
        assert answer.status_code == 302
        assert "reauthenticate" in answer["Location"]
    page = client.get("/account/reauthenticate/?next=/account/two-factor/totp/activate/")
    assert page.status_code == 200
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    assert client.get("/account/two-factor/totp/activate/").status_code == 200
    assert client.get("/account/two-factor/webauthn/add/").status_code == 200


PAGES = [
    "/account/password/change/", "/account/two-factor/", "/account/two-factor/webauthn/",
    "/account/sessions/", "/account/logout/", "/account/reauthenticate/", "/account/tenant",
]  # fmt: skip


def test_each_page_of_a_person_draws_and_runs_nothing_inline(ada, client):
    by_password(client)
    for page in PAGES:
        answer = client.get(page)
        assert answer.status_code == 200, page
        text = answer.content.decode()
        for script in re.findall(r"<script\b[^>]*>", text):
            assert "src=" in script or 'type="application/json"' in script, (page, script)
        assert not re.search(r"\son[a-z]+=|<style|\sstyle=|javascript:", text), page


def test_a_person_works_in_another_tenant_and_never_in_a_strangers(house, ada, client):
    second, third = house.tenant("Second"), house.tenant("Third")
    with tenant_scope(second.id):
        commands.add_member(second.id, ADA, "finance")
    by_password(client)
    assert b"Work in Second" in client.get("/account/tenant").content
    assert client.post("/account/tenant", {"tenant": third.public_id}).status_code == 404
    assert b"Work in Second" in client.get("/account/tenant").content
    assert client.post("/account/tenant", {"tenant": second.public_id}).status_code == 302
    page = client.get("/account/tenant").content
    assert b"Work in Northwind" in page
    assert b"Work in Second" not in page
    assert Client().get("/account/tenant").status_code == 302


def test_the_reveal_page_shows_the_key_once_after_a_press(house, ada):
    from pilothouse.kernel.access.models import ApiKey, Member

    with tenant_scope(1):
        tenant = Member.objects.get().tenant_id
        _, token = commands.create_reveal_link(tenant, "Pilot - Northwind")
    where = f"/account/reveal/{token}/"
    for _ in range(2):
        shown = Client().get(where)
        assert (shown.status_code, b"Northwind" in shown.content) == (200, True)
        assert "no-store" in shown["Cache-Control"]
    with tenant_scope(tenant):
        assert ApiKey.objects.count() == 0
    shown = Client().post(where)
    raw = re.search(rb"ek_pilot_\w{40}", shown.content).group().decode()
    with tenant_scope(tenant):
        assert ApiKey.objects.get().key_hash == commands.hash_of(raw)
    for late in (Client().get(where), Client().post(where), Client().get("/account/reveal/nonsense/")):
        assert late.status_code == 410
        assert raw.encode() not in late.content
