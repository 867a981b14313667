"""Live updates: a stream ends when its person may no longer read the batch, and nobody can take all streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client, override_settings

from pilothouse.kernel.access import commands as access
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.ledger.commands import grant
from pilothouse.programs.video import limits, live
from pilothouse.programs.video.commands import cancel_batch, create_batch
from pilothouse.programs.video.intake import items
from pilothouse.site.seed import seed

pytestmark = [pytest.mark.house]
PASSWORD = "correct horse battery"
PATIENCE_S = 20
EMAIL = "ada@northwind.example"


class Place:
    """A tenant with a batch, an owner, and a person who watches."""

    def __init__(self, house: Any) -> None:
        seed()
        self.tenant = house.tenant()
        with worker_scope("cli"):
            grant(self.tenant.id, 1000, "adjustment", "Credits")
        with tenant_scope(self.tenant.id, "user:owner@northwind.example"):
            access.add_member(self.tenant.id, "owner@northwind.example", "owner")
            self.member = access.add_member(self.tenant.id, EMAIL, "support", password=PASSWORD)
            wanted = items([{"params": {"prompt": f"mug {n}"}} for n in range(10)])
            self.batch = create_batch("live", wanted).batch_id
        self.browser = Client()
        self.browser.force_login(User.objects.get(email=EMAIL), "django.contrib.auth.backends.ModelBackend")

    def viewer(self) -> live.Viewer:
        with tenant_scope(self.tenant.id):
            batch = live.access_batch(self.batch).id
        key = self.browser.session.session_key
        assert key
        return live.Viewer(batch, self.member.user_id, self.tenant.id, key)


@pytest.fixture
def place(house: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(live, "_watch", None)
    monkeypatch.setattr(live, "TICK_S", 0.02)
    monkeypatch.setattr(limits, "STREAM_RECHECK_TICKS", 5)
    yield Place(house)
    connections.close_all()


def told(place: Place, act: Callable[[], object], wait_for: bytes = b"") -> list[bytes]:
    """All that a stream says from before `act` until it ends, or until it says `wait_for`."""

    async def run() -> list[bytes]:
        stream: AsyncIterator[bytes] = live._events(place.viewer_)  # type: ignore[attr-defined]
        said = [await anext(stream), await anext(stream)]
        await sync_to_async(lambda: (act(), connections.close_all()), thread_sensitive=False)()
        async with asyncio.timeout(PATIENCE_S):
            async for chunk in stream:
                said.append(chunk)
                if wait_for and wait_for in chunk:
                    await stream.aclose()  # type: ignore[attr-defined]
                    break
        return said

    place.viewer_ = place.viewer()  # type: ignore[attr-defined]
    return asyncio.run(run())


def test_a_change_is_told_and_a_stream_that_ends_is_forgotten(place: Place) -> None:
    def change() -> None:
        with tenant_scope(place.tenant.id, "test"):
            cancel_batch(place.batch)

    assert b"event: changed\ndata: {}\n\n" in told(place, change, b"changed")
    watching = live.watch()
    assert (watching.watchers.total(), watching.users.total(), watching.tenants.total()) == (0, 0, 0)
    assert watching.versions == {}


def removed(place: Place) -> None:
    with tenant_scope(place.tenant.id, "user:owner@northwind.example"):
        access.remove_member(place.member)


def demoted(place: Place) -> None:
    with tenant_scope(place.tenant.id, "user:owner@northwind.example"):
        access.set_role(place.member, "crew")


def signed_out(place: Place) -> None:
    place.browser.logout()


def password_changed(place: Place) -> None:
    person = User.objects.get(email=EMAIL)
    person.set_password("another good horse")
    person.save()


@pytest.mark.parametrize("act", [removed, demoted, signed_out, password_changed])
def test_a_stream_ends_with_the_right_to_it(place: Place, act: Callable[[Place], None]) -> None:
    said = told(place, lambda: act(place))
    assert b"event: changed\ndata: {}\n\n" not in said
    assert live.watch().watchers.total() == 0


@override_settings(ROOT_URLCONF="pilothouse.site.live_urls")
def test_nobody_can_take_all_streams(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"/live/batches/{place.batch}"
    watching, viewer = live.watch(), place.viewer()

    def status() -> int:
        return place.browser.get(address).status_code

    assert status() == 200
    for counter, key, most, refused in (
        (watching.users, viewer.user, limits.STREAMS_PER_PERSON_MAX_COUNT, 429),
        (watching.tenants, viewer.tenant, limits.STREAMS_PER_TENANT_MAX_COUNT, 429),
        (watching.watchers, viewer.batch + 1, limits.STREAMS_MAX_COUNT, 503),
    ):
        counter[key] = most
        assert status() == refused
        counter[key] = most - 1
        assert status() == 200
        counter.clear()
    assert place.browser.get(address + "x").status_code == 404
    assert place.browser.post(address).status_code == 405
