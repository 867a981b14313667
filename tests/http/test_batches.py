"""The batch API over a real web process: bodies, idempotency, money, cancel, paging."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import pytest
from django.db import connections
from front_door import FrontDoor, items, order

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.ledger.commands import grant

pytestmark = [pytest.mark.http, pytest.mark.house]
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def test_a_batch_has_exactly_the_bodies_of_the_contract(door: FrontDoor) -> None:
    with door.api() as api:
        made = api.post("/v1/batches", json=order("order-123"))
        assert made.status_code == 201
        batch_id = made.json()["batch_id"]
        assert made.json() == {"ok": True, "batch_id": batch_id, "status": "pending"}
        assert list(made.json()) == ["ok", "batch_id", "status"]
        assert batch_id.startswith("bat_")
        assert "Idempotent-Replayed" not in made.headers
        assert made.headers["X-Request-ID"]
        shown = api.get(f"/v1/batches/{batch_id}").json()
        assert INSTANT.fullmatch(shown.pop("created_at"))
        assert shown == {
            "ok": True,
            "batch_id": batch_id,
            "request_id": "order-123",
            "status": "pending",
            "summary": {"total": 10, "pending": 10, "running": 0, "succeeded": 0, "failed": 0},
            "ledger": {"reserved": 100, "settled": 0, "refunded": 0, "in_flight": 100},
            "webhook": {"url": None, "status": "none"},
            "completed_at": None,
        }
        (first, *_) = api.get(f"/v1/batches/{batch_id}/items").json()["items"]
        assert first["params"] == {"prompt": "mug 0", "aspect": "9:16", "seconds": 1}
        assert first["metadata"] == {"n": 0}
        assert (first["status"], first["failure_reason"], first["output"]) == ("pending", None, None)
        assert [step["status"] for step in first["history"]] == ["pending"]


def test_the_same_request_is_answered_again_and_another_body_is_refused(door: FrontDoor) -> None:
    with door.api() as api:
        before = api.get("/v1/credits/balance").json()["available"]
        first = api.post("/v1/batches", json=order("order-replay"))
        again = api.post("/v1/batches", json=order("order-replay"))
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["Idempotent-Replayed"] == "true"
        other = api.post("/v1/batches", json=order("order-replay", 11))
        assert other.status_code == 422
        assert other.json()["error"]["code"] == "request_id_conflict"
        assert other.json()["error"]["details"]["batch_id"] == first.json()["batch_id"]
        assert api.get("/v1/credits/balance").json()["available"] == before - 100


def test_equal_words_are_the_same_request(door: FrontDoor) -> None:
    """What normalises to the same parameters is a replay: fields in another order, a default said or left out."""
    with door.api() as api:
        plain = [{"params": {"prompt": f"cup {n}", "aspect": "9:16", "seconds": 4}} for n in range(10)]
        short = [{"metadata": None, "params": {"platform": "tiktok", "prompt": f" cup {n} "}} for n in range(10)]
        first = api.post("/v1/batches", json={"request_id": "order-equal", "items": plain})
        again = api.post("/v1/batches", json={"items": short, "webhook_url": None, "request_id": "order-equal"})
        assert first.status_code == 201
        assert again.json() == first.json()
        assert again.headers["Idempotent-Replayed"] == "true"


def test_a_page_and_a_key_make_one_batch_of_one_request(door: FrontDoor) -> None:
    with door.api() as api, door.signed_in(door.ours.people["engineer"]) as person:
        by_key = api.post("/v1/batches", json=order("order-both"))
        refused = person.post("/v1/batches", json=order("order-both"))
        assert refused.status_code == 403
        assert refused.json()["error"]["code"] == "csrf_failed"
        person.get("/batches/")
        headers = {"X-CSRFToken": person.cookies["csrftoken"], "Referer": door.url}
        by_page = person.post("/v1/batches", json=order("order-both"), headers=headers)
        assert (by_page.status_code, by_page.json()) == (201, by_key.json())
        assert by_page.headers["Idempotent-Replayed"] == "true"


def test_a_twin_in_flight_is_told_to_come_back(door: FrontDoor) -> None:
    tenant = door.ours.tenant.id
    with door.house.connect("ph_worker") as held, door.api() as api:
        held.autocommit = False
        held.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7210502))", [f"create batch {tenant} order-twin"]
        )
        twin = api.post("/v1/batches", json=order("order-twin"))
        assert twin.status_code == 409
        assert twin.json()["error"]["code"] == "request_in_flight"
        assert int(twin.headers["Retry-After"]) >= 1
        held.rollback()
        assert api.post("/v1/batches", json=order("order-twin")).status_code == 201


def test_racing_twins_make_one_batch(door: FrontDoor) -> None:
    start = threading.Barrier(8)

    def create(_: int) -> httpx.Response:
        with door.api() as api:
            start.wait()
            return api.post("/v1/batches", json=order("order-race"))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))
    made = [answer for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["batch_id"] for answer in made}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in made) == 1


def test_fifty_parallel_creates_with_money_for_one_accept_one(door: FrontDoor) -> None:
    from front_door import customer

    poor = customer(door.house, "Poor", "poor.example", 0)
    with worker_scope():
        grant(poor.tenant.id, 105, "adjustment", "Enough for one")

    def create(number: int) -> httpx.Response:
        with door.api(poor.keys["full"]) as api:
            return api.post("/v1/batches", json=order(f"parallel-{number}"))

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(create, range(50)))
    assert sorted(answer.status_code for answer in answers) == [201] + [402] * 49
    for answer in answers:
        if answer.status_code == 402:
            error = answer.json()["error"]
            assert error["code"] == "insufficient_credits"
            assert error["details"] == {"needed": 100, "available": 5}
    with door.api(poor.keys["full"]) as api:
        money = api.get("/v1/credits/balance").json()
        assert (money["available"], money["held"]) == (5, 100)
        assert len(api.get("/v1/batches").json()["batches"]) == 1


def test_a_test_key_costs_nothing(door: FrontDoor) -> None:
    with door.api() as api, door.api(door.ours.keys["test"]) as test:
        before = api.get("/v1/credits/balance").json()
        assert test.post("/v1/batches", json=order("order-test")).status_code == 201
        assert api.get("/v1/credits/balance").json() == before
        assert test.get("/v1/credits/balance").json()["unit"] == "TEST"
        # The key of one mode does not replay the batch of the other.
        assert api.post("/v1/batches", json=order("order-test")).json()["error"]["code"] == "request_id_conflict"


def test_cancel_returns_the_credits_of_what_waits(door: FrontDoor) -> None:
    with door.api() as api:
        before = api.get("/v1/credits/balance").json()["available"]
        batch = api.post("/v1/batches", json=order("order-cancel")).json()["batch_id"]
        cancelled = api.post(f"/v1/batches/{batch}/cancel")
        assert (cancelled.status_code, cancelled.json()) == (200, {"ok": True, "batch_id": batch, "cancelled": 10})
        shown = api.get(f"/v1/batches/{batch}").json()
        assert shown["status"] == "completed"
        assert shown["ledger"] == {"reserved": 100, "settled": 0, "refunded": 100, "in_flight": 0}
        assert api.get("/v1/credits/balance").json()["available"] == before
        found = api.get(f"/v1/batches/{batch}/items").json()["items"]
        assert {item["failure_reason"] for item in found} == {"cancelled"}
        assert [step["status"] for step in found[0]["history"]] == ["pending", "failed", "refunded"]
        again = api.post(f"/v1/batches/{batch}/cancel")
        assert (again.status_code, again.json()["error"]["code"]) == (409, "batch_completed")


def test_lists_are_paged_and_filtered(door: FrontDoor) -> None:
    with door.api() as api:
        made = [api.post("/v1/batches", json=order(f"page-{n}")).json()["batch_id"] for n in range(3)]
        first = api.get("/v1/batches", params={"limit": 2}).json()
        assert [batch["batch_id"] for batch in first["batches"]] == made[:0:-1]
        second = api.get("/v1/batches", params={"limit": 1, "cursor": first["next"]}).json()
        assert second["batches"][0]["batch_id"] == made[0]
        (by_request,) = api.get("/v1/batches", params={"request_id": "page-1"}).json()["batches"]
        assert by_request["batch_id"] == made[1]
        page = api.get(f"/v1/batches/{made[0]}/items", params={"limit": 4}).json()
        positions = [item["position"] for item in page["items"]]
        while page["next"]:
            page = api.get(f"/v1/batches/{made[0]}/items", params={"limit": 4, "cursor": page["next"]}).json()
            positions += [item["position"] for item in page["items"]]
        assert len(positions) == 10
        assert positions == sorted(positions)
        api.post(f"/v1/batches/{made[0]}/cancel")
        for word, count in (("failed", 10), ("refunded", 10), ("pending", 0), ("succeeded", 0)):
            assert len(api.get(f"/v1/batches/{made[0]}/items", params={"status": word}).json()["items"]) == count
        completed = api.get("/v1/batches", params={"status": "completed"}).json()["batches"]
        assert made[0] in [batch["batch_id"] for batch in completed]


def test_metadata_comes_back_unchanged(door: FrontDoor) -> None:
    metadata = {"sku": "MUG-01", "größe": 1.5, "deep": {"list": [1, None, True, "ü\n"]}, "": "", "n": 9007199254740991}
    wanted = [{"params": {"prompt": f"mug {n}"}, "metadata": metadata} for n in range(10)]
    with door.api() as api:
        batch = api.post("/v1/batches", json={"request_id": "order-meta", "items": wanted}).json()["batch_id"]
        found = api.get(f"/v1/batches/{batch}/items").json()["items"]
        assert [item["metadata"] for item in found] == [metadata] * 10


def test_size_of_a_pilots_batch(door: FrontDoor) -> None:
    with door.api() as api:
        for count in (1, 9, 51, 1000):
            refused = api.post("/v1/batches", json=order("order-size", count))
            assert refused.status_code == 422
            assert refused.json()["error"]["code"] == "batch_size"
            assert refused.json()["error"]["details"] == {"minimum": 10, "maximum": 50, "given": count}
        assert api.post("/v1/batches", json={"request_id": "order-size", "items": items(50)}).status_code == 201
    connections.close_all()
