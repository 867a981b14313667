"""The list of a person's sessions: a new browser stands there at once, and "last seen" is true to the minute."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from pilothouse.kernel.access import commands, session_activity
from pilothouse.kernel.base.scope import tenant_scope

pytestmark = [pytest.mark.house, pytest.mark.http]


@pytest.fixture
def ada(shared_house: Any) -> Client:
    """A browser in which a person is signed in, anew for each test."""
    tenant = shared_house.tenant()
    with tenant_scope(tenant.id, "user:ada@northwind.example"):
        commands.add_member(tenant.id, "ada@northwind.example", "owner")
    client = Client(headers={"User-Agent": "Firefox"})
    client.force_login(User.objects.get(email="ada@northwind.example"), "django.contrib.auth.backends.ModelBackend")
    return client


def row(client: Client) -> UserSession:
    return UserSession.objects.get(session_key=client.session.session_key)


def test_a_minute_of_requests_is_written_once(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr(session_activity, "monotonic", lambda: now[0])
    ada.get("/")
    first = row(ada)
    assert first.user_agent == "Firefox"
    now[0] += 59
    ada.get("/")
    assert row(ada).last_seen_at == first.last_seen_at
    now[0] += 1
    ada.get("/")
    assert row(ada).last_seen_at > first.last_seen_at


def test_another_browser_or_address_is_written_at_once(ada: Client) -> None:
    ada.get("/")
    ada.get("/", headers={"User-Agent": "Chromium"})
    assert row(ada).user_agent == "Chromium"
    ada.get("/", REMOTE_ADDR="198.51.100.7")
    assert row(ada).ip == "198.51.100.7"


def test_who_is_not_signed_in_leaves_nothing(ada: Client) -> None:
    ada.logout()
    before = UserSession.objects.count()
    ada.get("/")
    assert UserSession.objects.count() == before


def test_a_process_forgets_before_it_grows(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_activity, "SESSIONS_SEEN_MAX_COUNT", 2)
    middleware = session_activity.SessionActivityMiddleware(lambda request: HttpResponse())
    for number in range(5):
        middleware.seen[(str(number), "", "")] = 0.0
    request = ada.get("/").wsgi_request
    middleware(request)
    assert len(middleware.seen) == 1
