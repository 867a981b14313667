"""Webhooks that are not taken: the schedule of tries, its end, replay, and what a receiver asks for."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook
from webhook_news import news, status

from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.outbox import limits, queries
from pilothouse.kernel.outbox.commands import abort, enqueue, replay
from pilothouse.kernel.outbox.endpoints import (
    create_endpoint,
)
from pilothouse.kernel.outbox.errors import NotReplayable
from pilothouse.kernel.outbox.models import Delivery, DeliveryAttempt, Endpoint
from pilothouse.kernel.outbox.sender import retry_after_s

pytestmark = [pytest.mark.house, pytest.mark.http]


def test_an_endpoint_that_is_down_then_back_gets_it(
    house: Any, receiver: Any, drain: Callable[..., int], make_due: Callable[[], None]
) -> None:
    tenant = house.tenant()
    with receiver() as hook:
        port = hook.port
        with tenant_scope(tenant.id):
            secret = create_endpoint(hook.url()).secret
    with tenant_scope(tenant.id):
        enqueue([news(tenant.id)])
    for number in (1, 2, 3):
        assert drain() == 1
        assert drain() == 0, "it waits"
        with tenant_scope(tenant.id):
            delivery = Delivery.objects.get()
            assert (delivery.state, delivery.attempt, delivery.last_error) == ("waiting", number, "connect_failed")
            assert status() == "pending"
        make_due()
    with receiver(port=port) as back:
        assert drain() == 1
        Webhook(secret).verify(back.seen[0].body, back.seen[0].headers)
    with tenant_scope(tenant.id):
        assert status() == "delivered"
        errors = list(DeliveryAttempt.objects.order_by("number").values_list("number", "status", "error"))
        assert errors == [(n, None, "connect_failed") for n in (1, 2, 3)] + [(4, 200, "")]
        assert Endpoint.objects.get().failures == 0


def try_once(house: Any, drain: Callable[..., int], subject: int) -> tuple[float, float]:
    """Let the delivery of this subject be due and the other one not, and make its next try.

    Returns the least and the most seconds that it waits now, as the database's clock saw the try.
    """
    with house.connect() as db:
        db.execute("UPDATE endpoint SET closed_until = NULL")
        db.execute(
            "UPDATE delivery d"
            " SET next_run_at = CASE m.subject_id WHEN %s THEN statement_timestamp() ELSE 'infinity' END"
            " FROM message m WHERE m.id = d.message_id AND d.state IN ('queued', 'waiting')", [subject],
        )  # fmt: skip
        (before,) = db.execute("SELECT statement_timestamp()").fetchone()
        assert drain(rounds=1) == 1
        (after, due) = db.execute(
            "SELECT statement_timestamp(), coalesce(d.next_run_at, statement_timestamp()) FROM delivery d"
            " JOIN message m ON m.id = d.message_id WHERE m.subject_id = %s", [subject],
        ).fetchone()  # fmt: skip
    return (due - after).total_seconds(), (due - before).total_seconds()


def test_the_schedule_and_its_end(
    house: Any, receiver: Any, drain: Callable[..., int], make_due: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine tries with the waits of the lifecycle, jittered; then dead, told to the operator once, and replayable."""
    from django.conf import settings

    monkeypatch.setattr(settings, "ALERT_URLS", ["json://127.0.0.1:1/"])
    tenant = house.tenant()
    ok = False
    with receiver(answer=lambda seen: ((200 if ok else 500), {}, 0.0)) as hook:
        with tenant_scope(tenant.id):
            create_endpoint(hook.url())
            enqueue([news(tenant.id), news(tenant.id, 2)])
        for planned in limits.RETRY_WAITS_S:
            least, most = try_once(house, drain, 1)
            assert least <= 1.1 * planned
            assert most >= 0.9 * planned
        for _ in limits.RETRY_WAITS_S:
            try_once(house, drain, 2)
        for subject in (1, 2):
            try_once(house, drain, subject)
        with tenant_scope(tenant.id):
            assert {row["state"] for row in queries.deliveries()} == {"dead"}
            assert status() == "failed"
            assert [a["number"] for a in queries.attempts(queries.deliveries()[0]["public_id"])] == list(range(1, 10))
        with worker_scope():
            assert run("SELECT count(*) AS n FROM notice")[0]["n"] == 1
        ok = True
        sent = len(hook.seen)
        with tenant_scope(tenant.id):
            dead = [row["public_id"] for row in queries.deliveries()]
            (first, second) = replay(dead)
            assert status() == "pending"
        for _ in dead:
            make_due()
            drain()
        bodies = {(s.headers["webhook-id"], s.body) for s in hook.seen}
        assert len(hook.seen) == sent + 2
        assert len(bodies) == 2, "the same ids and bytes as ever"
        with tenant_scope(tenant.id):
            assert status() == "delivered"
            assert {row["origin"] for row in queries.deliveries(state="delivered")} == {"replay"}
            assert {first, second} == {row["public_id"] for row in queries.deliveries(state="delivered")}


def test_replay_is_all_or_nothing_and_not_of_open_ones(house: Any, settings_local: None) -> None:
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        create_endpoint("https://hooks.example.com/")
        enqueue([news(tenant.id)])
        (row,) = queries.deliveries()
    with tenant_scope(tenant.id), pytest.raises(NotReplayable):
        replay([row["public_id"]])
    with tenant_scope(tenant.id):
        assert abort([row["public_id"]]) == 1
        assert abort([row["public_id"]]) == 0
        assert (queries.deliveries()[0]["state"], status()) == ("disabled", "failed")
        assert len(replay([row["public_id"]])) == 1
    with tenant_scope(house.tenant("Other").id):
        for act in (replay, abort):
            with pytest.raises(NotFound):
                act([row["public_id"]])


def test_retry_after_is_honoured_within_bounds(house: Any, receiver: Any, drain: Callable[..., int]) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for header, seconds in {
        "7": 7,
        "999999999": limits.RETRY_AFTER_MAX_S,
        "Thu, 01 Jan 2026 00:01:00 GMT": 60,
        "Thu, 01 Jan 2020 00:01:00 GMT": 0,
        "soon": 0,
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT": 0,
        "-5": 0,
        "": 0,
        "١٢": 12,
    }.items():
        assert retry_after_s(header, now) == seconds, header
    tenant = house.tenant()
    with receiver(answer=lambda seen: (429, {"Retry-After": "900"}, 0.0)) as hook:
        with tenant_scope(tenant.id):
            create_endpoint(hook.url())
            enqueue([news(tenant.id)])
        drain()
        with tenant_scope(tenant.id):
            enqueue([news(tenant.id, 2)])
        assert drain() == 0, "others wait too"
    with worker_scope():
        row = run(
            "SELECT extract(epoch FROM d.next_run_at - statement_timestamp())::float8 AS wait,"
            " extract(epoch FROM e.closed_until - statement_timestamp())::float8 AS hold"
            " FROM delivery d JOIN endpoint e ON e.id = d.endpoint_id WHERE d.state = 'waiting'"
        )[0]
    assert 890 < row["wait"] <= 900
    assert 890 < row["hold"] <= 900
