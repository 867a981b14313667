"""Two customers with one of everything, and who may knock: what the sweeps try on every address and every table."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.test import Client, override_settings
from front_door import PASSWORD, Customer, customer, items
from PIL import Image

from pilothouse.kernel.access import commands as access
from pilothouse.kernel.access.invitations import invite
from pilothouse.kernel.access.models import Member
from pilothouse.kernel.access.roles import MEMBER_ROLES, OPERATOR_ROLES
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.pilots.running import create_pilot
from pilothouse.programs.deals.commands import create_deal
from pilothouse.site.seed import seed

NONE = "0" * 26
# Which object of a customer an address names: the word before the parameter, and the parameter.
OBJECTS = {
    "batches/{batch_id}": "batch",
    "batches/{public_id}": "batch",
    "items/{item_id}": "item",
    "v1/deals/{deal_id}": "deal",
    "pilots/{pilot_id}": "pilot",
    "keys/{public_id}": "key",
    "links/{public_id}": "link",
    "members/{public_id}": "member",
    "invitations/{public_id}": "invitation",
    "uploads/{upload_id}": "upload",
    "webhooks/{endpoint_id}": "endpoint",
    "webhooks/{public_id}": "endpoint",
    "webhooks/deliveries/{public_id}": "delivery",
    "webhook-deliveries/{delivery_id}": "delivery",
}
# An id of the right form that nobody has.
NOBODYS = {
    "batch": f"bat_{NONE}", "item": f"itm_{NONE}", "upload": f"upl_{NONE}", "endpoint": f"we_{NONE}",
    "delivery": f"dlv_{NONE}", "key": f"key_{NONE}", "link": f"rev_{NONE}", "member": f"mem_{NONE}",
    "invitation": f"inv_{NONE}", "deal": f"deal_{NONE}", "pilot": f"pil_{NONE}",
}  # fmt: skip
# What names no object of a customer. Whoever holds a token may use it: it is the permission.
TOKENS = {
    "files/{token}": "a signed link",
    "checklist/webhook/{token}": "an account of ours, for one run of the internal checklist",
    "link/{token}": "a mailed sign-in link",
    "reveal/{token}": "a mailed key link",
    "confirm-email/{key}": "a mailed link",
    "{uidb36}-{key}": "a mailed link",
    "keys/{pk}": "a passkey of the signed-in person",
    "invitation/{token}": "a mailed invitation",
    "{public_id}/{verb}": "what to do with the key or the endpoint",
    "docs/{slug}": "a document",
    "playbooks/{name}": "a document",
    "admin/grants/{public_id}": "a request, 403 for every customer whatever it names",
    "bank-account/{public_id}": "a person's own bank account",
    "join/{secret}": "an invitation's link",
    "act/{name}": "a step of the deal",
    "admin/disputes/{deal_id}": "a deal, 403 for every customer whatever it names",
    "bank-accounts/{account_id}": "a person's own bank account",
    "deal-terms/{name}": "terms of deals",
    "admin/payments/{payment_id}": "a payment, 403 for every customer whatever it names",
    "admin/payouts/{payout_id}": "a payout, 403 for every customer whatever it names",
    "admin/bank-files/{bank_file}": "a file for the bank, 403 for every customer whatever it names",
    "send-requests/{request_id}": "a request of ours, 403 for every customer whatever it names",
    "admin/handovers/{deal_id}": "a deal, 403 for every customer whatever it names",
    # The desk's addresses are 404 for every customer, whatever they name.
    "grants/entries/{entry}": "a ledger entry, for us",
    "incidents/{public_id}": "an incident of ours",
    "payments/in/{public_id}": "a payment",
    "refunds/{refund}": "a refund of a payment",
    "payments/out/{public_id}": "a payout",
    "out/files/{public_id}": "a file for the bank",
    "payments/approvals/{public_id}": "what waits for a second operator",
    "{public_id}/{step}": "what to do with the incident",
    "gates/{public_id}": "a gate of ours",
    "promises/{name}": "a check",
    "disputes/{public_id}": "a dispute, for us",
    "inbox/{public_id}": "a report, for us",
    "feedback/{program}": "a program",
    "start/{program}": "a program",
    "{program}/{subject}": "work of a person's own, 404 for everybody else",
    "daily/{tenant}": "an account, for us",
    "{tenant}/{program}": "a program",
    "rollbacks/{public_id}": "a rollback of ours",
    "pilots/{public_id}": "a pilot, for us",
    "tick/{line}": "a line of the pilot's runbook, for us",
    "step/{step}": "what to do with the pilot",
    "texts/{name}": "a text of the pilot's runbook, for us",
    "review/{kind}": "a format of a paper, for us",
    "post-mortem/{kind}": "a format of a paper, for us",
    "file/{kind}": "a format of a paper",
    "messages/{public_id}": "a message of one's own account's pilot (tests/pilots/test_message_pages.py)",
    "confirm/{line}": "a line of the runbook of one's own account's pilot",
    "handovers/{public_id}": "a deal, for us",
    "deals/{public_id}": "a deal",
    "terms/{name}": "terms of deals",
    "{name}/{version}": "a version of terms",
    "jobs/{job}": "a job of ours",
    "deliveries/{public_id}": "a delivery, for us",
    "accounts/{public_id}": "an account, for us",
    "grants/{public_id}": "a grant request of ours",
}
# What stands in the address where any text would not fit.
FILLED = {"verb": "pause"}


@dataclass
class Side:
    """One customer with the ids of its objects and words that only its own people may ever read."""

    customer: Customer
    ids: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)


@dataclass
class World:
    """Two customers and everybody who may knock."""

    house: Any
    data: Path
    ours: Side
    theirs: Side
    callers: dict[str, Client]


def make_world(house: Any, data: Path) -> World:
    """Two customers, each with a batch, a cancelled batch, an endpoint, a delivery, an upload and an image."""
    from tests.conftest import _use_database

    _use_database(house.name)
    seed()
    with override_settings(DATA=data):
        ours = _side(customer(house, "Northwind", "northwind.example", 100_000), "ours")
        theirs = _side(customer(house, "Zanzibar Secret Ltd", "zanzibar.example", 77_770), "theirs")
    return World(house, data, ours, theirs, _callers(ours.customer))


def _side(who: Customer, word: str) -> Side:
    side = Side(who)
    client = key_client(who.keys["full"])

    def post(path: str, body: Any, status: int) -> dict[str, Any]:
        answer = client.post(f"/v1/{path}", json.dumps(body), content_type="application/json")
        assert answer.status_code == status, answer.content
        return dict(answer.json())

    wanted = items(10, f"{word}-secret-prompt")
    wanted[0]["metadata"] = {"sku": f"{word}-secret-metadata"}
    for name in ("cancelled", "batch"):
        body = {"request_id": f"{word}-secret-{name}", "items": wanted, "webhook_url": f"https://{word}.example/{name}"}
        side.ids[name] = post("batches", body, 201)["batch_id"]
        if name == "cancelled":
            post(f"batches/{side.ids[name]}/cancel", {}, 200)
    made = post("webhooks", {"url": f"https://hooks.{word}.example/in", "description": f"{word}-secret-hook"}, 201)
    side.ids["endpoint"] = made["endpoint_id"]
    side.ids["delivery"] = post(f"webhooks/{made['endpoint_id']}/test", {}, 202)["delivery_id"]
    side.ids["upload"] = post("uploads", {"content_type": "image/png", "size_bytes": 5_000}, 202)["upload_id"]
    side.ids["item"] = client.get(f"/v1/batches/{side.ids['batch']}/items").json()["items"][0]["item_id"]
    tenant = who.tenant.id
    with tenant_scope(tenant, who.people["owner"]):
        side.ids["key"] = access.issue_key(tenant, f"{word}-secret-key", "live")[0].public_id
        side.ids["link"] = access.create_reveal_link(tenant, f"{word}-secret-link")[0].public_id
        side.ids["invitation"] = invite(tenant, f"invited@{word}.example", "creator").public_id
        side.ids["member"] = access_member_of(tenant, who.people["support"])
        owner = Member.objects.get(tenant_id=tenant, user__email=who.people["owner"]).user_id
        side.ids["deal"] = create_deal(
            person=owner, side="seller", template="MN_USED_CAR_PRIVATE", price=3_000_000, title=f"{word}-secret-deal"
        ).public_id
    with worker_scope("test"):
        side.ids["pilot"] = create_pilot(tenant, "video", f"{word}-secret-pilot").public_id
    picture = io.BytesIO()
    Image.new("RGB", (32, 32), "teal").save(picture, "PNG")
    stored = client.post("/v1/uploads", picture.getvalue(), content_type="image/png")
    side.ids["image"] = stored.json()["file_id"]
    side.secrets = [
        f"{word}-secret", f"{word}.example", who.tenant.public_id, made["secret"], *who.people.values(),
        *side.ids.values(), *(raw[-4:] + '"' for raw in who.keys.values()),
    ]  # fmt: skip
    if word == "theirs":
        side.secrets += ["Zanzibar", "zanzibar", "77670", "77,670", "77770", "77,770"]
    return side


def access_member_of(tenant: int, email: str) -> str:
    """The public id of a member by address."""
    return Member.objects.get(tenant_id=tenant, user__email=email).public_id


def key_client(raw: str) -> Client:
    """A program with this raw key."""
    return Client(headers={"Authorization": f"Bearer {raw}"}, raise_request_exception=False)


def person_client(email: str) -> Client:
    """A browser in which this person is signed in."""
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(email=email), "django.contrib.auth.backends.ModelBackend")
    return client


def _callers(ours: Customer) -> dict[str, Client]:
    with tenant_scope(ours.tenant.id, "user:owner@northwind.example"):
        for role in MEMBER_ROLES:
            if role not in ours.people:
                ours.people[role] = f"{role}@northwind.example"
                access.add_member(ours.tenant.id, ours.people[role], role, f"{role.title()} Person", PASSWORD)
        access.ensure_person("stranger@elsewhere.example", "Stranger Person", PASSWORD)
    with worker_scope("test"):
        for role in OPERATOR_ROLES:
            access.add_operator(f"{role}@house.example", role, f"{role.title()} Operator", PASSWORD)
    callers = {"nobody": Client(raise_request_exception=False), "unknown key": key_client("ek_live_unknown")}
    for name, raw in ours.keys.items():
        callers[f"{name} key"] = key_client(raw)
    for role, email in ours.people.items():
        callers[role] = person_client(email)
    callers["stranger"] = person_client("stranger@elsewhere.example")
    for role in OPERATOR_ROLES:
        callers[f"operator {role}"] = person_client(f"{role}@house.example")
    return callers
