"""The webhook operations over the JSON API, with a real key."""

import json
from typing import Any

import pytest
from django.test import Client
from standardwebhooks.webhooks import Webhook

from pilothouse.kernel.access.commands import issue_key
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.outbox.commands import NewMessage, enqueue

pytestmark = [pytest.mark.house, pytest.mark.http]


class Caller:
    """A customer's program with its key."""

    def __init__(self, tenant: Any, scopes: list[str]) -> None:
        with tenant_scope(tenant.id, "user:ada@northwind.example"):
            self.tenant = tenant
            _, self.raw = issue_key(tenant.id, "Test", "pilot", scopes, rate_limit_per_min=1000)
        self.client = Client(headers={"Authorization": f"Bearer {self.raw}"})

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
        data = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        response = getattr(self.client, method)(f"/v1/{path}", **data)
        assert response.status_code == status, response.content
        return dict(response.json())


@pytest.fixture
def call(house: Any, settings_local: None) -> Caller:
    caller = Caller(house.tenant(), ["webhooks:write"])
    caller.house = house  # type: ignore[attr-defined]
    return caller


def test_the_life_of_an_endpoint(call: Caller, receiver: Any, drain: Any) -> None:
    assert call("get", "webhooks")["endpoints"] == []
    with receiver() as hook:
        made = call("post", "webhooks", {"url": hook.url(), "description": "orders"}, 201)
        endpoint = made["endpoint_id"]
        assert made["secret"].startswith("whsec_")
        assert made["mode"] == "live"
        call("post", "webhooks", {"url": hook.url(), "mode": "both"}, 422)
        other = call("post", "webhooks", {"url": hook.url(), "mode": "test"}, 201)
        assert call("get", f"webhooks/{other['endpoint_id']}")["mode"] == "test"
        call("delete", f"webhooks/{other['endpoint_id']}")
        assert "secret" not in call("get", f"webhooks/{endpoint}")
        delivery = call("post", f"webhooks/{endpoint}/test", status=202)["delivery_id"]
        call("post", f"webhook-deliveries/{delivery}/replay", status=409)
        drain()
        rotated = call("post", f"webhooks/{endpoint}/rotate")
        assert rotated["overlap_hours"] == 24
        again = call("post", f"webhook-deliveries/{delivery}/replay", status=202)["delivery_id"]
        drain()
        first, second = hook.seen
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body == b'{"event":"test"}'
        Webhook(made["secret"]).verify(second.body, second.headers)
        Webhook(rotated["secret"]).verify(second.body, second.headers)
        (attempt,) = call("get", f"webhook-deliveries/{again}/attempts")["attempts"]
        assert (attempt["status"], attempt["excerpt"]) == (200, "thanks")
        shown = call("get", "webhooks")["endpoints"][0]
        assert shown["last_attempt"]["status"] == 200
        assert shown["overlap_until"] is not None
        page = call("get", "webhook-deliveries?limit=1&status=delivered")
        assert page["deliveries"][0]["delivery_id"] == again
        older = call("get", f"webhook-deliveries?limit=1&cursor={page['next']}")
        assert older["deliveries"][0]["delivery_id"] == delivery
        paused = call("patch", f"webhooks/{endpoint}", {"status": "paused", "description": "none"})
        assert (paused["status"], paused["description"]) == ("paused", "none")
        waiting = call("post", f"webhooks/{endpoint}/test", status=202)["delivery_id"]
        assert drain() == 0
        call("post", f"webhook-deliveries/{waiting}/cancel")
        assert call("patch", f"webhooks/{endpoint}", {"status": "active"})["status"] == "active"
        assert drain() == 0
    call("delete", f"webhooks/{endpoint}")
    call("get", f"webhooks/{endpoint}", status=404)
    secret = call("get", "webhook-secret")["secret"]
    assert call("get", "webhook-secret")["secret"] == secret
    assert call("post", "webhook-secret/rotate")["secret"] != secret


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("post", "webhooks", {"url": "http://example.com/"}, 422, "webhook_url_refused"),
        ("post", "webhooks", {"url": "https://192.168.0.1/"}, 422, "webhook_url_refused"),
        ("post", "webhooks", {"url": "https://169.254.169.254/"}, 422, "webhook_url_refused"),
        ("post", "webhooks", {"url": "https://a.example.com/", "x": 1}, 422, "invalid_input"),
        ("post", "webhooks", {"url": "https://a.example.com/\0"}, 422, "invalid_input"),
        ("post", "webhooks", {"url": 5}, 422, "invalid_input"),
        ("post", "webhooks", {}, 422, "invalid_input"),
        ("post", "webhooks", [], 422, "invalid_input"),
        ("get", "webhooks/we_nothing", None, 404, "not_found"),
        ("get", "webhooks/%00", None, 422, "invalid_input"),
        ("patch", "webhooks/we_nothing", {"status": "paused"}, 404, "not_found"),
        ("patch", "webhooks/we_nothing", {"status": "off"}, 422, "invalid_input"),
        ("delete", "webhooks/we_nothing", None, 404, "not_found"),
        ("post", "webhooks/we_nothing/test", None, 404, "not_found"),
        ("post", "webhooks/we_nothing/rotate", None, 404, "not_found"),
        ("post", "webhook-deliveries/dlv_nothing/replay", None, 404, "not_found"),
        ("post", "webhook-deliveries/%00/cancel", None, 422, "invalid_input"),
        ("get", "webhook-deliveries/dlv_nothing/attempts", None, 404, "not_found"),
        ("get", "webhook-deliveries?status=lost", None, 422, "invalid_input"),
        ("get", "webhook-deliveries?cursor=9999999999999999999999", None, 422, "unknown_cursor"),
        ("get", "webhook-deliveries?cursor=-1", None, 422, "unknown_cursor"),
        ("get", "webhook-deliveries?limit=0", None, 422, "invalid_input"),
        ("get", "webhook-deliveries?endpoint_id=%00", None, 422, "invalid_input"),
    ],
)
def test_bad_input_is_refused_with_a_code(
    call: Caller, method: str, path: str, body: Any, status: int, code: str
) -> None:
    assert call(method, path, body, status)["error"]["code"] == code


def test_other_tenants_and_weaker_keys_see_nothing(call: Caller, house: Any) -> None:
    endpoint = call("post", "webhooks", {"url": "https://a.example.com/"}, 201)["endpoint_id"]
    delivery = call("post", f"webhooks/{endpoint}/test", status=202)["delivery_id"]
    other = Caller(house.tenant("Other"), ["webhooks:write"])
    assert other("get", "webhooks")["endpoints"] == []
    assert other("get", "webhook-deliveries")["deliveries"] == []
    for method, path in (
        ("get", f"webhooks/{endpoint}"),
        ("delete", f"webhooks/{endpoint}"),
        ("post", f"webhooks/{endpoint}/rotate"),
        ("post", f"webhooks/{endpoint}/test"),
        ("get", f"webhook-deliveries/{delivery}/attempts"),
        ("post", f"webhook-deliveries/{delivery}/cancel"),
        ("post", f"webhook-deliveries/{delivery}/replay"),
    ):
        other(method, path, status=404)
    weak = Caller(house.tenant("Weak"), ["batches:read"])
    weak("get", "webhooks", status=403)
    weak("post", "webhooks", {"url": "https://a.example.com/"}, 403)


def test_the_answer_never_holds_what_is_sealed_or_internal(call: Caller, house: Any) -> None:
    made = call("post", "webhooks", {"url": "https://a.example.com/"}, 201)
    with house.connect() as db:
        tenant, sealed = db.execute("SELECT tenant, sealed FROM signing_secret").fetchone()
    with tenant_scope(tenant):
        enqueue([NewMessage(tenant, "x", "batch", 1, b"{}")])
    for path in ("webhooks", f"webhooks/{made['endpoint_id']}", "webhook-deliveries"):
        text = json.dumps(call("get", path))
        assert sealed not in text
        assert made["secret"] not in text
        assert '"id":' not in text


def test_a_test_key_neither_sees_nor_changes_what_belongs_to_live_work(call: Caller) -> None:
    endpoint = call("post", "webhooks", {"url": "https://hooks.example.com/live"}, 201)["endpoint_id"]
    with tenant_scope(call.tenant.id):
        raw = issue_key(call.tenant.id, "test", "test")[1]
    call.client = Client(headers={"Authorization": f"Bearer {raw}"})
    for method, path in (
        ("get", "webhooks"),
        ("post", "webhooks"),
        ("get", f"webhooks/{endpoint}"),
        ("patch", f"webhooks/{endpoint}"),
        ("delete", f"webhooks/{endpoint}"),
        ("post", f"webhooks/{endpoint}/rotate"),
        ("post", f"webhooks/{endpoint}/test"),
        ("get", "webhook-secret"),
        ("post", "webhook-secret/rotate"),
        ("get", "webhook-deliveries"),
        ("get", "webhook-deliveries/dlv_x/attempts"),
        ("post", "webhook-deliveries/dlv_x/replay"),
        ("post", "webhook-deliveries/dlv_x/cancel"),
    ):
        refused = call(method, path, {} if method in ("post", "patch") else None, 403)
        assert refused["error"]["code"] == "live_key_needed", path
        assert "whsec_" not in json.dumps(refused)
