"""Webhooks from the row to the receiver and back, over real HTTP."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from webhook_news import PAYLOAD, news, status

from pilothouse.kernel.access.commands import add_member
from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.http import WebhookUrlRefused
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.outbox import limits, queries
from pilothouse.kernel.outbox.commands import encode_body, enqueue, send_test
from pilothouse.kernel.outbox.endpoints import (
    create_endpoint,
    delete_endpoint,
    pause_endpoint,
    resume_endpoint,
    rotate_secret,
    update_endpoint,
)
from pilothouse.kernel.outbox.errors import EndpointOff, RotatedTooOften, TooManyEndpoints
from pilothouse.kernel.outbox.models import Delivery, Endpoint, Message, Notice
from pilothouse.kernel.outbox.secrets_at_rest import reveal_default_secret, rotate_default_secret
from pilothouse.kernel.outbox.sender import WebhookPump, sweep

pytestmark = [pytest.mark.house, pytest.mark.http]

PAST_OVERLAP = """
    UPDATE signing_secret SET previous_until = statement_timestamp() - interval '1 s', previous = (
        SELECT jsonb_agg(one || jsonb_build_object('until', statement_timestamp() - interval '1 s'))
        FROM jsonb_array_elements(previous) one)
"""


def test_one_message_reaches_every_endpoint_signed_and_byte_for_byte(
    house: Any, receiver: Any, drain: Callable[..., int]
) -> None:
    tenant = house.tenant()
    with receiver() as first, receiver() as second:
        with tenant_scope(tenant.id):
            made = [create_endpoint(hook.url()) for hook in (first, second)]
            assert status() == "none"
            (row,) = enqueue([news(tenant.id)])
            assert (row["deliveries"], status()) == (2, "pending")
        assert drain() == 2
        for hook, endpoint in zip((first, second), made, strict=True):
            (seen,) = hook.seen
            assert seen.body == encode_body(PAYLOAD)
            assert "örder" in seen.body.decode()
            assert Webhook(endpoint.secret).verify(seen.body, seen.headers) == PAYLOAD
            assert seen.headers["webhook-id"] == row["public_id"]
            assert seen.headers["content-type"] == "application/json"
        with tenant_scope(tenant.id):
            assert status() == "delivered"
            for delivery in queries.deliveries():
                (attempt,) = queries.attempts(delivery["public_id"])
                assert (attempt["status"], attempt["error"], attempt["excerpt"]) == (200, "", "thanks")
                assert attempt["body_sha256"] == hashlib.sha256(encode_body(PAYLOAD)).hexdigest()
            assert Message.objects.get(public_id=row["public_id"]).body == encode_body(PAYLOAD)
    with worker_scope():
        assert [row["type"] for row in run("SELECT type FROM event WHERE subject_kind = 'delivery'")] == ["ack", "ack"]


def test_news_is_told_once_and_only_with_its_transaction(house: Any) -> None:
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        create_endpoint("https://hooks.example.com/")
    with suppress(RuntimeError), tenant_scope(tenant.id):
        enqueue([news(tenant.id)])
        raise RuntimeError("rolled back")
    with tenant_scope(tenant.id):
        assert Message.objects.count() == 0
        assert len(enqueue([news(tenant.id, n) for n in range(1, 501)])) == 500
        assert enqueue([news(tenant.id, n) for n in range(1, 501)]) == []
        assert Delivery.objects.count() == 500


def test_both_secrets_sign_during_a_rotation(house: Any, receiver: Any, drain: Callable[..., int]) -> None:
    tenant = house.tenant()
    with receiver() as hook:
        with tenant_scope(tenant.id):
            made = create_endpoint(hook.url())
            old, public_id = made.secret, made.endpoint.public_id
            new = rotate_secret(public_id)
            send_test(public_id)
        drain()
        for secret in (old, new):
            assert Webhook(secret).verify(hook.seen[0].body, hook.seen[0].headers) == {"event": "test"}
        with house.connect() as db:
            db.execute(PAST_OVERLAP)
            stored = db.execute("SELECT sealed || previous::text FROM signing_secret").fetchall()
        assert old not in str(stored)
        assert new not in str(stored)
        with tenant_scope(tenant.id):
            send_test(public_id)
        drain()
        Webhook(new).verify(hook.seen[1].body, hook.seen[1].headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(old).verify(hook.seen[1].body, hook.seen[1].headers)
        assert hook.seen[1].body == b'{"event":"test"}'


def test_a_rotation_that_is_asked_for_again_ends_no_secret_early(
    house: Any, receiver: Any, drain: Callable[..., int]
) -> None:
    """The answer with the new secret may be lost: who asks again must not silence what the receiver knows."""
    tenant = house.tenant()
    with receiver() as hook:
        with tenant_scope(tenant.id):
            made = create_endpoint(hook.url())
            public_id, known = made.endpoint.public_id, [made.secret]
            known += [rotate_secret(public_id) for _ in range(limits.SECRETS_BEFORE_MAX_COUNT)]
            with pytest.raises(RotatedTooOften):
                rotate_secret(public_id)
            send_test(public_id)
        drain()
        for secret in known:
            Webhook(secret).verify(hook.seen[0].body, hook.seen[0].headers)
        with house.connect() as db:
            db.execute(PAST_OVERLAP)
        with tenant_scope(tenant.id):
            newest = rotate_secret(public_id)
            send_test(public_id)
        drain()
        for secret in (known[-1], newest):
            Webhook(secret).verify(hook.seen[1].body, hook.seen[1].headers)
        for secret in known[:-1]:
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(hook.seen[1].body, hook.seen[1].headers)


def test_410_switches_the_endpoint_off_and_ends_what_is_due(
    house: Any, receiver: Any, drain: Callable[..., int]
) -> None:
    tenant = house.tenant()
    with receiver(answer=lambda seen: (410, {}, 0.0)) as hook:
        with tenant_scope(tenant.id):
            for role, name in (("owner", "ada"), ("engineer", "bob"), ("finance", "eve")):
                add_member(tenant.id, f"{name}@northwind.example", role)
            public_id = create_endpoint(hook.url()).endpoint.public_id
            enqueue([news(tenant.id, n) for n in range(1, 101)])
        assert drain() <= limits.ENDPOINT_IN_FLIGHT_MAX
    with tenant_scope(tenant.id):
        endpoint = Endpoint.objects.get()
        assert Notice.objects.get().address == "ada@northwind.example, bob@northwind.example", "told once"
        assert (endpoint.state, endpoint.reason) == ("disabled", "The endpoint answered 410 Gone.")
        assert {row["state"] for row in queries.deliveries()} == {"disabled"}
        assert enqueue([news(tenant.id, 999)])[0]["deliveries"] == 0
        with pytest.raises(EndpointOff):
            send_test(public_id)
        resume_endpoint(public_id)
        assert enqueue([news(tenant.id, 1000)])[0]["deliveries"] == 1


def test_redirects_are_failures(house: Any, receiver: Any, drain: Callable[..., int]) -> None:
    tenant = house.tenant()
    with receiver() as trap:
        with receiver(answer=lambda seen: (307, {"Location": trap.url()}, 0.0)) as hook:
            with tenant_scope(tenant.id):
                create_endpoint(hook.url())
                enqueue([news(tenant.id)])
            drain()
        assert trap.seen == []
    with tenant_scope(tenant.id):
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.last_status, delivery.last_error) == ("waiting", 307, "redirected")


def test_an_address_named_by_a_batch_is_signed_with_the_default_secret(
    house: Any, receiver: Any, drain: Callable[..., int]
) -> None:
    tenant, other = house.tenant(), house.tenant("Other")
    with receiver() as registered, receiver() as named:
        with tenant_scope(tenant.id):
            create_endpoint(registered.url())
            secret = reveal_default_secret()
        with worker_scope():
            rows = enqueue([news(t.id, n, url=named.url()) for n, t in enumerate((tenant, tenant, other), 1)])
            assert [row["deliveries"] for row in rows] == [1, 1, 1]
        assert drain() == 3
        assert registered.seen == []
        verified = 0
        for seen in named.seen:
            try:
                Webhook(secret).verify(seen.body, seen.headers)
                verified += 1
            except WebhookVerificationError:
                continue
        assert verified == 2, "the third is another tenant's, with another secret"
        with tenant_scope(tenant.id):
            assert Endpoint.objects.filter(kind="adhoc").count() == 1, "once for each tenant and address"
            assert len(queries.endpoints()) == 1, "it is hidden"
            assert rotate_default_secret() != secret


def test_a_test_batch_is_told_to_test_endpoints_and_a_live_one_to_live_ones(
    house: Any, receiver: Any, drain: Callable[..., int]
) -> None:
    tenant = house.tenant()
    with receiver() as live, receiver() as test, receiver() as named:
        with tenant_scope(tenant.id):
            create_endpoint(live.url())
            create_endpoint(test.url(), mode="test")
        with worker_scope():
            told = [{}, {"mode": "test"}, {"mode": "test", "url": named.url()}]
            ids = [row["public_id"] for row in enqueue([news(tenant.id, n, **more) for n, more in enumerate(told)])]
        assert drain() == 3
        assert [[seen.headers["webhook-id"] for seen in hook.seen] for hook in (live, test, named)] == [
            [each] for each in ids
        ]


def test_a_closed_address_is_never_reached_and_does_not_stop_the_batch(house: Any, drain: Callable[..., int]) -> None:
    """It was judged when the batch was made; should it get here all the same, the sender refuses it."""
    tenant = house.tenant()
    with worker_scope():
        (row,) = enqueue([news(tenant.id, url="https://169.254.169.254/latest/meta-data/")])
        assert row["deliveries"] == 1
    drain()
    with tenant_scope(tenant.id):
        (delivery,) = queries.deliveries()
        (attempt,) = queries.attempts(delivery["public_id"])
        assert (attempt["status"], attempt["error"]) == (None, "url_refused")
        assert status() == "pending"


def test_pausing_holds_back_and_deleting_ends(house: Any, receiver: Any, drain: Callable[..., int]) -> None:
    tenant = house.tenant()
    with receiver() as hook:
        with tenant_scope(tenant.id):
            public_id = create_endpoint(hook.url()).endpoint.public_id
            pause_endpoint(public_id)
            enqueue([news(tenant.id)])
        assert drain() == 0
        with tenant_scope(tenant.id):
            resume_endpoint(public_id)
        assert drain() == 1
        with tenant_scope(tenant.id):
            enqueue([news(tenant.id, 2)])
            delete_endpoint(public_id)
        assert drain() == 0
        with tenant_scope(tenant.id):
            assert status(2) == "failed"
            assert queries.endpoints() == []
            with pytest.raises(NotFound):
                update_endpoint(public_id, description="x")


def test_addresses_and_numbers_are_bounded(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = house.tenant()
    monkeypatch.setattr(limits, "ENDPOINTS_PER_TENANT_MAX", 2)
    with tenant_scope(tenant.id):
        for url in ("http://127.0.0.1/", "https://10.0.0.1/", "http://example.com/"):
            with pytest.raises(WebhookUrlRefused):
                create_endpoint(url)
        first = create_endpoint("https://a.example.com/").endpoint
        create_endpoint("https://b.example.com/")
        with pytest.raises(TooManyEndpoints):
            create_endpoint("https://c.example.com/")
        with pytest.raises(WebhookUrlRefused):
            update_endpoint(first.public_id, url="https://localhost/")
        assert update_endpoint(first.public_id, url="https://d.example.com/").url == "https://d.example.com/"
    with tenant_scope(house.tenant("Other").id), pytest.raises(NotFound):
        rotate_secret(first.public_id)


def test_a_late_finisher_changes_nothing(house: Any, receiver: Any, settings_local: None) -> None:
    """Its lease ended, another worker took the delivery: the first one's outcome and renewal count for nothing."""
    tenant = house.tenant()
    with receiver(answer=lambda seen: (500, {}, 0.0)) as hook:
        with tenant_scope(tenant.id):
            create_endpoint(hook.url())
            enqueue([news(tenant.id)])

        async def go() -> None:
            late, quick = WebhookPump(), WebhookPump()
            (held,) = await asyncio.to_thread(late.claim, 10)
            assert await asyncio.to_thread(quick.claim, 10) == []
            stale = await late.act(held)
            with house.connect() as db:
                db.execute("UPDATE delivery SET lease_until = statement_timestamp() - interval '1 s'")
            assert await asyncio.to_thread(sweep) == 1
            (taken,) = await asyncio.to_thread(quick.claim, 10)
            await asyncio.to_thread(late.finish, [stale])
            await asyncio.to_thread(late.renew, [held])
            with house.connect() as db:
                assert db.execute("SELECT state, attempt FROM delivery").fetchone() == ("sending", 2)
            await asyncio.to_thread(quick.finish, [await quick.act(taken)])
            await asyncio.to_thread(late.finish, [stale])
            await late.close()
            await quick.close()

        asyncio.run(go())
        with house.connect() as db:
            assert db.execute("SELECT number, status, error FROM delivery_attempt ORDER BY number").fetchall() == [
                (1, None, "sender_lost"),
                (2, 500, "refused"),
            ]
            assert db.execute("SELECT d.state, e.failures FROM delivery d, endpoint e").fetchone() == ("waiting", 1)


def test_payload_encoding() -> None:
    assert encode_body({"b": 1, "a": "ü"}) == '{"b":1,"a":"ü"}'.encode()
    assert json.loads(encode_body(PAYLOAD)) == PAYLOAD
