"""Credits moved by hand over HTTP: with an operator's session and its token, under the rules of the desk."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pilothouse.kernel.access.commands import add_member, add_operator, issue_key
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.ledger.queries import balance

pytestmark = [pytest.mark.house, pytest.mark.http]


class Desk:
    """A signed-in person whose program sends the page's token."""

    def __init__(self, email, token=True):
        self.client = Client(enforce_csrf_checks=True)
        self.client.force_login(
            User.objects.get(email=email), backend="allauth.account.auth_backends.AuthenticationBackend"
        )
        self.client.cookies["csrftoken"] = "x" * 32
        self.headers = {"X-CSRFToken": "x" * 32} if token else {}

    def post(self, path, body=None, status=201):
        answer = self.client.post(
            f"/v1/admin/{path}", json.dumps(body or {}), content_type="application/json", headers=self.headers
        )
        assert answer.status_code == status, answer.content
        return answer


@pytest.fixture
def tenant(shared_house):
    made = shared_house.tenant()
    with worker_scope():
        for name, role in (("ann", "operator"), ("bob", "admin"), ("sue", "support")):
            add_operator(f"{name}@desk.example", role)
    with tenant_scope(made.id):
        add_member(made.id, f"owner{made.id}@customer.example", "owner")
    return made


def wish(tenant, amount, **more):
    return {"tenant_id": tenant.public_id, "amount": amount, "description": "Contract", "source": "pilot_grant", **more}


def test_a_grant_by_http_is_made_once_and_a_large_one_by_two(tenant):
    ann, bob = Desk("ann@desk.example"), Desk("bob@desk.example")
    small = ann.post("grants", wish(tenant, 100))
    assert (small.json()["state"], small.json()["entry"][:4]) == ("granted", "jrn_")
    again = ann.post("grants", wish(tenant, 100))
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (small.json(), "true")
    assert ann.post("grants", wish(tenant, 101), 422).json()["error"]["code"] == "idempotency_conflict"
    asked = ann.post("grants", wish(tenant, 5_000, description="Large"), 202).json()
    assert asked["request"] in [row["request"] for row in bob.client.get("/v1/admin/grants").json()["requests"]]
    refused = ann.post(f"grants/{asked['request']}/approve", status=403).json()
    assert refused["error"]["code"] == "second_operator_needed"
    assert bob.post(f"grants/{asked['request']}/approve").json()["state"] == "approved"
    back = ann.post("reversals", {"tenant_id": tenant.public_id, "entry": small.json()["entry"], "reason": "wrong"})
    assert back.json()["state"] == "granted"
    large = ann.post("grants", wish(tenant, 2_000, description="More"), 202).json()
    assert bob.post(f"grants/{large['request']}/refuse", {"reason": "No"}).json()["state"] == "refused"
    with worker_scope():
        assert balance(tenant.id).available == 5_000


@pytest.mark.parametrize(
    "body",
    [
        {}, {"tenant_id": "ten_x", "amount": 5, "description": "x"}, {"amount": "5"},
        {"amount": 0}, {"amount": -5}, {"amount": 1.5}, {"amount": 10**12}, {"unit": "USD"}, {"source": "gift"},
        {"description": "x\x00"}, {"description": ""}, {"approved_by": "bob"},
    ],
)  # fmt: skip
def test_what_is_no_grant_is_refused_and_moves_nothing(tenant, body):
    full = body if "tenant_id" in body or not body else {**wish(tenant, 5), **body}
    Desk("ann@desk.example").post("grants", full, 404 if full.get("tenant_id") == "ten_x" else 422)
    with worker_scope():
        assert balance(tenant.id).available == 0


def test_nobody_else_moves_credits(tenant):
    for person in (f"owner{tenant.id}@customer.example", "sue@desk.example"):
        Desk(person).post("grants", wish(tenant, 5), 403)
        assert Desk(person).client.get("/v1/admin/grants").status_code == 403
    Desk("ann@desk.example", token=False).post("grants", wish(tenant, 5), 403)
    with tenant_scope(tenant.id):
        raw = issue_key(tenant.id, "key", "pilot")[1]
    for client in (Client(), Client(headers={"Authorization": f"Bearer {raw}"})):
        answer = client.post("/v1/admin/grants", json.dumps(wish(tenant, 5)), content_type="application/json")
        assert answer.status_code == 401
    assert "/v1/admin" not in Client().get("/openapi.json").content.decode()
    with worker_scope():
        assert balance(tenant.id).available == 0
