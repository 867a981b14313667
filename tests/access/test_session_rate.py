"""Requests of a session and exports of an account are counted, as those of a key are."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pilothouse.kernel.access import commands, rate
from pilothouse.kernel.base.scope import tenant_scope

pytestmark = [pytest.mark.house, pytest.mark.http]
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def people(house: Any) -> list[Client]:
    """Two people of one account."""
    tenant = house.tenant()
    clients = []
    with tenant_scope(tenant.id, "user:ada@northwind.example"):
        for name in ("ada", "bob"):
            commands.add_member(tenant.id, f"{name}@northwind.example", "owner")
    for name in ("ada", "bob"):
        client = Client()
        client.force_login(User.objects.get(email=f"{name}@northwind.example"), BACKEND)
        clients.append(client)
    return clients


def test_a_sessions_requests_are_limited_for_each_person(people: list[Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "SESSION_REQUESTS_PER_MIN_MAX_COUNT", 3)
    ada, bob = people
    assert [ada.get("/v1/ledger").status_code for _ in range(3)] == [200] * 3
    refused = ada.get("/v1/ledger")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert "signed-in person" in refused.json()["error"]["message"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert bob.get("/v1/ledger").status_code == 200
    assert ada.get("/ledger/").status_code == 200, "pages are not the API"


def test_exports_are_limited_for_the_whole_account(people: list[Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "EXPORTS_PER_MIN_MAX_COUNT", 3)
    ada, bob = people
    for client, path in (
        (ada, "/v1/ledger?format=csv"),
        (bob, "/ledger/statement.csv"),
        (ada, "/ledger/statement.xlsx"),
    ):
        assert client.get(path).status_code == 200, path
    for client, path in (
        (bob, "/v1/ledger?format=csv"),
        (ada, "/ledger/statement.csv"),
        (bob, "/ledger/statement.xlsx"),
    ):
        assert client.get(path).status_code == 429, path
    assert ada.get("/v1/ledger").status_code == 200
